package edge

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
	"tasman/index"
	"tasman/sms"
)

// fakeFunnel makes messages without looking at them much and keeps what it accepted.
type fakeFunnel struct {
	refuse func(Submission) error            // nil: nothing is refused
	accept func([]*sms.Message, func(error)) // nil: stored at once
	ids    *sms.IDs
	mu     sync.Mutex
	stored [][]*sms.Message
}

func newFakeFunnel() *fakeFunnel { return &fakeFunnel{ids: sms.NewIDs(nil)} }

func (f *fakeFunnel) Prepare(s Submission) (*sms.Message, error) {
	if f.refuse != nil {
		if err := f.refuse(s); err != nil {
			return nil, err
		}
	}
	return &sms.Message{
		ID: f.ids.Next(), Account: s.Account.Name, Integration: s.Integration, Door: s.Door, Lane: s.Lane, Text: s.Text, Data: s.Data, UDH: s.UDH, Encoding: s.Encoding,
		Source: sms.Address{Kind: sms.Alphanumeric, Value: s.Source}, Destination: sms.Address{Kind: sms.MSISDN, Value: strings.TrimPrefix(s.Destination, "+")},
		Class: s.Class, Segments: 1, WantReceipt: s.WantReceipt, Reference: s.Reference, Key: s.Key, KeyHash: s.KeyHash, KeyIndex: s.KeyIndex, KeyCount: s.KeyCount,
	}, nil
}

func (f *fakeFunnel) Accept(_ context.Context, msgs []*sms.Message, done func(error)) {
	if f.accept != nil {
		f.accept(msgs, done)
		return
	}
	f.mu.Lock()
	f.stored = append(f.stored, msgs)
	f.mu.Unlock()
	done(nil)
}

// all returns what was accepted.
func (f *fakeFunnel) all() (msgs []*sms.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.stored {
		msgs = append(msgs, s...)
	}
	return msgs
}

// fakeCore answers the questions of package index.
type fakeCore struct {
	status func(index.StatusRequest) (index.StatusReply, error)
	key    func(index.KeyRequest) (index.KeyReply, error)
	recent func(index.RecentRequest) (index.RecentReply, error)
	cancel func(index.CancelRequest) (index.CancelReply, error)

	replace func(index.ReplaceRequest) (index.ReplaceReply, error)
}

func (f *fakeCore) Ask(_ context.Context, subject string, req []byte) ([]byte, error) {
	switch subject {
	case index.StatusSubject:
		return answer(req, f.status)
	case index.KeySubject:
		return answer(req, f.key)
	case index.CancelSubject:
		return answer(req, f.cancel)
	case index.ReplaceSubject:
		return answer(req, f.replace)
	}
	return answer(req, f.recent)
}

func answer[Q, A any](req []byte, fn func(Q) (A, error)) ([]byte, error) {
	var q Q
	if err := json.Unmarshal(req, &q); err != nil {
		return nil, err
	}
	a, err := fn(q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

// Credentials of the accounts in testLive.
const (
	acmeKey      = "key-of-acme-0123456789"
	farKey       = "key-of-far-away-0123456"
	suspendedKey = "key-of-suspended-012345"
	mailPassword = "correct horse"
)

// testSnapshot has the accounts acme, far (allowed from elsewhere only) and closed (suspended), each with a key and a mail
// user. It is made once, since each password costs milliseconds.
var testSnapshot = sync.OnceValues(func() (*configs.Snapshot, error) {
	resources, err := configs.Parse("test.yaml", []byte(`
kind: Account
name: acme
spec: {lane: normal, lanes: [alert, normal, bulk], receipts: failure, country: NZ}
---
kind: APIKey
name: acme-key
spec: {account: acme, key: `+acmeKey+`, lane: bulk}
---
kind: MailUser
name: acme-mail
spec: {account: acme, username: acme, password: `+mailPassword+`, source: TASMAN}
---
kind: Account
name: far
spec: {addresses: [192.0.2.0/24]}
---
kind: APIKey
name: far-key
spec: {account: far, key: `+farKey+`}
---
kind: MailUser
name: far-mail
spec: {account: far, username: far, password: `+mailPassword+`, source: TASMAN}
---
kind: Account
name: closed
spec: {suspended: true}
---
kind: APIKey
name: closed-key
spec: {account: closed, key: `+suspendedKey+`}
---
kind: MailUser
name: closed-mail
spec: {account: closed, username: closed, password: `+mailPassword+`, source: TASMAN}
`+anyRoute))
	if err != nil {
		return nil, err
	}
	return configs.NewSnapshot(1, resources)
})

func testLive(t testing.TB) *configs.Live {
	t.Helper()
	snapshot, err := testSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	live := configs.NewLive()
	if err := live.Swap(snapshot); err != nil {
		t.Fatal(err)
	}
	return live
}

// startHTTP runs a door until the test ends and returns its address.
func startHTTP(t testing.TB, f funnel, core index.Asker) (url string, stop func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opts := httpOptions{maxBody: 64 << 10, maxRecipients: 5, maxConns: 1000, drain: 5 * time.Second}
	d, err := newHTTPDoor(ln, f, core, testLive(t), opts, quiet(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + ln.Addr().String(), runDoor(t, d.run)
}

// runDoor runs a door in the background; stop ends it, waits and returns its error. The test's end does so too.
func runDoor(t testing.TB, run func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() { cancel(); err = <-ended })
		return err
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("door: %v", err)
		}
	})
	return stop
}

// request is one HTTP request of a test; key "" sends no Authorization.
type request struct {
	method, path, key, body string
	header                  map[string]string
}

func (r request) do(t testing.TB, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, url+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	if r.key != "" {
		req.Header.Set("Authorization", "Bearer "+r.key)
	}
	if r.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func post(body string) request {
	return request{method: http.MethodPost, path: "/v1/messages", key: acmeKey, body: body}
}

// problemOf reads the problem in an answer.
func problemOf(t testing.TB, resp *http.Response, body string) problem {
	t.Helper()
	if got := resp.Header.Get("Content-Type"); got != problemContentType {
		t.Errorf("content type %q", got)
	}
	var p problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if p.Status != resp.StatusCode || p.Title == "" {
		t.Errorf("problem %+v with status %d", p, resp.StatusCode)
	}
	p.Type = strings.TrimPrefix(p.Type, problemBase)
	return p
}
