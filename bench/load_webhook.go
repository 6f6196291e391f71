package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"tasman/smpp"
)

// webhookBody bounds what is read of a webhook.
const webhookBody = 64 << 10

// HookForm says what the calls to the webhook listener are like; the preset of HTTPCall decides what is left open.
type HookForm struct {
	URL       string // how the target reaches the listener; empty: its address
	Secret    string // of Standard Webhooks: "whsec_..."; empty: signatures are not checked
	IDFrom    string // where a receipt has the id of its message; with StateFrom, instead of the preset's form
	StateFrom string
}

// webhook takes receipts and MOs that the target sends over HTTP.
type webhook struct {
	server http.Server
	url    string
	rec    *recorder
	form   hookReader
	wg     sync.WaitGroup

	mu      sync.Mutex
	refused map[string]int // calls by the reason, of which the form has a few
}

func newWebhook(ctx context.Context, o *LoadOptions, rec *recorder) (*webhook, error) {
	form, err := newHookReader(o)
	if err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Webhook)
	if err != nil {
		return nil, fmt.Errorf("load: webhook: %w", err)
	}
	h := &webhook{rec: rec, form: form, url: o.Hook.URL, refused: make(map[string]int)}
	if h.url == "" {
		h.url = "http://" + l.Addr().String()
	}
	h.server = http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	h.wg.Go(func() { _ = h.server.Serve(l) }) // ends with close; before that, missing receipts tell
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, webhookBody))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	call, err := h.form.read(r, body)
	if err != nil {
		h.mu.Lock()
		h.refused[err.Error()]++
		h.mu.Unlock()
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch {
	case call.mo:
		h.rec.mo([]byte(call.text), call.to, "webhook")
	case call.id != "":
		h.rec.receipt(call.id, call.state, underway(call.state), "webhook")
	}
	if call.answer == "" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_, _ = io.WriteString(w, call.answer) // the target repeats the call when it does not get it
}

// notes says how many calls were refused and why: the receipts in them count as missing.
func (h *webhook) notes() (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, why := range slices.Sorted(maps.Keys(h.refused)) {
		out = append(out, fmt.Sprintf("webhook calls refused: %d: %s", h.refused[why], why))
	}
	return out
}

func (h *webhook) close(ctx context.Context) {
	if h.server.Shutdown(ctx) != nil {
		_ = h.server.Close() // what it closes is of no more use
	}
	h.wg.Wait()
}

// underway reports whether a receipt of this state is an intermediate one.
func underway(s smpp.MessageState) bool {
	return s == smpp.StateEnroute || s == smpp.StateAccepted || s == smpp.StateScheduled
}
