package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxControlBody bounds a request to the control address.
const maxControlBody = 1 << 20

// carrierState is what GET /stats says of a carrier.
type carrierState struct {
	Carrier  string    `json:"carrier,omitempty"`
	Listen   []string  `json:"listen"`
	Phase    string    `json:"phase,omitempty"`
	Stats    SMSCStats `json:"stats"`
	Settings Settings  `json:"settings"`
}

// controlHandler serves what can be asked of and done to the simulators while they run. Each path takes ?carrier=NAME; without
// it all are meant.
func (f *fleet) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", f.each(func(_ *http.Request, c *carrier) (any, error) { return c.state(), nil }))
	mux.HandleFunc("POST /phase", f.each(postPhase))
	mux.HandleFunc("POST /disconnect", f.each(postDisconnect))
	mux.HandleFunc("POST /refuse-binds", f.each(postRefuseBinds))
	registry := prometheus.NewRegistry()
	registry.MustRegister(fleetMetrics{f})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// each does something with the carriers that are meant, and answers with what came of each as a JSON array, or with the first
// error.
func (f *fleet) each(do func(*http.Request, *carrier) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBody))
		var meant []*carrier
		if err == nil {
			meant, err = f.find(r.URL.Query().Get("carrier"))
		}
		answers := make([]any, len(meant))
		for i := 0; i < len(meant) && err == nil; i++ {
			answers[i], err = do(r.WithContext(context.WithValue(r.Context(), bodyKey{}, body)), meant[i])
		}
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			writeJSON(w, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, answers)
	}
}

// bodyKey is the context key of a request's body, which all carriers read.
type bodyKey struct{}

func bodyOf(r *http.Request) []byte {
	b, _ := r.Context().Value(bodyKey{}).([]byte)
	return b
}

func writeJSON(w io.Writer, v any) {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the peer may have gone
}

func (c *carrier) state() carrierState {
	s := carrierState{Carrier: c.name, Phase: c.play.phase(), Stats: c.smsc.Stats(), Settings: c.smsc.Settings()}
	for _, a := range c.smsc.Addrs() {
		s.Listen = append(s.Listen, a.String())
	}
	return s
}

// phaseRequest is the body of POST /phase.
type phaseRequest struct {
	Name string    `yaml:"name"`
	Set  *Settings `yaml:"set"`
}

// postPhase goes to a phase by its name, or changes settings until the next phase.
func postPhase(r *http.Request, c *carrier) (any, error) {
	var req phaseRequest
	if err := decodeYAML("request", bodyOf(r), &req); err != nil {
		return nil, err
	}
	switch {
	case (req.Name == "") == (req.Set == nil):
		return nil, errors.New(`want {"name": PHASE} or {"set": {SETTING: VALUE ...}}`)
	case req.Name != "":
		if err := c.play.goTo(r.Context(), req.Name); err != nil {
			return nil, err
		}
	default:
		// Once more, now on top of what is in force.
		err := c.play.change(func(s *Settings) error {
			again := phaseRequest{Set: s}
			err := decodeYAML("request", bodyOf(r), &again)
			*s = *again.Set
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return c.state(), nil
}

// postDisconnect cuts all sessions, or those of a system_id.
func postDisconnect(r *http.Request, c *carrier) (any, error) {
	var req struct {
		SystemID string `yaml:"system_id"`
	}
	if err := decodeYAML("request", bodyOf(r), &req); err != nil {
		return nil, err
	}
	return map[string]any{"carrier": c.name, "cut": c.smsc.Disconnect(req.SystemID)}, nil
}

// postRefuseBinds has binds refused, for a time or until the next phase.
func postRefuseBinds(r *http.Request, c *carrier) (any, error) {
	req := struct {
		Status StatusCode    `yaml:"status"`
		For    time.Duration `yaml:"for"`
	}{Status: StatusCode(statusNames["BINDFAIL"])}
	if err := decodeYAML("request", bodyOf(r), &req); err != nil {
		return nil, err
	}
	if err := c.play.refuse(req.Status, req.For); err != nil {
		return nil, err
	}
	return c.state(), nil
}

// serveControl serves the control address until ctx ends.
func (f *fleet) serveControl(ctx context.Context, addr string) (net.Addr, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	server := &http.Server{Handler: f.controlHandler(), ReadHeaderTimeout: 10 * time.Second}
	f.wg.Go(func() { _ = server.Serve(ln) }) // ends with Close
	f.wg.Go(func() {
		<-ctx.Done()
		_ = server.Close()
	})
	return ln.Addr(), nil
}
