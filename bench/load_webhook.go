package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
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
	url    string // how the target reaches it
	any    string // the port, when it listens at any address and nobody said how it is reached
	rec    *recorder
	form   hookReader
	wg     sync.WaitGroup

	mu      sync.Mutex
	refused map[string]int // calls by the reason, of which the form has a few
	strange map[string]int // receipts by the word for their state that is not known
	noID    int            // receipts without an id
	calls   int
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
	h := &webhook{rec: rec, form: form, url: o.Hook.URL, refused: make(map[string]int), strange: make(map[string]int)}
	if addr, ok := l.Addr().(*net.TCPAddr); ok && h.url == "" {
		h.url = "http://" + addr.String()
		if addr.IP.IsUnspecified() {
			h.any = strconv.Itoa(addr.Port)
		}
	}
	h.server = http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	h.wg.Go(func() { _ = h.server.Serve(l) }) // ends with close; before that, missing receipts tell
	return h, nil
}

// urlFrom returns how a target reaches the listener that is itself reached from the local address: of a listener at any address,
// that is one the target can have.
func (h *webhook) urlFrom(local net.Addr) string {
	if addr, ok := local.(*net.TCPAddr); ok && h.any != "" {
		return "http://" + net.JoinHostPort(addr.IP.String(), h.any)
	}
	return h.url
}

// ServeHTTP implements http.Handler.
func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.calls++
	h.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, webhookBody))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	call, err := h.form.read(r, body)
	if err != nil {
		h.count(h.refused, err.Error())
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch {
	case call.mo:
		h.rec.mo([]byte(call.text), call.to, "webhook")
	case call.id != "":
		if call.state == smpp.StateNone {
			h.count(h.strange, call.word)
		}
		h.rec.receipt(call.id, call.state, underway(call.state), "webhook")
	case call.noID:
		h.mu.Lock()
		h.noID++
		h.mu.Unlock()
	}
	if call.answer == "" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_, _ = io.WriteString(w, call.answer) // the target repeats the call when it does not get it
}

// count counts a call in one of the maps, which are bounded as the names of errors are.
func (h *webhook) count(calls map[string]int, what string) {
	what = clip(asLine.escape(what), faultChars)
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := calls[what]; !known && len(calls) >= maxErrors {
		what = otherErrors
	}
	calls[what]++
}

// notes says how many calls were refused and why, and what was not understood: the receipts in them count as missing.
func (h *webhook) notes() (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, why := range slices.Sorted(maps.Keys(h.refused)) {
		out = append(out, fmt.Sprintf("webhook calls refused: %d: %s", h.refused[why], why))
	}
	for _, word := range slices.Sorted(maps.Keys(h.strange)) {
		out = append(out, fmt.Sprintf("webhook: the state %q is not known, and counts as an intermediate one: %d calls", word, h.strange[word]))
	}
	if h.noID > 0 {
		out = append(out, fmt.Sprintf("webhook: %d calls without an id", h.noID))
	}
	if h.calls == 0 && h.rec.receipts != nil {
		out = append(out, "webhook: no call came: the target has to know where its receipts go (an account of Tasman has a webhook)")
	}
	return out
}

func (h *webhook) close(ctx context.Context) {
	if h.server.Shutdown(ctx) != nil {
		_ = h.server.Close() // what it closes is of no more use
	}
	h.wg.Wait()
}

// underway reports whether a receipt of this state is an intermediate one. One that is not known may be: were it taken for the
// final one, that would count as repeated.
func underway(s smpp.MessageState) bool {
	return s == smpp.StateEnroute || s == smpp.StateAccepted || s == smpp.StateScheduled || s == smpp.StateNone
}
