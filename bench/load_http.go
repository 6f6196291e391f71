package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"sync"
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
	jobs    chan httpJob
	wg      sync.WaitGroup
	stop    context.CancelFunc
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
	t := &httpTarget{opts: o, rec: rec, call: c, jobs: make(chan httpJob, o.Conns)}
	if hooks != nil {
		t.hookURL = hooks.url
	}
	if t.tls, err = o.tlsConfig(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.stop = cancel
	for i := range o.Conns {
		c := &httpConn{t: t, texts: newGenerator(b), number: i, name: "http/" + strconv.Itoa(i+1)}
		t.wg.Go(func() { c.work(ctx) })
	}
	return t, nil
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
	t.rec.unstarted(n)
	return false
}

// close implements target.
func (t *httpTarget) close(context.Context) {
	t.stop()
	close(t.jobs)
	t.wg.Wait()
}

// httpConn is one persistent connection, over all that it is in turn.
type httpConn struct {
	t      *httpTarget
	texts  *generator
	number int
	name   string // in the journal
	conn   net.Conn
	read   *bufio.Reader
	req    []byte
	text   []byte
	body   bytes.Buffer
	answer places
	made   bool // before
}

// work sends what comes until there is nothing more; the end of ctx ends the wait for an answer.
func (c *httpConn) work(ctx context.Context) {
	defer c.drop()
	for job := range c.t.jobs {
		if err := c.connect(ctx); err != nil {
			c.over(job, journal.NotSent, 0, "no connection")
			select {
			case <-time.After(httpPause):
			case <-ctx.Done():
			}
			continue
		}
		status, err := c.exchange(ctx, job)
		switch {
		case err != nil:
			c.drop()
			c.over(job, journal.Unanswered, 0, "no answer")
		case !c.t.call.accept[status]:
			c.over(job, journal.Refused, status, c.fault(status))
		default:
			c.over(job, journal.Accepted, status, "")
		}
	}
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
	if reason != "" {
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

// connect makes the connection if there is none.
func (c *httpConn) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.t.opts.Timeout)
	defer cancel()
	u := c.t.call.url
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	if u.Scheme == "https" {
		cfg := c.t.tls.Clone()
		cfg.ServerName = u.Hostname()
		secure := tls.Client(conn, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return err
		}
		conn = secure
	}
	if c.conn = conn; c.made {
		c.t.rec.redials.Add(1)
	}
	c.made = true
	c.read = bufio.NewReaderSize(c.conn, 4<<10)
	return nil
}

func (c *httpConn) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// exchange sends one request and reads its answer.
func (c *httpConn) exchange(ctx context.Context, job httpJob) (status int, err error) {
	conn := c.conn
	if err := conn.SetDeadline(time.Now().Add(c.t.opts.Timeout)); err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := conn.Write(c.request(job)); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(c.read, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	c.body.Reset()
	if _, err := c.body.ReadFrom(resp.Body); err != nil {
		return 0, err
	}
	c.answer = places{body: c.body.Bytes(), header: resp.Header}
	if resp.Close {
		c.drop()
	}
	return resp.StatusCode, nil
}

// request writes the request of a job.
func (c *httpConn) request(job httpJob) []byte {
	k := c.t.call
	m := c.texts.choose(job.first)
	b := append(append(c.req[:0], k.method...), ' ')
	b = k.path.render(b, c, &m, job)
	b = append(append(b, " HTTP/1.1\r\nHost: "...), k.url.Host...)
	for i := range k.header {
		h := &k.header[i]
		b = append(append(append(b, "\r\n"...), h.name...), ": "...)
		b = h.value.render(b, c, &m, job)
	}
	if k.body != nil {
		c.text = k.body.render(c.text[:0], c, &m, job)
		b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(len(c.text)), 10)
		b = append(append(b, "\r\n\r\n"...), c.text...)
	} else {
		b = append(b, "\r\n\r\n"...)
	}
	c.req = b
	return b
}
