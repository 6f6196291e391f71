package edge

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
	"tasman/sms"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func hookAccount(url string) *configs.Account {
	return &configs.Account{Name: "acme", Webhook: &configs.Webhook{
		URL: url, Secret: hookSecret, Timeout: 5 * time.Second, Events: []configs.WebhookEvent{configs.WebhookReceipt, configs.WebhookMO},
	}}
}

func newTestWebhooks(t *testing.T) *webhooks {
	t.Helper()
	w, err := newWebhooks(quiet(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

var (
	hookTime = time.Date(2026, 11, 21, 5, 30, 0, 0, time.UTC)
	hookID   = sms.IDAt(hookTime)
)

func testReceipt() *sms.Delivery {
	return &sms.Delivery{
		ID: hookID, Account: "acme", Lane: sms.Normal, Carrier: "one", Time: hookTime, State: sms.StateDelivered, Segments: 2, Reference: "r-1",
		Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}, Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"},
		Accepted: hookTime.Add(-time.Minute), Sent: hookTime.Add(-50 * time.Second), Error: "000",
	}
}

func testMO() *sms.Delivery {
	return &sms.Delivery{ID: hookID, Account: "acme", Time: hookTime, MO: &sms.MO{
		ID: hookID, Source: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}, Destination: sms.Address{Kind: sms.ShortCode, Value: "8080"},
		Encoding: sms.UCS2, Text: "ka pai 👍",
	}}
}

func TestWebhookSend(t *testing.T) {
	cases := []struct {
		name, id, typ string
		delivery      *sms.Delivery
		data          map[string]any
	}{
		{"receipt", "receipt_" + hookID.String() + "_delivered", "message.receipt", testReceipt(), map[string]any{
			"id": hookID.String(), "from": "TASMAN", "to": "+64211234567", "state": "delivered", "segments": 2.0, "error": "000", "reference": "r-1",
			"lane": "normal", "accepted": "2026-11-21T05:29:00Z", "sent": "2026-11-21T05:29:10Z",
		}},
		{"MO", "mo_" + hookID.String(), "message.received", testMO(), map[string]any{
			"id": hookID.String(), "from": "+64211234567", "to": "8080", "text": "ka pai 👍", "encoding": "ucs2",
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var got http.Header
			var body []byte
			srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = r.Header.Clone()
				body, _ = io.ReadAll(r.Body)
			}))
			defer srv.Close()
			w := newTestWebhooks(t)
			if err := w.Send(t.Context(), hookAccount(srv.URL), tc.delivery); err != nil {
				t.Fatal(err)
			}
			var call map[string]any
			if err := json.Unmarshal(body, &call); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{"type": tc.typ, "timestamp": "2026-11-21T05:30:00Z", "data": tc.data}
			if diff := cmp.Diff(want, call); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if got.Get("webhook-id") != tc.id || got.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", got)
			}
			// What the receiver does, from the words of the standard.
			key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(hookSecret, "whsec_"))
			mac := hmac.New(sha256.New, key)
			_, _ = io.WriteString(mac, got.Get("webhook-id")+"."+got.Get("webhook-timestamp")+"."+string(body))
			if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); got.Get("webhook-signature") != want {
				t.Errorf("signature %q, want %q", got.Get("webhook-signature"), want)
			}
		})
	}
}

// The example of the Standard Webhooks specification's reference libraries.
func TestSignKnownVector(t *testing.T) {
	h := http.Header{}
	hook := &configs.Webhook{Secret: hookSecret}
	key, err := hook.SigningKey()
	if err != nil {
		t.Fatal(err)
	}
	sign(h, key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got, want := h.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
}

func TestWebhookRefusals(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for _, status := range []int{301, 307, 400, 404, 410, 500, 503} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
		}))
		w := newTestWebhooks(t)
		err := w.Send(t.Context(), hookAccount(srv.URL), testReceipt())
		var answer *webhookError
		if !errors.As(err, &answer) || answer.Status != status {
			t.Errorf("status %d: got %v", status, err)
		}
		srv.Close()
	}
}

func TestWebhookUnreachable(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	err := newTestWebhooks(t).Send(t.Context(), hookAccount(srv.URL+"/secret-token"), testReceipt())
	var answer *webhookError
	if !errors.As(err, &answer) || answer.Status != 0 {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(err.Error(), "secret-token") {
		t.Errorf("the error names the URL: %v", err)
	}
}

func TestWebhookTimeout(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	account := hookAccount(srv.URL)
	account.Webhook.Timeout = 20 * time.Millisecond
	if err := newTestWebhooks(t).Send(t.Context(), account, testReceipt()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a deadline", err)
	}
}

func TestWebhookNotWanted(t *testing.T) {
	w := newTestWebhooks(t)
	receipts := hookAccount("http://127.0.0.1:1")
	receipts.Webhook.Events = []configs.WebhookEvent{configs.WebhookReceipt}
	for name, send := range map[string]func() error{
		"no account": func() error { return w.Send(t.Context(), nil, testReceipt()) },
		"no webhook": func() error { return w.Send(t.Context(), &configs.Account{}, testReceipt()) },
		"no MOs":     func() error { return w.Send(t.Context(), receipts, testMO()) },
	} {
		if err := send(); !errors.Is(err, errNoWebhook) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// One account's slow endpoint neither gets more than its bound nor stops another's.
func TestWebhookConcurrencyPerAccount(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 2*webhookCalls)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-release }))
	defer slow.Close()
	quick := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer quick.Close()
	w := newTestWebhooks(t)
	busy := hookAccount(slow.URL)
	results := make(chan error, webhookCalls+1)
	for range webhookCalls {
		go func() { results <- w.Send(t.Context(), busy, testReceipt()) }()
	}
	for range webhookCalls {
		<-entered
	}
	hurried := hookAccount(slow.URL)
	hurried.Webhook.Timeout = 10 * time.Millisecond
	if err := w.Send(t.Context(), hurried, testReceipt()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one more call: %v", err)
	}
	other := hookAccount(quick.URL)
	other.Name = "other"
	if err := w.Send(t.Context(), other, testReceipt()); err != nil {
		t.Errorf("another account: %v", err)
	}
	close(release)
	for range webhookCalls {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if n := len(entered); n != 0 {
		t.Errorf("%d calls more than the bound", n)
	}
	if n := len(w.slots.byName); n != 0 {
		t.Errorf("%d accounts still have slots", n)
	}
}

func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		if err := s.take(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.take(short, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		taken := make(chan error, 1)
		go func() { taken <- s.take(t.Context(), "a") }()
		synctest.Wait()
		s.give("a")
		if err := <-taken; err != nil {
			t.Fatal(err)
		}
		s.give("a")
		if len(s.byName) != 0 {
			t.Errorf("left over: %v", s.byName)
		}
	})
}
