package streams

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// maxPayload of the embedded server leaves room for a manifest of many resources; batches stay far below.
const maxPayload = 8 << 20

// bringTime is how long what was stored last may take to reach the disk before the server starts: 64 MB at most, in some hundred files.
const bringTime = time.Minute

// tlsTimeout is how long a handshake between nodes may take.
const tlsTimeout = 5 * time.Second

// startServer runs the embedded server and waits until it takes clients or ctx ends.
// own is the public key of the process's own connection.
func startServer(ctx context.Context, cfg Config, own string, log *slog.Logger) (*server.Server, error) {
	opts := &server.Options{
		ServerName: cfg.Node,
		DontListen: cfg.Listen == "",
		NoSigs:     true,
		MaxPayload: maxPayload,
		JetStream:  true,
		StoreDir:   cfg.Dir,
		SyncAlways: cfg.SyncAlways,
		// Acceptance stops at our own limits and watermark, long before these.
		JetStreamMaxStore:  1 << 50,
		JetStreamMaxMemory: 4 * gib,
	}
	if cfg.Listen != "" {
		host, port, err := splitListen(cfg.Listen)
		if err != nil {
			return nil, err
		}
		opts.Host, opts.Port = host, port
	}
	secure, err := cfg.TLS.config()
	if err != nil {
		return nil, err
	}
	if secure != nil {
		opts.TLS, opts.TLSVerify, opts.TLSConfig, opts.TLSTimeout = true, true, secure, tlsTimeout.Seconds()
	}
	if err := guard(opts, cfg, own); err != nil {
		return nil, err
	}
	if err := joinCell(opts, cfg, secure); err != nil {
		return nil, err
	}
	if cfg.SyncAlways {
		if err := within(bringTime, func() error { return settle(cfg.Dir) }); err != nil {
			return nil, fmt.Errorf("embedded server: %w: %w", ErrUnavailable, err)
		}
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	srv.SetLoggerV2(&serverLog{log: log}, false, false, false)
	srv.Start()
	for !srv.ReadyForConnections(50 * time.Millisecond) { // in a cell too: it does not wait for the others
		if err := ctx.Err(); err != nil || !srv.Running() {
			stopServer(srv)
			return nil, fmt.Errorf("embedded server did not start (is its directory or port in use?): %w", ErrUnavailable)
		}
	}
	if !srv.JetStreamEnabled() {
		stopServer(srv)
		return nil, fmt.Errorf("embedded server could not open its directory: %w", ErrUnavailable)
	}
	return srv, nil
}

func stopServer(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}

func splitListen(addr string) (string, int, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("listen address: %w", err)
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen address %q: bad port", addr)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// serverLog hands the server's log lines to slog: errors as warnings, all else at debug, since the bus reports what matters.
type serverLog struct{ log *slog.Logger }

func (l *serverLog) write(level slog.Level, format string, v []any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "nats server", "line", fmt.Sprintf(format, v...))
	}
}

func (l *serverLog) Noticef(format string, v ...any) { l.write(slog.LevelDebug, format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.write(slog.LevelDebug, format, v) }
func (l *serverLog) Fatalf(format string, v ...any)  { l.write(slog.LevelWarn, format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.write(slog.LevelWarn, format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.write(slog.LevelDebug, format, v) }
func (l *serverLog) Tracef(format string, v ...any)  { l.write(slog.LevelDebug, format, v) }
