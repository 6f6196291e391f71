package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ops serves metrics and health: /metrics, /livez (the process answers), /readyz (every role can do its work), and the
// runtime's profiles below /debug/pprof/.
type ops struct {
	listener net.Listener
	server   *http.Server
}

func (o *ops) addr() net.Addr { return o.listener.Addr() }

func (n *Node) startOps(context.Context) error {
	if n.cfg.Listen.Metrics == "" {
		return nil
	}
	l, err := net.Listen("tcp", n.cfg.Listen.Metrics)
	if err != nil {
		return fmt.Errorf("metrics and health: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := n.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	for path, handler := range map[string]http.HandlerFunc{"/debug/pprof/": pprof.Index, "/debug/pprof/profile": pprof.Profile, "/debug/pprof/trace": pprof.Trace,
		"/debug/pprof/symbol": pprof.Symbol} {
		mux.HandleFunc(path, handler)
	}
	n.ops = &ops{listener: l, server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}
	n.serve("metrics", n.ops.server, l)
	return nil
}

// serve runs an HTTP server as a part of the node.
func (n *Node) serve(name string, server *http.Server, l net.Listener) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			n.fail <- fmt.Errorf("%s: %w", name, err)
		}
	}()
	n.onStop(name, func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		<-done
		return err
	})
}
