package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	maxAnswer = 1 << 20               // octets of an answer that are read, its head included
	strayTime = 10 * time.Millisecond // how long octets that are there already may take to be read
)

// connect makes the connection if there is none that can be used.
func (c *httpConn) connect(ctx context.Context) error {
	if c.kept = c.alive(); c.kept {
		return nil
	}
	c.drop()
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
	c.socket = conn
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
	if c.conn = conn; c.lost {
		c.t.rec.redials.Add(1)
	}
	c.lost, c.used = false, time.Now()
	c.limit = io.LimitedReader{R: conn}
	c.read = bufio.NewReaderSize(&c.limit, 4<<10)
	return nil
}

// alive looks, before a request, whether the connection is still one. A target may close it between two requests whenever it
// likes: that is nobody's fault, and a request written to it would look like one without an answer.
func (c *httpConn) alive() bool {
	if c.conn == nil {
		return false
	}
	switch glance(c.socket, c.used) {
	case linkQuiet:
		return true
	case linkClosed:
		return false
	}
	// Of TLS these may be records that are nothing to HTTP.
	if c.conn.SetReadDeadline(time.Now().Add(strayTime)) != nil {
		return false
	}
	c.limit.N = maxAnswer
	head, err := c.read.Peek(len("HTTP/1.1 408"))
	if len(head) == 0 {
		return errors.Is(err, os.ErrDeadlineExceeded)
	}
	if status := string(head); len(status) < 12 || status[:5] != "HTTP/" || status[8:] != " 408" { // a way to say that it is closed
		c.stray()
	}
	return false
}

// stray gives up a connection with octets that belong to no request: they would be taken for the answer to the next.
func (c *httpConn) stray() {
	c.t.strays.Add(1)
	c.lose()
}

// lose gives up a connection that broke; drop one that ends in order.
func (c *httpConn) lose() {
	c.drop()
	c.lost = true
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
	c.limit.N = maxAnswer
	if err := conn.SetDeadline(time.Now().Add(c.t.opts.Timeout)); err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := conn.Write(c.request(job)); err != nil {
		return 0, err
	}
	resp, err := c.head()
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	c.body.Reset()
	_, err = c.body.ReadFrom(resp.Body)
	long := c.limit.N <= 0
	if err != nil && !long {
		return 0, err
	}
	c.answer = places{body: c.body.Bytes(), header: resp.Header}
	c.used = time.Now()
	switch {
	case long:
		c.t.long.Add(1)
		c.drop()
	case resp.Close || resp.StatusCode == http.StatusSwitchingProtocols:
		c.drop()
	case c.read.Buffered() > 0:
		c.stray()
	}
	return resp.StatusCode, nil
}

// head reads the head of the answer; what comes ahead of it, such as 100 Continue, is no answer.
func (c *httpConn) head() (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(c.read, &http.Request{Method: c.t.call.method})
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
		resp.Body.Close()
	}
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
	c.text = c.text[:0]
	if k.body != nil {
		c.text = k.body.render(c.text, c, &m, job)
	}
	if k.body != nil || k.method != http.MethodGet && k.method != http.MethodHead {
		b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(len(c.text)), 10)
	}
	b = append(append(b, "\r\n\r\n"...), c.text...)
	c.req = b
	return b
}
