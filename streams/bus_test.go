package streams

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// TestUnreachedServersAreTold opens a bus whose server is not there: the log says so again and again, without the URL's password.
func TestUnreachedServersAreTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	addr := l.Addr().String()
	check(t, l.Close())
	var told lines
	log := slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := Open(ctx, Config{Node: "far", URLs: []string{"nats://user:hunter2@" + addr}, unreachedEvery: 10 * time.Millisecond}, log, nil)
		ended <- err
	}()
	eventually(t, "the log names the server and why, twice", func() bool {
		return strings.Count(told.String(), addr) >= 2 && strings.Contains(told.String(), "connection refused")
	})
	cancel()
	if err := <-ended; !errors.Is(err, ErrUnavailable) {
		t.Errorf("open ended with %v", err)
	}
	if strings.Contains(told.String(), "hunter2") {
		t.Errorf("the password is in the log: %s", told.String())
	}
}
