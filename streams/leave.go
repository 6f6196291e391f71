package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// leaveClients is over how long a server that leaves spreads the ends of its clients' connections, so that they do not all
// come to the others at once.
const leaveClients = time.Second

// leaveSoon has a server that leaves tell its clients and begin to close their connections without another pause.
func leaveSoon(opts *server.Options) {
	opts.LameDuckGracePeriod = time.Millisecond
	opts.LameDuckDuration = leaveClients + opts.LameDuckGracePeriod
}

// leave stops the embedded server. One of a cell hands over what it leads first, so that no election has to be waited for, and
// sends its clients to the others: lame duck mode, which takes two seconds. When ctx ends it stops at once.
func (b *Bus) leave(ctx context.Context) {
	if b.cfg.Cluster.Listen == "" || b.cfg.Listen == "" { // nobody to hand over to, or no clients
		b.stopOwn()
		return
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		b.srv.server().LameDuckShutdown() // ends early when the server is stopped
	}()
	select {
	case <-left:
	case <-ctx.Done():
	}
	if b.stopOwn() {
		<-left
	}
}

// stopOwn stops the embedded server, and reports whether it did.
func (b *Bus) stopOwn() bool {
	err := b.srv.stop()
	if err != nil {
		b.log.Error("the server ends with the process", "err", err)
	}
	return err == nil
}

// ErrBehind is returned while the server's copies are not as they should be.
var ErrBehind = errors.New("the copies of this server are behind")

// Current returns nil when the embedded server has all that it is to have of the streams of its cell, so that another server may
// be stopped; else an ErrBehind that says of what. Without an embedded server, and for one that is alone, it is nil.
func (b *Bus) Current() error {
	if b.srv == nil || b.cfg.Cluster.Listen == "" {
		return nil
	}
	if h := b.srv.server().Healthz(&server.HealthzOptions{}); h.Error != "" {
		return fmt.Errorf("%w: %s", ErrBehind, h.Error)
	}
	return nil
}
