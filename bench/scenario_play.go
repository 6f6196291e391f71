package bench

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// stage is what a timeline plays on.
type stage interface {
	Set(Settings) error
	Settings() Settings
	Disconnect(systemID string) int
}

var _ stage = (*SMSC)(nil)

// timeline leads a simulator through the phases of its operator. Whoever is at the control address may go to a phase, or change
// settings until the next one.
type timeline struct {
	stage   stage
	phases  []Phase
	loop    bool
	jump    chan int
	over    chan struct{}  // closed when run returns
	pending sync.WaitGroup // of later

	mu       sync.Mutex // one change at a time; guards all that follows
	now      string     // name of the phase, empty outside of all
	refusals int        // changes of what binds are refused with, by phases or from outside
}

func newTimeline(s stage, op *Operator) *timeline {
	return &timeline{stage: s, phases: op.Phases, loop: op.Loop, jump: make(chan int), over: make(chan struct{})}
}

// run plays the phases until ctx ends. After the last one it waits to be sent to one.
func (t *timeline) run(ctx context.Context) {
	defer func() {
		t.mu.Lock()
		close(t.over)
		t.mu.Unlock()
		t.pending.Wait()
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for at := 0; ctx.Err() == nil; {
		var over <-chan time.Time
		if at < len(t.phases) {
			t.enter(at)
			ph := &t.phases[at]
			switch last := at == len(t.phases)-1; {
			case ph.For > 0:
				timer.Reset(ph.For)
				over = timer.C
			case !last || t.loop:
				at = t.after(at)
				continue
			}
		}
		select {
		case <-over:
			at = t.after(at)
		case at = <-t.jump:
		case <-ctx.Done():
		}
	}
}

// later calls do after a time, unless the timeline ends before.
func (t *timeline) later(after time.Duration, do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.over:
		return
	default:
	}
	t.pending.Go(func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
			do()
		case <-t.over:
		}
	})
}

// after returns the phase that follows; none after the last one, which then stays.
func (t *timeline) after(at int) int {
	if at+1 == len(t.phases) && t.loop {
		return 0
	}
	return at + 1
}

func (t *timeline) enter(at int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ph := &t.phases[at]
	t.now = ph.Name
	if ph.Set != nil {
		t.refusals++
		_ = t.stage.Set(*ph.Set) // it has been validated; an address taken by another meanwhile is tried again at the next phase
	}
	if ph.Cut {
		t.stage.Disconnect("")
	}
}

// phase returns the name of the phase.
func (t *timeline) phase() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// goTo goes on with the phase of that name.
func (t *timeline) goTo(ctx context.Context, name string) error {
	var names []string
	for i := range t.phases {
		if t.phases[i].Name == name {
			select {
			case t.jump <- i:
				return nil
			case <-t.over:
				return context.Canceled
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		names = append(names, t.phases[i].Name)
	}
	return fmt.Errorf("no phase %q; there are %s", name, strings.Join(names, ", "))
}

// change changes settings until the next phase.
func (t *timeline) change(change func(*Settings) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stage.Settings()
	if err := change(&s); err != nil {
		return err
	}
	return t.stage.Set(s)
}

// refuse has binds refused with a status until the next phase, or for a time, unless it is told otherwise meanwhile. 0 takes
// them again.
func (t *timeline) refuse(with StatusCode, during time.Duration) error {
	var turn int
	err := t.change(func(s *Settings) error {
		t.refusals++
		turn, s.RefuseBinds = t.refusals, with
		return nil
	})
	if err != nil || during <= 0 || with == 0 {
		return err
	}
	t.later(during, func() {
		_ = t.change(func(s *Settings) error { // what is in force is valid
			if t.refusals == turn {
				s.RefuseBinds = 0
			}
			return nil
		})
	})
	return nil
}
