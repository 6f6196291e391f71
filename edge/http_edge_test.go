package edge

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tasman/index"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// startEdge runs a whole edge with the HTTP and mail doors on the bus.
func startEdge(t testing.TB, bus *streams.Bus) (e *Edge, stop func() error) {
	t.Helper()
	e, err := New(Config{Node: "n1", HTTP: "127.0.0.1:0", SMTP: "127.0.0.1:0", Shards: 2, Drain: 5 * time.Second, AcceptTimeout: 2 * time.Second},
		bus, testLive(t), quiet(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	stop = runDoor(t, e.Run)
	for deadline := time.Now().Add(10 * time.Second); !e.takes(); {
		if time.Now().After(deadline) {
			t.Fatal("the edge does not start")
		}
	}
	return e, stop
}

// takes reports whether submissions are taken: a moment after Run they are.
func (e *Edge) takes() bool {
	e.acceptor.mu.Lock()
	defer e.acceptor.mu.Unlock()
	return len(e.acceptor.patience) > 0
}

// storedMTs reads n messages of a lane from the MT stream.
func storedMTs(t testing.TB, bus *streams.Bus, lane sms.Lane, n int) (msgs []sms.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := bus.Consume(ctx, streams.MTReader(0, lane), 4)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for len(msgs) < n {
		b, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("%d of %d messages, then %v", len(msgs), n, err)
		}
		for i := range b.Records {
			msgs = append(msgs, *b.Records[i].Message)
		}
		if err := b.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	return msgs
}

// What is answered with 202 or 250 is in the MT stream, whole.
func TestEdgeStoresWhatItAcknowledges(t *testing.T) {
	bus := streamstest.New(t)
	e, _ := startEdge(t, bus)
	resp, body := post(`{"from":"TASMAN","to":["+64211234567","0211234568"],"text":"Kia ora 👍","reference":"r","validity":"2h"}`).do(t, "http://"+e.HTTPAddr().String())
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	msgs := storedMTs(t, bus, sms.Bulk, 2)
	for _, m := range msgs {
		if !strings.Contains(body, m.ID.String()) {
			t.Errorf("%s is not in %s", m.ID, body)
		}
		if m.Account != "acme" || m.Door != doorHTTP || m.Node != "n1" || m.Text != "Kia ora 👍" || m.Encoding != sms.UCS2 || m.Segments != 1 ||
			m.Validity.Sub(m.Accepted).Round(time.Minute) != 2*time.Hour {
			t.Errorf("message %+v", m)
		}
	}
	if diff := cmp.Diff([]string{"64211234567", "64211234568"}, []string{msgs[0].Destination.Value, msgs[1].Destination.Value}); diff != "" {
		t.Errorf("destinations (-want +got):\n%s", diff)
	}
	c := loggedIn(t, e.SMTPAddr().String())
	if err := c.SendMail("me@x", []string{"0211234567@x"}, strings.NewReader(simpleMail)); err != nil {
		t.Fatal(err)
	}
	m := storedMTs(t, bus, sms.Normal, 1)[0]
	if m.Door != doorEmail || m.Destination.Value != "64211234567" || m.Text != "Kia ora" {
		t.Errorf("message %+v", m)
	}
}

// The funnel's own refusals name the API's fields, and one bad recipient refuses all.
func TestEdgeRefusals(t *testing.T) {
	bus := streamstest.New(t)
	e, _ := startEdge(t, bus)
	url := "http://" + e.HTTPAddr().String()
	cases := []struct{ name, body, typ, field string }{
		{"source", `{"from":"much too long a name","to":"+64211234567","text":"x"}`, ReasonSource, "from"},
		{"recipient", `{"from":"A","to":["+64211234567","+1"],"text":"x"}`, ReasonDestination, "to[1]"},
		{"length", `{"from":"A","to":"+64211234567","text":"` + strings.Repeat("a", 60_000) + `"}`, ReasonTooLong, "text"},
		{"encoding", `{"from":"A","to":"+64211234567","text":"👍","encoding":"gsm7"}`, ReasonEncoding, "encoding"},
		{"udh", `{"from":"A","to":"+64211234567","text":"x","udh":"0505"}`, ReasonHeader, "udh"},
		{"validity", `{"from":"A","to":"+64211234567","text":"x","validity":"2001-01-01T00:00:00Z"}`, ReasonValidity, "validity"},
		{"schedule", `{"from":"A","to":"+64211234567","text":"x","not_before":"1000h"}`, ReasonSchedule, "not_before"},
		{"reference", `{"from":"A","to":"+64211234567","text":"x","reference":"` + strings.Repeat("a", 300) + `"}`, ReasonReference, "reference"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			resp, body := post(tc.body).do(t, url)
			if p := problemOf(t, resp, body); p.Status != 422 || p.Type != tc.typ || len(p.Errors) != 1 || p.Errors[0].Field != tc.field {
				t.Errorf("%+v", p)
			}
		})
	}
	if _, err := bus.Barrier(t.Context(), streams.MTStream(0)); err != nil {
		t.Fatal(err)
	}
	if n := bus.PendingOf(streams.MTReader(0, sms.Bulk)); n != 0 {
		t.Errorf("%d batches stored", n)
	}
}

// Without storage nothing is acknowledged at any door.
func TestEdgeWithoutStorage(t *testing.T) {
	server := streamstest.New(t, streamstest.With(func(c *streams.Config) { c.Listen = "127.0.0.1:0" }))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	bus, err := streams.Open(ctx, streams.Config{Node: "n1", URLs: []string{server.ClientURL()}, Shards: 2}, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = bus.Close(short) // its server is gone
	})
	e, _ := startEdge(t, bus)
	c := loggedIn(t, e.SMTPAddr().String())
	if err := server.Close(ctx); err != nil {
		t.Fatal(err)
	}
	resp, body := post(hello).do(t, "http://"+e.HTTPAddr().String())
	if p := problemOf(t, resp, body); p.Status != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("HTTP: %+v", p)
	}
	if err := c.SendMail("me@x", []string{"64211234567@x"}, strings.NewReader(simpleMail)); code(err) != 451 {
		t.Errorf("mail: %v", err)
	}
}

// Questions go over the bus to whoever serves them.
func TestEdgeAsksCore(t *testing.T) {
	bus := streamstest.New(t)
	e, _ := startEdge(t, bus)
	url := "http://" + e.HTTPAddr().String()
	withKey := post(hello)
	withKey.header = map[string]string{keyHeader: "k"}
	if resp, _ := withKey.do(t, url); resp.StatusCode != 503 {
		t.Errorf("nobody serves: %d", resp.StatusCode)
	}
	core := &fakeCore{key: func(q index.KeyRequest) (index.KeyReply, error) { return index.KeyReply{Verdict: index.KeyGo}, nil }}
	runDoor(t, func(ctx context.Context) error {
		err := bus.Serve(ctx, index.KeySubject, func(ctx context.Context, req []byte) ([]byte, error) { return core.Ask(ctx, index.KeySubject, req) })
		if ctx.Err() != nil {
			return nil
		}
		return err
	})
	deadline := time.Now().Add(10 * time.Second)
	for {
		resp, body := withKey.do(t, url)
		if resp.StatusCode == http.StatusAccepted {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
	}
	if m := storedMTs(t, bus, sms.Bulk, 1)[0]; m.Key != "k" || len(m.KeyHash) != 32 || m.KeyCount != 1 {
		t.Errorf("message %+v", m)
	}
}
