package streams

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// healthEvery is how often a server is asked whether its streams can be written; in a cell that is much work for it.
	healthEvery     = time.Second
	healthEveryCell = 5 * time.Second
	// stuckAfter is when a server that does not answer this is started again: a slow disk answers in seconds.
	stuckAfter = 30 * time.Second
	// probeTime bounds the probe whether the disk can be written.
	probeTime = 5 * time.Second
	// repairPause is between two attempts to start a server again.
	repairPause = 2 * time.Second
	// repairTime bounds one attempt: a server reads what it has stored before it takes clients.
	repairTime = 2 * time.Minute
)

// diskKeeper looks after the disk of this node's server. It belongs to one goroutine.
type diskKeeper struct {
	bus       *Bus
	last      ServerStatus
	toldAt    time.Time
	healthAt  time.Time // next question
	repairAt  time.Time // not before
	suspected string    // what health has said
	asked     time.Time // when health was asked and has not answered; zero when it has
	answer    chan string
}

// pass looks once, tells, and repairs when that is needed and possible. It reports false when no more is to be done.
func (k *diskKeeper) pass(ctx context.Context) bool {
	b := k.bus
	s := look(b.cfg, k.last)
	s.Storage = k.broken(s.Heard)
	changed := s.Trouble() != k.last.Trouble()
	if changed {
		k.say(s)
	}
	b.note(s)
	if changed || s.Heard.Sub(k.toldAt) >= tellEvery {
		b.tell(s)
		k.toldAt = s.Heard
	}
	k.last = s
	if s.Storage != "" && !s.Low && !s.ReadOnly && s.Heard.After(k.repairAt) {
		b.judge(s.Heard) // before what may take long
		if !k.repair(ctx) {
			return false
		}
		k.repairAt = time.Now().Add(repairPause)
	}
	return true
}

// say logs that the state of the server has changed.
func (k *diskKeeper) say(s ServerStatus) {
	switch before := k.last; {
	case s.Storage != "" && before.Storage == "":
		k.bus.log.Error("the storage of this node's server does not work", "why", s.Storage, "free_mib", s.Free>>20)
	case s.ReadOnly && !before.ReadOnly:
		k.bus.log.Error("the disk of this node's server is read-only")
	case s.Low && !before.Low:
		k.bus.log.Error("the disk of this node's server is below its watermark", "free_mib", s.Free>>20, "needed_mib", s.Floor>>20)
	case s.Trouble() == "":
		k.bus.log.Info("the disk and the storage of this node's server are well again", "free_mib", s.Free>>20)
	}
}

// broken returns why the server's streams cannot be written, "" while they can.
func (k *diskKeeper) broken(now time.Time) string {
	srv := k.bus.srv.server()
	if !srv.JetStreamEnabled() {
		if !srv.Running() {
			return "the server is stopped"
		}
		return "the server has shut it down"
	}
	select {
	case k.suspected = <-k.answer:
		k.asked = time.Time{}
	default:
	}
	switch {
	case !k.asked.IsZero() && now.Sub(k.asked) > stuckAfter:
		return fmt.Sprintf("the server has not answered for %v", stuckAfter)
	case k.asked.IsZero() && now.After(k.healthAt):
		k.ask(srv, now)
	}
	return k.suspected
}

// ask asks the server for its health. A server that is stuck never answers, and nobody waits for the question's goroutine then.
func (k *diskKeeper) ask(srv *server.Server, now time.Time) {
	k.asked, k.healthAt = now, now.Add(healthEvery)
	if k.bus.cfg.Cluster.Listen != "" {
		k.healthAt = now.Add(healthEveryCell)
	}
	answer := make(chan string, 1)
	k.answer = answer
	go func() { answer <- unwritable(srv) }()
}

// unwritable returns what a server says of a stream that it has given up writing.
func unwritable(srv *server.Server) string {
	for _, e := range srv.Healthz(&server.HealthzOptions{Details: true}).Errors {
		if strings.Contains(e.Error, "write error") {
			return e.Error
		}
	}
	return ""
}

// repair starts the server again, if its directory can be written. It reports false when only the end of the process helps.
func (k *diskKeeper) repair(ctx context.Context) bool {
	b := k.bus
	if err := within(probeTime, func() error { return tryWrite(b.cfg.Dir) }); err != nil {
		b.log.Warn("the storage of this node's server cannot be started again yet", "err", err)
		return true
	}
	b.log.Info("starting this node's server again: its disk can be written")
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	err := b.srv.restart(ctx)
	if errors.Is(err, errStuck) {
		b.failed <- fmt.Errorf("%w: it must end with its process, which is to be started again", err)
		return false
	}
	if err != nil {
		b.log.Error("this node's server was not started again, trying on", "err", err)
		return true
	}
	k.suspected, k.asked, k.answer, k.healthAt = "", time.Time{}, nil, time.Time{}
	return true
}

// Failed tells when this node's server cannot be made to work again within this process: then the process must end, so that
// whoever watches over it starts it anew.
func (b *Bus) Failed() <-chan error { return b.failed }

// tryWrite brings an octet to the disk.
func tryWrite(dir string) error {
	name := filepath.Join(dir, ".tasman-probe")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	_, err = f.Write([]byte{1})
	if err = errors.Join(err, f.Sync(), f.Close(), os.Remove(name)); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}
