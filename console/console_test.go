package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"tasman/index"
	"tasman/sms"
)

// core answers the console's questions like a core node.
type core struct {
	story index.Story
	err   error
}

func (c core) Ask(_ context.Context, subject string, req []byte) ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	if subject == index.RecentSubject {
		return json.Marshal(index.RecentReply{Stories: []index.Story{c.story}})
	}
	var q index.StatusRequest
	if err := json.Unmarshal(req, &q); err != nil {
		return nil, err
	}
	return json.Marshal(index.StatusReply{Found: q.ID == c.story.Message.ID, Story: c.story})
}

func serve(t *testing.T, asker index.Asker) (get func(path string) (int, http.Header, string)) {
	t.Helper()
	c, err := New(Config{Addr: "127.0.0.1:0", Node: "test", Links: func() []Link {
		return []Link{{Carrier: "telco", Name: "telco/0", Up: true, Window: 50, IDForm: "decimal for hex"}}
	}, Alarms: func() []string { return []string{"server s1: its disk is read-only"} }},
		asker, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the console ended: %v", err)
		}
	})
	return func(path string) (int, http.Header, string) {
		t.Helper()
		resp, err := http.Get("http://" + c.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header, string(body)
	}
}

func story() index.Story {
	id := sms.NewIDs(nil).Next()
	now := time.Now()
	return index.Story{State: sms.StateDelivered, Carrier: "telco", CarrierIDs: []string{"4711"},
		Message: sms.Message{ID: id, Account: "acme", Integration: "<b>web</b>", Door: "http", Lane: sms.Alert, Encoding: sms.GSM7, Segments: 2,
			Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}, Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}, Accepted: now},
		Events: []sms.Event{{ID: id, Kind: sms.EventAccepted, Time: now, Node: "edge1"}, {ID: id, Kind: sms.EventSent, Time: now, Node: "c1", Carrier: "telco", Link: "telco/0", Attempt: 1}}}
}

func TestPages(t *testing.T) {
	s := story()
	get := serve(t, core{story: s})
	id := s.Message.ID.String()
	for path, wants := range map[string][]string{
		"/":                                   {id, "server s1: its disk is read-only", "telco/0", "bound", "decimal for hex", "acme", "&#43;64211234567", "alert", "delivered"},
		"/messages/" + id:                     {id, "accepted", "sent", "edge1", "4711", "2 segments", "&lt;b&gt;web"},
		"/messages?id=" + id:                  {id},
		"/messages?id=" + s.Message.ID.Hex():  {id},
		"/messages/" + s.Message.ID.Decimal(): {id},
		"/console.css":                        {"color-scheme"},
		"/?before=" + id:                      {id},
	} {
		status, header, body := get(path)
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
		if !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no strict policy", path)
		}
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, body)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	get := serve(t, core{story: story()})
	for path, want := range map[string]int{
		"/messages/nonsense":                           http.StatusBadRequest,
		"/messages?id=nonsense":                        http.StatusBadRequest,
		"/?before=nonsense":                            http.StatusBadRequest,
		"/messages/" + sms.NewIDs(nil).Next().String(): http.StatusNotFound,
		"/nowhere": http.StatusNotFound,
	} {
		if status, _, body := get(path); status != want || !strings.Contains(body, "This did not work") {
			t.Errorf("%s: %d, want %d and a page that says so:\n%s", path, status, want, body)
		}
	}
	down := serve(t, core{err: errors.New("nobody answers")})
	if status, _, body := down("/"); status != http.StatusServiceUnavailable || !strings.Contains(body, "no core node answers") ||
		!strings.Contains(body, "its disk is read-only") {
		t.Errorf("without core: %d %s", status, body)
	}
}
