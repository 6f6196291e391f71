package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/bench/results"
	"tasman/sms"
)

// api is the part of the HTTP API that a load uses, with the answers of its choice.
type api struct {
	t      *testing.T
	status func(request int) int

	mu       sync.Mutex
	requests int
	messages int
	markers  markers
	conns    map[string]bool
	last     map[string]any
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var body struct {
		From, Text, Receipt, Lane string
		To                        []string
	}
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &body)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/messages" || r.Header.Get("Authorization") != "Bearer key" {
		a.t.Errorf("%s %s %v: %s, %v", r.Method, r.URL, r.Header, raw, err)
	}
	a.last = map[string]any{"from": body.From, "receipt": body.Receipt, "lane": body.Lane, "rest": body.Text[markerLen:]}
	a.conns[r.RemoteAddr] = true
	n, ok := parseMarker([]byte(body.Text))
	if !ok {
		a.t.Errorf("no marker: %q", body.Text)
	}
	a.markers.see(n)
	a.requests++
	status := http.StatusAccepted
	if a.status != nil {
		status = a.status(a.requests)
	}
	if status == 0 { // no answer at all
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
		return
	}
	w.WriteHeader(status)
	if status != http.StatusAccepted {
		return
	}
	var views []string
	for _, to := range body.To {
		a.messages++
		views = append(views, fmt.Sprintf(`{"id":"m%d","to":%q,"state":"accepted","segments":1}`, a.messages, to))
	}
	fmt.Fprintf(w, `{"messages":[%s]}`, strings.Join(views, ","))
}

func startAPI(t *testing.T, status func(int) int) (*api, string) {
	t.Helper()
	a := &api{t: t, status: status, conns: make(map[string]bool)}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return a, server.URL
}

func TestLoadOverHTTP(t *testing.T) {
	for _, c := range []struct {
		name               string
		o                  LoadOptions
		requests, distinct int
	}{
		{"one by one", LoadOptions{Count: 500, Rate: 10_000}, 500, 500},
		{"as fast as answers come", LoadOptions{Count: 500}, 500, 500},
		{"several in a request", LoadOptions{Count: 505, Recipients: 10}, 51, 51},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, url := startAPI(t, nil)
			c.o.HTTP, c.o.Key, c.o.Conns, c.o.Lane, c.o.Text = url, "key", 4, sms.Bulk, "say \"ā\"\n"
			r, err := Load(t.Context(), c.o, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			n := c.o.Count
			if r.Accepted != n || r.Sent != n || r.Intended != n || len(r.Errors) != 0 || r.Response.Count != int64(n) || r.Redials != 0 {
				t.Errorf("result %+v", r)
			}
			if distinct, _ := a.markers.counts(); a.requests != c.requests || a.messages != int(n) || int(distinct) != c.distinct || len(a.conns) > 4 {
				t.Errorf("%d requests, %d messages, %d markers, %d connections", a.requests, a.messages, distinct, len(a.conns))
			}
			want := map[string]any{"from": "TASMAN", "receipt": "none", "lane": "bulk", "rest": " say \"ā\"\n"}
			if diff := cmp.Diff(want, a.last); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadOverHTTPCountsErrors(t *testing.T) {
	_, url := startAPI(t, func(request int) int {
		switch request % 10 {
		case 0:
			return http.StatusTooManyRequests
		case 5:
			return 0
		}
		return http.StatusAccepted
	})
	r, err := Load(t.Context(), LoadOptions{HTTP: url, Key: "key", Count: 100, Conns: 3}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	refused, none := r.Errors["429 Too Many Requests"], r.Errors["no answer: connection closed"]+r.Errors[closedEarly]
	if refused != 10 || none != 10 || r.Failed() != 20 || r.Accepted != 80 || r.Redials == 0 {
		t.Errorf("%d accepted, %d redials, errors %v", r.Accepted, r.Redials, r.Errors)
	}
}

func TestLoadOverHTTPWithNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r, err := Load(t.Context(), LoadOptions{HTTP: "http://" + l.Addr().String(), Count: 3, Conns: 3}, io.Discard)
	if r != nil || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLoadTakesWebhooks has the API post the receipt of each message before it answers, so that some come early.
func TestLoadTakesWebhooks(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hook := l.Addr().String()
	l.Close()
	a, url := startAPI(t, nil)
	a.status = func(request int) int {
		for _, state := range []string{"enroute", "delivered"} {
			body := fmt.Sprintf(`{"type":"message.receipt","data":{"id":"m%d","state":%q}}`, request, state)
			resp, err := http.Post("http://"+hook, "application/json", bytes.NewReader([]byte(body)))
			if err != nil || resp.StatusCode != http.StatusNoContent {
				t.Errorf("webhook: %v, %v", resp, err)
				continue
			}
			resp.Body.Close()
		}
		return http.StatusAccepted
	}
	r, err := Load(t.Context(), LoadOptions{HTTP: url, Key: "key", Count: 20, Conns: 2, Receipts: true, Webhook: hook, Drain: testTime}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := &results.ReceiptCounts{Expected: 20, Received: 20, Intermediate: 20, ByStat: map[string]uint64{"DELIVRD": 20}}
	if diff := cmp.Diff(want, r.Receipts); diff != "" || a.last["receipt"] != "final" {
		t.Errorf("receipt wish %v; counts (-want +got):\n%s", a.last["receipt"], diff)
	}
}

// TestTargetThatHangs shows the time that messages waited for a target that stands still until the end, of those that timed out and of
// those that never found a connection.
func TestTargetThatHangs(t *testing.T) {
	var n atomic.Int64
	hung := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 10 {
			select {
			case <-hung:
			case <-r.Context().Done():
			}
			return
		}
		fmt.Fprint(w, "ok")
	}))
	defer server.Close()
	defer close(hung)
	r, err := Load(t.Context(), LoadOptions{HTTP: server.URL + "/?text={text}", Conns: 2, Rate: 100, For: time.Second, Timeout: 400 * time.Millisecond}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	late := r.Errors["no answer: timed out"]
	if r.Accepted != 10 || r.Intended != 100 || late == 0 || r.Unsent == 0 || r.Sent+r.Unsent != r.Intended {
		t.Fatalf("%+v", r.Totals)
	}
	if l := r.Response; uint64(l.Count) != r.Accepted+late+r.Unsent || l.P95 < 400 {
		t.Errorf("latencies %+v, with %d timed out and %d never sent", l, late, r.Unsent)
	}
	want := fmt.Sprintf("latencies of %d of 100 intended messages are what they had waited", r.Unsent+late)
	if got := r.Warnings(); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

// TestRefusalThatTellsOfATimeOut is an answer, whatever it says, and no message that waited in vain.
func TestRefusalThatTellsOfATimeOut(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "upstream timed out")
	}))
	defer server.Close()
	r, err := Load(t.Context(), LoadOptions{HTTP: server.URL + "/?text={text}", Conns: 2, Rate: 100, Count: 5, Call: HTTPCall{ErrorFrom: "body"}}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if r.Errors["503 Service Unavailable: upstream timed out"] != 5 || r.Response != nil && r.Response.Count > 0 {
		t.Errorf("%+v, latencies %+v", r.Totals, r.Response)
	}
}
