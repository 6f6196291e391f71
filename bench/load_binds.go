package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"tasman/smpp"
)

// noBindFor is how long a load goes on without any bind that sends, once the time that its messages take at the rate is over.
const noBindFor = 30 * time.Second

// ErrTargetLost is returned beside the result when messages were left because no bind was up any more.
var ErrTargetLost = errors.New("load: no bind to the target is left, and not all messages were sent")

// bindStates is what becomes of the binds of a load. Its methods are safe for concurrent use.
type bindStates struct {
	mu      sync.Mutex
	all, up int
	sending int           // of up, those that submit
	lost    uint64        // also those that were made again
	since   time.Duration // when the last of sending was lost
	refused bool          // one could not be made again since then
	last    error
}

// made counts a bind that is up, first or again.
func (s *bindStates) made(b *loadBind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up++; b.sends() {
		s.sending++
		s.refused = false
	}
}

// fell counts a bind that was lost.
func (s *bindStates) fell(b *loadBind, now time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost++
	s.up--
	if b.sends() {
		s.sending--
		s.since = now
	}
	s.last = fmt.Errorf("bind %s at %s was lost: %w", b.name, b.host, err)
}

// failed notes that a bind could not be made again.
func (s *bindStates) failed(b *loadBind, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = s.refused || b.sends()
	s.last = err
}

// gone reports whether no bind is up that sends, and making one again was in vain.
func (s *bindStates) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sending == 0 && s.refused
}

// missing returns for how long no bind is up that sends.
func (s *bindStates) missing(now time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sending > 0 || s.lost == 0 {
		return 0
	}
	return now - s.since
}

// state says how many are up, nothing while all are.
func (s *bindStates) state() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up == s.all {
		return ""
	}
	return fmt.Sprintf("binds %d of %d", s.up, s.all)
}

// note says what was lost, and why last; empty when nothing was.
func (s *bindStates) note() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == 0 {
		return ""
	}
	return fmt.Sprintf("binds: %d lost, %d of %d up at the end; the last error: %s", s.lost, s.up, s.all, oneLine(s.last))
}

// sends reports whether the bind submits.
func (b *loadBind) sends() bool { return b.mode != smpp.BindReceiver }

// wants are why a target had no room, counted each time that it was asked.
type wants struct{ windows, outstanding, binds uint64 }

// notes says what was full.
func (w *wants) notes(o *LoadOptions, binds int) (notes []string) {
	if w.windows > 0 {
		windows := fmt.Sprintf("all %d windows of %d were full", binds, o.Window)
		if binds == 1 {
			windows = fmt.Sprintf("the one window of %d was full", o.Window)
		}
		notes = append(notes, "held back: "+windows+": more binds, larger windows or faster answers would have made room")
	}
	if w.outstanding > 0 {
		notes = append(notes, fmt.Sprintf("held back: %d messages were without an answer, and no more may be", o.MaxOutstanding))
	}
	if w.binds > 0 {
		notes = append(notes, "held back: no bind was up")
	}
	return notes
}

// lost reports whether the target is given up: there has been no bind for long, and its messages should have been sent.
func (l *load) lost(now time.Duration) bool {
	return l.sendsOverSMPP() && l.rec.binds.missing(now) > noBindFor && now > l.length()
}

func (l *load) sendsOverSMPP() bool { return l.smpp != nil && l.target == target(l.smpp) }

// failure returns why messages were left, nil when the load was to end here.
func (l *load) failure(p *pacer) error {
	if l.sendsOverSMPP() && !l.cut && (p.gaveUp || p.next < p.due) && l.rec.binds.gone() {
		return ErrTargetLost
	}
	return nil
}

// bindError says why a bind was not made; ctx is what the load would have ended it with.
func (t *smppTarget) bindError(ctx context.Context, b *loadBind, err error) error {
	if err == context.DeadlineExceeded && ctx.Err() == nil { //nolint:errorlint // that of a connection says what it is
		err = fmt.Errorf("no answer to the bind in %s", t.bindTimeout())
	}
	return fmt.Errorf("bind %s at %s: %w", b.name, b.host, err)
}

// bindTimeout returns how long connection and bind may take.
func (t *smppTarget) bindTimeout() time.Duration { return min(t.opts.Timeout, smpp.DefaultBindTimeout) }

// lineError is an error in one line.
type lineError struct{ error }

func (e lineError) Error() string { return oneLine(e.error) }

func (e lineError) Unwrap() error { return e.error }

// oneLine writes joined errors in one line.
func oneLine(err error) string {
	if err == nil {
		return "none"
	}
	return strings.ReplaceAll(err.Error(), "\n", ": ")
}
