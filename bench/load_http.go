package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tasman/bench/journal"
)

// httpTarget sends messages over persistent connections, one request at a time on each. It writes HTTP/1.1 itself and
// leaves the reading to net/http: a request costs one write and no goroutine, so that the load takes little of a machine
// that it shares with the gateway.
type httpTarget struct {
	opts    *LoadOptions
	rec     *recorder
	call    *call
	tls     *tls.Config
	hookURL string
	hooks   *webhook // nil: none
	jobs    chan httpJob
	wg      sync.WaitGroup
	alive   context.Context
	stop    context.CancelFunc
	conns   []*httpConn

	strays   atomic.Uint64 // connections given up for octets that belong to no request
	long     atomic.Uint64 // answers of more than maxAnswer
	nameless atomic.Uint64 // accepted messages without an id
	full     atomic.Bool   // a request found all connections busy
	busy     atomic.Int64  // nanoseconds of all connections, over their requests
	requests atomic.Int64
}

type httpJob struct {
	first    uint64
	n        int
	intended time.Duration
}

const (
	httpPause  = 100 * time.Millisecond // how long a connection that cannot be made is left alone
	faultChars = 80                     // of an answer, in the name of an error
)

func newHTTPTarget(o *LoadOptions, rec *recorder, b *blend, hooks *webhook) (*httpTarget, error) {
	c, err := newCall(o, b)
	if err != nil {
		return nil, err
	}
	t := &httpTarget{opts: o, rec: rec, call: c, hooks: hooks, jobs: make(chan httpJob, o.Conns)}
	if t.tls, err = o.tlsConfig(); err != nil {
		return nil, err
	}
	t.alive, t.stop = context.WithCancel(context.Background())
	for i := range o.Conns {
		t.conns = append(t.conns, &httpConn{t: t, texts: newGenerator(b), number: i, name: "http/" + strconv.Itoa(i+1)})
	}
	return t, nil
}

// open makes the first connection, so that a load of nobody fails at once; the others are made when they are needed.
func (t *httpTarget) open(ctx context.Context) error {
	first := t.conns[0]
	if err := first.connect(ctx); err != nil {
		return fmt.Errorf("load: %s: %w", t.call.url.Host, err)
	}
	if t.hooks != nil {
		t.hookURL = t.hooks.urlFrom(first.conn.LocalAddr())
	}
	for _, c := range t.conns {
		t.wg.Go(func() { c.work(t.alive) })
	}
	return nil
}

// start implements target: a connection that is free takes the request.
func (t *httpTarget) start(first uint64, n int, intended time.Duration) bool {
	t.rec.starting(n)
	limit := min(t.opts.MaxOutstanding, t.opts.Conns*t.opts.Recipients)
	if t.rec.inFlight.Load() <= int64(limit) {
		select {
		case t.jobs <- httpJob{first, n, intended}:
			return true
		default:
		}
	}
	if limit < t.opts.MaxOutstanding {
		t.full.Store(true)
	}
	t.rec.unstarted(n)
	return false
}

// close implements target.
func (t *httpTarget) close(context.Context) {
	t.stop()
	close(t.jobs)
	t.wg.Wait()
	for _, c := range t.conns {
		c.drop()
	}
}

// httpConn is one persistent connection, over all that it is in turn.
type httpConn struct {
	t      *httpTarget
	texts  *generator
	number int
	name   string   // in the journal
	conn   net.Conn // nil: none
	socket net.Conn // under conn, which may be TLS
	limit  io.LimitedReader
	read   *bufio.Reader
	used   time.Time // when it was made or had its last answer
	kept   bool      // it was there before the request
	lost   bool      // the last one broke
	req    []byte
	text   []byte
	body   bytes.Buffer
	answer places
}

// work sends what comes until there is nothing more; the end of ctx ends the wait for an answer.
func (c *httpConn) work(ctx context.Context) {
	for job := range c.t.jobs {
		began := time.Now()
		if c.send(ctx, job) {
			c.t.busy.Add(int64(time.Since(began)))
			c.t.requests.Add(1)
		}
	}
}

// send sends one request and takes what becomes of it. It reports whether there was an answer.
func (c *httpConn) send(ctx context.Context, job httpJob) (answered bool) {
	if err := c.connect(ctx); err != nil {
		c.over(job, journal.NotSent, 0, unconnected(err))
		select {
		case <-time.After(httpPause):
		case <-ctx.Done():
		}
		return false
	}
	status, err := c.exchange(ctx, job)
	switch {
	case err != nil:
		c.lose()
		c.over(job, journal.Unanswered, 0, c.unanswered(err))
		return false
	case !c.t.call.accept[status] || c.t.call.refuses(&c.answer):
		c.over(job, journal.Refused, status, c.fault(status))
	default:
		c.over(job, journal.Accepted, status, "")
	}
	return true
}

