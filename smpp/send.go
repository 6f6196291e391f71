package smpp

import (
	"context"
	"errors"
)

// tlvDependent is a PDU that may be nothing without its TLVs.
type tlvDependent interface {
	needsTLVs() bool
}

// Send puts a request into the window and calls done exactly once with what came
// of it. It waits for a place in the window as long as ctx lives. When it returns
// an error the request was not sent and done is never called: ctx's error, the
// session's end, a *BodyError, StatusInvalidCommandID for what is not a request of
// this kind, StatusInvalidBindStatus when the bind does not allow it, or
// ErrNeedsTLVs. pdu may be used again as soon as Send
// returns.
//
// done runs on the reader or the ticker, outside every lock, and should return
// soon: nothing is read meanwhile. The request's place is free when done is
// called, so done may call Send again; but when others send on the same session
// they may take that place first, and a Send that waits inside done would hold up
// the responses it waits for: there, use TrySend.
func (s *Session) Send(ctx context.Context, pdu PDU, token any, done func(Outcome)) error {
	if err := s.admit(pdu); err != nil {
		return err
	}
	for {
		err := s.trySend(pdu, token, done, true)
		if !errors.Is(err, ErrWindowFull) {
			return err
		}
		select {
		case <-s.room:
		case <-ctx.Done():
			err = ctx.Err()
		case <-s.refusing:
			err = s.ended()
		}
		s.stopWaiting()
		if !errors.Is(err, ErrWindowFull) {
			return err
		}
	}
}

// TrySend is Send that returns ErrWindowFull where Send would wait.
func (s *Session) TrySend(pdu PDU, token any, done func(Outcome)) error {
	if err := s.admit(pdu); err != nil {
		return err
	}
	return s.trySend(pdu, token, done, false)
}

// admit checks all that needs no lock.
func (s *Session) admit(pdu PDU) error {
	c := pdu.Command()
	if !maySend(c) {
		return StatusInvalidCommandID
	}
	if !mayPass(c, s.bind, s.role == RoleESME) {
		return StatusInvalidBindStatus
	}
	if d, ok := pdu.(tlvDependent); ok && !s.sendsTLVs() && d.needsTLVs() {
		return ErrNeedsTLVs
	}
	return Validate(pdu)
}

// trySend reserves a place, takes the sequence number and appends the frame under
// one lock, so that no response can overtake the bookkeeping. With wait set a
// refusal for want of room is counted; stopWaiting takes that back.
func (s *Session) trySend(pdu PDU, token any, done func(Outcome), wait bool) error {
	s.mu.Lock()
	if s.phase != phaseOpen {
		defer s.mu.Unlock()
		return s.endedLocked()
	}
	if !s.roomLocked() {
		if wait {
			s.waiting++
		}
		s.mu.Unlock()
		return ErrWindowFull
	}
	c, p := pdu.Command(), s.window.reserve()
	p.command, p.start, p.token, p.done = c, s.appended, token, done
	p.deadline = s.clock + s.deadlineIn
	seq := p.seq // p is the window's: not to be touched after the unlock
	n := s.appendLocked(c, StatusOK, seq, pdu)
	s.passRoomLocked()
	s.mu.Unlock()
	s.traffic.Add(1)
	s.traceWrote(c, StatusOK, seq, n, pdu)
	return nil
}

// roomLocked reports whether one more request may be sent.
func (s *Session) roomLocked() bool {
	return !s.window.full() && len(s.out) < s.writeLimitLocked()/2
}

// writeLimitLocked bounds the octets that wait to be written. A full window and all
// answers owed must fit when PDUs are of the usual size; a session that needs more
// has a peer that does not read.
func (s *Session) writeLimitLocked() int {
	return (s.opts.Window+s.maxPending)*1024 + 4*s.opts.MaxPDU
}

// passRoomLocked wakes one waiting Send when there is room; that one wakes the next.
func (s *Session) passRoomLocked() {
	if s.waiting > 0 && s.roomLocked() {
		select {
		case s.room <- struct{}{}:
		default:
		}
	}
}

func (s *Session) stopWaiting() {
	s.mu.Lock()
	s.waiting--
	s.mu.Unlock()
}

func (s *Session) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endedLocked()
}

// endedLocked says why nothing can be sent any more.
func (s *Session) endedLocked() error {
	if s.phase == phaseClosed && s.err != nil {
		return s.err
	}
	return ErrUnbound
}

// appendLocked appends one frame to the write buffer and wakes the flusher.
func (s *Session) appendLocked(c CommandID, st Status, seq uint32, pdu PDU) int {
	before := len(s.out)
	s.out = appendFrame(s.out, c, st, seq, pdu, s.sendsTLVs())
	if s.tellsLoad {
		s.out = s.appendCongestion(s.out, before, c, pdu)
	}
	n := len(s.out) - before
	s.appended += uint64(n)
	s.wakeFlusher()
	return n
}

func (s *Session) wakeFlusher() {
	if s.idle {
		s.idle = false
		s.kick <- struct{}{} // never blocks: one place, and idle is set by its reader
	}
}

func (s *Session) traceWrote(c CommandID, st Status, seq uint32, n int, pdu PDU) {
	if s.opts.Trace.Wrote != nil {
		s.opts.Trace.Wrote(s, Header{Length: uint32(n), Command: c, Status: st, Sequence: seq}, pdu)
	}
}

// answer appends a response or one of our own control PDUs. It never waits: a
// peer that lets the buffer fill to its limit loses the session.
func (s *Session) answer(c CommandID, st Status, seq uint32, pdu PDU) {
	s.mu.Lock()
	if s.phase >= phaseFinishing {
		s.mu.Unlock()
		return
	}
	n, err := s.answerLocked(c, st, seq, pdu)
	s.mu.Unlock()
	if err != nil {
		s.shutdown(err)
		return
	}
	s.traceWrote(c, st, seq, n, pdu)
}

func (s *Session) answerLocked(c CommandID, st Status, seq uint32, pdu PDU) (int, error) {
	if len(s.out) >= s.writeLimitLocked() {
		return 0, ErrSlowPeer
	}
	return s.appendLocked(c, st, seq, pdu), nil
}
