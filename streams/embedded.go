package streams

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
)

// embedded is the server of this process. It is started again when its storage has failed and could work again: a server
// whose storage has shut down, or a stream that could not be written, stays so until then.
type embedded struct {
	running atomic.Pointer[server.Server] // the old one while it is started again
	cfg     Config
	own     string // public key of the process's own connection
	log     *slog.Logger
}

// newEmbedded starts the server and waits until it takes clients or ctx ends.
func newEmbedded(ctx context.Context, cfg Config, own string, log *slog.Logger) (*embedded, error) {
	srv, err := startServer(ctx, cfg, own, log)
	if err != nil {
		return nil, err
	}
	e := &embedded{cfg: cfg, own: own, log: log}
	e.running.Store(srv)
	if addr, ok := srv.Addr().(*net.TCPAddr); ok && cfg.Listen != "" { // a port that was chosen for us stays ours
		host, _, err := net.SplitHostPort(cfg.Listen)
		if err != nil {
			stopServer(srv)
			return nil, fmt.Errorf("listen address: %w", err)
		}
		e.cfg.Listen = net.JoinHostPort(host, strconv.Itoa(addr.Port))
	}
	return e, nil
}

// server returns the server that runs, or ran last.
func (e *embedded) server() *server.Server { return e.running.Load() }

// InProcessConn makes a connection to the server without a socket; it implements nats.InProcessConnProvider.
func (e *embedded) InProcessConn() (net.Conn, error) { return e.server().InProcessConn() }

// restart stops the server and starts it on the same files and addresses. Connections come back by themselves. After an error
// no server runs, and restart may be called again.
func (e *embedded) restart(ctx context.Context) error {
	stopServer(e.server())
	srv, err := startServer(ctx, e.cfg, e.own, e.log)
	if err != nil {
		return err
	}
	e.running.Store(srv)
	return nil
}

// stop ends the server.
func (e *embedded) stop() { stopServer(e.server()) }
