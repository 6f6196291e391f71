package smpp

import (
	"errors"
	"os"
	"time"
)

// keepBuffer is the largest write buffer kept for reuse.
const keepBuffer = 256 << 10

// flushAll is the flusher: it swaps the write buffer for an empty one and writes
// what it took in one call. While it writes others append, so under load one
// write carries many PDUs, and when idle each goes out at once.
func (s *Session) flushAll() {
	var spare []byte
	for {
		buf, ok := s.takeOut(spare)
		if !ok {
			return
		}
		if err := s.write(buf); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = ErrSlowPeer
			}
			s.shutdown(err)
			return
		}
		if s.opts.Trace.Flushed != nil {
			s.opts.Trace.Flushed(s, len(buf))
		}
		spare = buf
		if cap(spare) > keepBuffer {
			spare = nil
		}
	}
}

// takeOut waits for something to write and takes it, leaving spare in its place.
// It returns false when the session is over; a finishing session ends here, once
// there is nothing left.
func (s *Session) takeOut(spare []byte) ([]byte, bool) {
	s.mu.Lock()
	for len(s.out) == 0 || s.phase == phaseClosed {
		switch s.phase {
		case phaseClosed:
			s.mu.Unlock()
			return nil, false
		case phaseFinishing:
			s.mu.Unlock()
			s.shutdown(nil)
			return nil, false
		}
		s.idle = true
		s.mu.Unlock()
		select {
		case <-s.kick:
		case <-s.closing:
			return nil, false
		}
		s.mu.Lock()
	}
	buf := s.out
	s.out = spare[:0]
	s.swapped += uint64(len(buf))
	s.passRoomLocked()
	s.mu.Unlock()
	return buf, true
}

// write hands buf to the connection and counts what it took, which decides
// between NotSent and Unknown when the session ends.
func (s *Session) write(buf []byte) error {
	err := s.conn.SetWriteDeadline(time.Now().Add(s.opts.WriteTimeout))
	n := 0
	if err == nil {
		n, err = s.conn.Write(buf)
	}
	s.mu.Lock()
	s.written += uint64(n)
	s.mu.Unlock()
	return err
}

// tickAll is the ticker.
func (s *Session) tickAll(t *timers) {
	ticker := time.NewTicker(t.interval())
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-s.closing:
			return
		}
		s.tick(t)
	}
}

// tick moves the session's clock, settles timed-out requests and does what the
// timers ask for.
func (s *Session) tick(t *timers) {
	now := time.Since(s.started)
	s.mu.Lock()
	a := activity{heard: s.reads.Load(), traffic: s.traffic.Load(), paused: s.paused}
	// While we read nothing, responses may lie unread: their time stands still.
	if !s.paused || a.heard != s.tickedRead {
		s.clock += now - s.tickedAt
	}
	s.tickedAt, s.tickedRead = now, a.heard
	over := s.window.expire(nil, s.clock, s.swapped)
	s.mu.Unlock()

	for _, p := range over {
		p.done(Outcome{Kind: Unknown, Err: ErrResponseTimeout, Token: p.token})
	}
	if len(over) > 0 {
		s.mu.Lock()
		s.releasedLocked()
		s.mu.Unlock()
	}
	switch t.tick(now, a) {
	case actEnquire:
		s.enquire()
	case actSilent:
		s.shutdown(ErrResponseTimeout)
	case actInactive:
		s.shutdown(ErrInactive)
	}
}

// enquire sends enquire_link outside the window: it must be possible when the
// window is full.
func (s *Session) enquire() {
	s.mu.Lock()
	seq := s.window.nextSequence()
	s.mu.Unlock()
	s.answer(CommandEnquireLink, StatusOK, seq, EnquireLink{})
}

// releasedLocked is called when places may have become free or answers been
// given: it wakes a waiting Send and whoever drains.
func (s *Session) releasedLocked() {
	s.passRoomLocked()
	if s.phase != phaseOpen && (s.window.inFlight == 0 || s.unanswered == 0) {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}
