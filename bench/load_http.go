package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"tasman/sms"
)

// httpTarget posts messages over persistent connections, one request at a time on each. It writes HTTP/1.1 itself and
// leaves the reading to net/http: a request costs one write and no goroutine, so that the load takes little of a machine
// that it shares with the gateway.
type httpTarget struct {
	opts *LoadOptions
	rec  *recorder
	url  *url.URL
	head string // of every request, up to the length of its body
	open string // of every body, up to the destinations
	tail string // of every body, behind the marker
	jobs chan httpJob
	wg   sync.WaitGroup
	stop context.CancelFunc
}

type httpJob struct {
	first    uint64
	n        int
	intended time.Duration
}

// httpPause is how long a connection that cannot be made is left alone.
const httpPause = 100 * time.Millisecond

func newHTTPTarget(o *LoadOptions, rec *recorder, b *blend, _ *webhook) (*httpTarget, error) {
	u, err := url.Parse(o.HTTP)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("load: the HTTP target is not a URL with http or https and a host")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/messages"
	}
	t := &httpTarget{opts: o, rec: rec, url: u, jobs: make(chan httpJob, o.Conns)}
	if err := t.prepare(b); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.stop = cancel
	for range o.Conns {
		c := &httpConn{t: t, texts: newGenerator(b)}
		t.wg.Go(func() { c.work(ctx) })
	}
	return t, nil
}

// prepare writes what is the same in all requests.
func (t *httpTarget) prepare(b *blend) error {
	quoted, err := json.Marshal(b.texts.items[0].rest)
	if err != nil {
		return err
	}
	rest := string(quoted[1 : len(quoted)-1])
	t.head = fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n", t.url.RequestURI(), t.url.Host)
	if t.opts.Key != "" {
		t.head += "Authorization: Bearer " + t.opts.Key + "\r\n"
	}
	t.head += "Content-Length: "
	from, err := json.Marshal(t.opts.From)
	if err != nil {
		return err
	}
	t.open = `{"from":` + string(from) + `,"to":[`
	wish := "none"
	if t.opts.Receipts {
		wish = "final"
	}
	t.tail = rest + `","receipt":"` + wish + `"`
	if t.opts.Lane != sms.Lane(0) {
		t.tail += `,"lane":"` + t.opts.Lane.String() + `"`
	}
	t.tail += "}"
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
	t     *httpTarget
	texts *generator
	conn  net.Conn
	read  *bufio.Reader
	req   []byte
	text  []byte
	body  bytes.Buffer
	made  bool // before
}

// work sends what comes until there is nothing more; the end of ctx ends the wait for an answer.
func (c *httpConn) work(ctx context.Context) {
	defer c.drop()
	for job := range c.t.jobs {
		if err := c.connect(ctx); err != nil {
			c.t.rec.failed(job.n, "no connection")
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
			c.t.rec.failed(job.n, "no answer")
		case status != http.StatusAccepted && status != http.StatusOK && status != http.StatusCreated:
			c.t.rec.failed(job.n, strconv.Itoa(status)+" "+http.StatusText(status))
		default:
			c.accepted(job)
		}
	}
}

// connect makes the connection if there is none.
func (c *httpConn) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.t.opts.Timeout)
	defer cancel()
	u := c.t.url
	addr := u.Host
	var err error
	if u.Scheme == "https" {
		if u.Port() == "" {
			addr = net.JoinHostPort(u.Hostname(), "443")
		}
		c.conn, err = (&tls.Dialer{Config: &tls.Config{ServerName: u.Hostname()}}).DialContext(ctx, "tcp", addr)
	} else {
		if u.Port() == "" {
			addr = net.JoinHostPort(u.Hostname(), "80")
		}
		c.conn, err = new(net.Dialer).DialContext(ctx, "tcp", addr)
	}
	if err != nil {
		c.conn = nil
		return err
	}
	if c.made {
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
	if resp.Close {
		c.drop()
	}
	return resp.StatusCode, nil
}

// request writes the request of a job.
func (c *httpConn) request(job httpJob) []byte {
	b := append(c.text[:0], c.t.open...)
	for i := range job.n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, `"+`...), c.texts.destination(job.first+uint64(i))...), '"')
	}
	b = append(appendMarker(append(b, `],"text":"`...), job.first), c.t.tail...)
	c.text = b
	r := strconv.AppendInt(append(c.req[:0], c.t.head...), int64(len(b)), 10)
	c.req = append(append(r, "\r\n\r\n"...), b...)
	return c.req
}

// accepted counts the messages of a job and notes their ids when receipts are expected.
func (c *httpConn) accepted(job httpJob) {
	rec := c.t.rec
	if rec.receipts != nil {
		const key = `"id":"`
		for b := c.body.Bytes(); ; {
			i := bytes.Index(b, []byte(key))
			if i < 0 {
				break
			}
			b = b[i+len(key):]
			if end := bytes.IndexByte(b, '"'); end >= 0 {
				rec.receipts.accepted(string(b[:end]), job.intended)
			}
		}
	}
	rec.took(int(job.first), job.n, job.intended, rec.now())
}
