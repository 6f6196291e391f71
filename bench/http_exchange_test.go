package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const okAnswer = "HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\n\r\n{\"id\":\"m1\"}"

// startRaw plays a target octet by octet: answer is called with each request's connection, and ends it by returning false. The
// number of the request counts from 1 over all connections.
func startRaw(t *testing.T, secure bool, answer func(conn net.Conn, n int) bool) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	url = "http://" + l.Addr().String()
	if secure {
		certs := httptest.NewTLSServer(nil)
		certs.Close()
		l = tls.NewListener(l, &tls.Config{Certificates: certs.TLS.Certificates})
		url = strings.Replace(url, "http", "https", 1)
	}
	var n atomic.Int64
	go func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the load's connection
				defer conn.Close()
				read := bufio.NewReader(conn)
				for {
					r, err := http.ReadRequest(read)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, r.Body); err != nil || !answer(conn, int(n.Add(1))) {
						return
					}
				}
			}()
		}
	}()
	return url
}

func say(text string) func(net.Conn, int) bool {
	return func(conn net.Conn, _ int) bool {
		_, err := io.WriteString(conn, text)
		return err == nil
	}
}

// aConn returns a connection of a load that is not made yet.
func aConn(t *testing.T, o LoadOptions) *httpConn {
	t.Helper()
	o.Conns, o.Count, o.Insecure = 1, 1, true
	o = o.withDefaults()
	texts, err := o.Mix.blend(&o, "")
	if err != nil {
		t.Fatal(err)
	}
	target, err := newHTTPTarget(&o, newRecorder(false), texts, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { target.close(context.Background()) })
	return target.conns[0]
}

// sendOne sends a request and returns the counts since the begin.
func (c *httpConn) sendOne(t *testing.T) (accepted, redials uint64, errors map[string]uint64) {
	c.t.rec.starting(1)
	c.send(t.Context(), httpJob{n: 1})
	return c.t.rec.accepted.Load(), c.t.rec.redials.Load(), c.t.rec.errorCounts()
}

// TestHTTPConnectionsBetweenRequests has something happen to a connection while it waits for its next request. That request is
// answered all the same.
func TestHTTPConnectionsBetweenRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		idle            string // what the target sends before it closes
		close           bool
		strays, redials uint64
	}{
		{"nothing", "", false, 0, 0},
		{"closed", "", true, 0, 0},
		{"closed with 408", "HTTP/1.0 408 Request Time-out\r\n\r\n", true, 0, 0},
		{"answered again", okAnswer, false, 1, 1},
		{"answered again and closed", okAnswer, true, 1, 1},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %t", c.name, secure), func(t *testing.T) {
				t.Parallel()
				answered := make(chan struct{})
				url := startRaw(t, secure, func(conn net.Conn, n int) bool {
					say(okAnswer)(conn, n)
					if n > 1 {
						return true
					}
					<-answered
					say(c.idle)(conn, n)
					return !c.close
				})
				conn := aConn(t, LoadOptions{HTTP: url})
				conn.sendOne(t)
				close(answered)
				if c.close || c.idle != "" {
					conn.t.rec.wait(t.Context(), func() bool { return glance(conn.socket, conn.used) != linkQuiet })
				}
				accepted, redials, errs := conn.sendOne(t)
				if strays := conn.t.strays.Load(); accepted != 2 || len(errs) != 0 || redials != c.redials || strays != c.strays {
					t.Errorf("%d accepted, %v, %d redials, %d with stray octets", accepted, errs, redials, strays)
				}
			})
		}
	}
}

// TestHTTPConnectionsThatAreMadeAhead: a connection takes the first request however long it was there before.
func TestHTTPConnectionsThatAreMadeAhead(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		conn := aConn(t, LoadOptions{HTTP: startRaw(t, secure, say(okAnswer))})
		if err := conn.connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		first := conn.conn
		if accepted, _, errs := conn.sendOne(t); accepted != 1 || conn.conn != first {
			t.Errorf("TLS %t: %d accepted, %v, the same connection: %t", secure, accepted, errs, conn.conn == first)
		}
	}
}

func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	const n = 5
	for _, c := range []struct {
		name            string
		answer          string
		close           bool
		strays, redials uint64
	}{
		{"after interim ones", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + okAnswer, false, 0, 0},
		{"twice", okAnswer + okAnswer, false, n, n - 1},
		{"of HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n{\"id\":\"m1\"}", true, 0, 0},
		{"the last of a connection", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", true, 0, 0},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := aConn(t, LoadOptions{HTTP: startRaw(t, false, func(w net.Conn, n int) bool { return say(c.answer)(w, n) && !c.close })})
			for range n - 1 {
				conn.sendOne(t)
			}
			accepted, redials, errs := conn.sendOne(t)
			if strays := conn.t.strays.Load(); accepted != n || len(errs) != 0 || redials != c.redials || strays != c.strays {
				t.Errorf("%d accepted, %v, %d redials, %d with stray octets", accepted, errs, redials, strays)
			}
		})
	}
}

func TestHTTPAnswersAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2*maxAnswer)
	head := "HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n"
	conn := aConn(t, LoadOptions{HTTP: startRaw(t, false, say(head+long))})
	if accepted, _, errs := conn.sendOne(t); accepted != 1 || conn.body.Len() >= maxAnswer || conn.t.long.Load() != 1 || conn.conn != nil {
		t.Errorf("%d accepted, %v, %d octets", accepted, errs, conn.body.Len())
	}
	conn = aConn(t, LoadOptions{HTTP: startRaw(t, false, say("HTTP/1.1 200 OK\r\nX: "+long+"\r\n\r\n"))})
	if _, _, errs := conn.sendOne(t); errs["no answer: its head is too long"] != 1 {
		t.Errorf("a long head: %v", errs)
	}
}

func TestHTTPRequestsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	reset := func(conn net.Conn, _ int) bool {
		return conn.(*net.TCPConn).SetLinger(0) != nil
	}
	end := func(net.Conn, int) bool { return false }
	second := func(then func(net.Conn, int) bool) func(net.Conn, int) bool {
		return func(conn net.Conn, n int) bool {
			if n == 1 {
				return say(okAnswer)(conn, n)
			}
			return then(conn, n)
		}
	}
	for _, c := range []struct {
		name, want string
		requests   int
		answer     func(net.Conn, int) bool
	}{
		{"closed", "no answer: connection closed", 1, end},
		{"reset", "no answer: connection reset", 1, reset},
		{"closed, of a kept connection", closedEarly, 2, second(end)},
		{"reset, of a kept connection", closedEarly, 2, second(reset)},
		{"half an answer of a kept connection", "no answer: connection closed", 2,
			second(func(conn net.Conn, n int) bool { return say(okAnswer[:20])(conn, n) && false })},
		{"not HTTP", "no answer: not HTTP", 1, say("220 mail ESMTP\r\n")},
		{"silence", "no answer: timed out", 1, func(net.Conn, int) bool { return true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := aConn(t, LoadOptions{HTTP: startRaw(t, false, c.answer)})
			if c.name == "silence" {
				if err := conn.connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				conn.t.opts.Timeout = time.Millisecond
			}
			for range c.requests {
				conn.sendOne(t)
			}
			if diff := cmp.Diff(map[string]uint64{c.want: 1}, conn.t.rec.errorCounts()); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if !conn.lost {
				t.Error("it is not made again")
			}
		})
	}
}

func TestHTTPConnectionsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	trust := aConn(t, LoadOptions{HTTP: startRaw(t, true, say(okAnswer))})
	trust.t.tls.InsecureSkipVerify = false
	for want, conn := range map[string]*httpConn{
		"no connection: refused":                 aConn(t, LoadOptions{HTTP: "http://" + freeAddr(t)}),
		"no connection: certificate not trusted": trust,
		"no connection: not TLS":                 aConn(t, LoadOptions{HTTP: strings.Replace(plain.URL, "http:", "https:", 1)}),
	} {
		if _, _, errs := conn.sendOne(t); errs[want] != 1 {
			t.Errorf("%s: %v", want, errs)
		}
	}
	for want, err := range map[string]error{
		"no connection: no such host":                           &net.OpError{Err: &net.DNSError{IsNotFound: true}},
		"no connection: timed out":                              fmt.Errorf("dial: %w", context.DeadlineExceeded),
		"no connection: the host's name could not be looked up": &net.DNSError{Err: "server misbehaving"},
		"no connection: the TLS handshake failed":               fmt.Errorf("tls: something else"),
		"no connection: " + tls.AlertError(40).Error():          &net.OpError{Err: tls.AlertError(40)},
	} {
		if got := unconnected(err); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestHTTPRequestsWithCredentialsInTheURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    LoadOptions
		want []string
		not  string
	}{
		{LoadOptions{HTTP: "http://joe:p%40w@gw:81/send?to={to}", Call: HTTPCall{Method: "post"}},
			[]string{"POST /send?to=%2B64", "\r\nHost: gw:81\r\n", "\r\nAuthorization: Basic am9lOnBAdw==\r\n", "\r\nContent-Length: 0\r\n\r\n"}, "p%40w"},
		{LoadOptions{HTTP: "http://joe:pw@gw/", Key: "k"}, []string{"\r\nAuthorization: Bearer k\r\n"}, "Basic"},
		{LoadOptions{HTTP: "http://gw/{to}"}, []string{"GET /%2B64"}, "Content-Length"},
	} {
		got := string(aConn(t, c.o).request(httpJob{n: 1}))
		for _, part := range c.want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: no %q in %q", c.o.HTTP, part, got)
			}
		}
		if strings.Contains(got, c.not) {
			t.Errorf("%s: %q in %q", c.o.HTTP, c.not, got)
		}
	}
}

// TestBusyConnectionsAreTold: it is not the target that cannot keep up when there are too few connections.
func TestBusyConnectionsAreTold(t *testing.T) {
	t.Parallel()
	target := aConn(t, LoadOptions{HTTP: "http://gw"}).t
	if !target.start(0, 1, 0) || target.start(1, 1, 0) {
		t.Fatal("a single connection took no message, or two")
	}
	<-target.jobs // nobody works
	target.busy.Store(int64(10 * time.Second))
	target.requests.Store(5)
	want := []string{"messages were held back because all 1 connections were busy, with requests of 2000.0 ms on average: this rate needs --conns 60 or more"}
	if diff := cmp.Diff(want, target.notes(constant(30), 5)); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if got := target.notes(constant(30), 0); got != nil {
		t.Errorf("nothing was held back: %q", got)
	}
}

func TestErrorNamesAreBounded(t *testing.T) {
	t.Parallel()
	rec := newRecorder(false)
	for i := range maxErrors + 10 {
		rec.failed(1, fmt.Sprintf("400 Bad Request: request %d", i))
	}
	rec.failed(1, "400 Bad Request: request 0")
	if errs := rec.errorCounts(); len(errs) != maxErrors+1 || errs[otherErrors] != 10 || errs["400 Bad Request: request 0"] != 2 {
		t.Errorf("%d names: %v", len(errs), errs)
	}
}
