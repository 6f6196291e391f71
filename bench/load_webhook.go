package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"tasman/smpp"
)

// webhookBody bounds what is read of a webhook.
const webhookBody = 64 << 10

// webhook takes receipts that the gateway posts. It does not check signatures: it only measures.
type webhook struct {
	server http.Server
	rec    *recorder
	wg     sync.WaitGroup
}

func newWebhook(ctx context.Context, o *LoadOptions, rec *recorder) (*webhook, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Webhook)
	if err != nil {
		return nil, fmt.Errorf("load: webhook: %w", err)
	}
	h := &webhook{rec: rec}
	h.server = http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	h.wg.Go(func() { _ = h.server.Serve(l) }) // ends with close; before that, missing receipts tell
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Type string `json:"type"`
		Data struct {
			ID    string `json:"id"`
			State string `json:"state"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, webhookBody)).Decode(&m); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if m.Type == "message.receipt" && h.rec.receipts != nil {
		state := smpp.StateOfStat(m.Data.State)
		h.rec.receipts.receipt(m.Data.ID, state, state == smpp.StateEnroute || state == smpp.StateAccepted, h.rec.now())
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *webhook) close(ctx context.Context) {
	if h.server.Shutdown(ctx) != nil {
		_ = h.server.Close() // what it closes is of no more use
	}
	h.wg.Wait()
}