// fault names a refusal.
func (c *httpConn) fault(status int) string {
	reason := strconv.Itoa(status) + " " + http.StatusText(status)
	if text := c.t.call.fault.first(&c.answer); text != "" {
		reason += ": " + clip(asLine.escape(text), faultChars)
	}
	return reason
}

// over takes what became of a request; reason says why it was not accepted.
func (c *httpConn) over(job httpJob, outcome journal.Outcome, status int, reason string) {
	rec := c.t.rec
	now := rec.now()
	if outcome == journal.Accepted && (rec.receipts != nil || rec.journal != nil) {
		c.accepted(job, now, status)
	} else if rec.journal != nil {
		for i := range job.n {
			c.note(job, i, outcome, status, "", now)
		}
	}
	switch {
	case outcome != journal.Refused && strings.HasSuffix(reason, kindTimedOut): // a refusal may say that, too
		rec.timedOut(c.number, job.n, job.intended, now, reason)
		return
	case reason != "":
		rec.failed(job.n, reason)
		return
	}
	rec.took(c.number, job.n, job.intended, now)
}

// accepted notes the ids of a job.
func (c *httpConn) accepted(job httpJob, now time.Duration, status int) {
	rec, id := c.t.rec, c.t.call.id
	i := 0
	take := func(text string) {
		if text == "" {
			return
		}
		if rec.receipts != nil {
			rec.receipts.accepted(text, job.intended)
		}
		if i < job.n {
			c.note(job, i, journal.Accepted, status, text, now)
		}
		i++
	}
	switch {
	case id == nil:
	case id.kind == pickNumber:
		for k := range job.n {
			take(strconv.FormatUint(job.first+uint64(k), 10))
		}
	default:
		id.each(&c.answer, take)
	}
	if i < job.n {
		c.t.nameless.Add(uint64(job.n - i))
		if rec.receipts != nil {
			rec.receipts.acceptedWithoutID(job.n - i)
		}
	}
	for ; i < job.n; i++ {
		c.note(job, i, journal.Accepted, status, "", now)
	}
}

func (c *httpConn) note(job httpJob, i int, outcome journal.Outcome, status int, id string, now time.Duration) {
	rec := c.t.rec
	if rec.journal == nil {
		return
	}
	e := journal.Entry{Kind: journal.Answered, Marker: job.first, ID: id, Outcome: outcome, Status: uint32(status), Via: c.name,
		Destination: journal.Destination(c.texts.destination(job.first + uint64(i)))}
	if outcome == journal.Accepted {
		e.Status = 0
	}
	rec.note(&e, now, job.intended)
}

// notes says what a reader of the result has to know: held is how many requests were held back.
func (t *httpTarget) notes(p *Profile, held uint64) (out []string) {
	if t.call.textless {
		out = append(out, "the requests had no text: neither URL nor body has {text}")
	}
	if n := t.nameless.Load(); n > 0 {
		missing := ""
		if t.opts.Receipts {
			missing = ", so that their receipts are missing"
		}
		out = append(out, fmt.Sprintf("accepted without an id: %d messages have none where --id-from says (%s)%s", n, t.call.idFrom, missing))
	}
	if n := t.strays.Load(); n > 0 {
		out = append(out, fmt.Sprintf("unsolicited answers: %d connections had octets that belong to no request, and were made anew", n))
	}
	if n := t.long.Load(); n > 0 {
		out = append(out, fmt.Sprintf("answers longer than %d MiB, read up to there: %d", maxAnswer>>20, n))
	}
	if held > 0 && p != nil && t.full.Load() {
		out = append(out, t.fullNote(p.Peak()))
	}
	return out
}

// fullNote says how many connections a rate needs with the time that a request took.
func (t *httpTarget) fullNote(rate float64) string {
	note := fmt.Sprintf("messages were held back because all %d connections were busy", t.opts.Conns)
	answered := t.requests.Load()
	if answered == 0 {
		return note + ", and nothing was answered"
	}
	took := time.Duration(t.busy.Load() / answered)
	note += fmt.Sprintf(", with requests of %.1f ms on average", took.Seconds()*1000)
	if need := int(math.Ceil(rate / float64(t.opts.Recipients) * took.Seconds())); need > t.opts.Conns {
		note += fmt.Sprintf(": this rate needs --conns %d or more", need)
	}
	return note
}
