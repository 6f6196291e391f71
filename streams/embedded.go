package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// embedded is the server of this process. It is started again when its storage has failed and could work again: a server
// whose storage has shut down, or a stream that could not be written, stays so until then.
type embedded struct {
	running atomic.Pointer[server.Server] // the old one while it is started again
	stuck   atomic.Bool                   // it does not stop
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
func (e *embedded) InProcessConn() (net.Conn, error) {
	pipe, err := e.server().InProcessConn()
	if err != nil {
		return nil, err
	}
	return newWriteBehind(pipe), nil
}

// stopTime is how long a server may take to stop. One that met a full disk at the wrong moment waits for itself for ever.
const stopTime = 20 * time.Second

// errStuck is returned when the server does not stop: then only the end of the process helps.
var errStuck = errors.New("the server of this node is stuck")

// restart stops the server and starts it on the same files and addresses. Connections come back by themselves. After errStuck
// the old server is there still; after another error none runs, and restart may be called again.
func (e *embedded) restart(ctx context.Context) error {
	if err := e.stop(); err != nil {
		return err
	}
	srv, err := startServer(ctx, e.cfg, e.own, e.log)
	if err != nil {
		return err
	}
	e.running.Store(srv)
	return nil
}

// stop ends the server, unless it is stuck.
func (e *embedded) stop() error {
	if e.stuck.Load() {
		return errStuck
	}
	err := within(stopTime, func() error { stopServer(e.server()); return nil })
	if err != nil {
		e.stuck.Store(true)
		return fmt.Errorf("%w: %w", errStuck, err)
	}
	return nil
}

// within runs fn, and returns without it when it takes longer than d: what hangs in a disk or a deadlock cannot be ended.
func within(d time.Duration, fn func() error) error {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("no end in %v", d)
	}
}
