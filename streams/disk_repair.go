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
}

// pass looks once, tells, and repairs when that is needed and possible.
func (k *diskKeeper) pass(ctx context.Context) {
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
		k.repair(ctx)
		k.repairAt = time.Now().Add(repairPause)
	}
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
	if now.Before(k.healthAt) {
		return k.suspected
	}
	k.suspected = unwritable(srv)
	k.healthAt = now.Add(healthEvery)
	if k.bus.cfg.Cluster.Listen != "" {
		k.healthAt = now.Add(healthEveryCell)
	}
	return k.suspected
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

// repair starts the server again, if its directory can be written.
func (k *diskKeeper) repair(ctx context.Context) {
	b := k.bus
	if err := tryWrite(b.cfg.Dir); err != nil {
		b.log.Warn("the storage of this node's server cannot be started again yet", "err", err)
		return
	}
	b.log.Info("starting this node's server again: there is room")
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	if err := b.srv.restart(ctx); err != nil {
		b.log.Error("this node's server was not started again, trying on", "err", err)
		return
	}
	k.suspected, k.healthAt = "", time.Time{}
}

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
