package smpp

import "bytes"

// asideCost is what a request set aside holds beside its octets: Request, PDU, strings.
// Without it the shortest PDUs would take ten times the memory that ReadAhead grants.
const asideCost = 256

// serve hands a request to the handler, or sets it aside while MaxPending are
// unanswered. body is what it was decoded from.
func (s *Session) serve(r *Request, body []byte) {
	s.mu.Lock()
	if st := s.refusalLocked(); st != StatusOK {
		s.mu.Unlock()
		s.refuse(r, st)
		return
	}
	if !s.serving && s.placeLocked(r) {
		s.mu.Unlock()
		s.handler.ServeSMPP(r)
		return
	}
	s.mu.Unlock()
	s.setAside(r.header, body)
}

// refusalLocked returns what a new request of the peer is refused with, StatusOK
// when it may be served, now or later.
func (s *Session) refusalLocked() Status {
	switch {
	case s.phase >= phaseUnbinding:
		return StatusInvalidBindStatus
	case s.opts.ThrottleWhenFull && s.unanswered >= s.maxPending:
		return StatusThrottled
	}
	return StatusOK
}

// refuse answers a request that the handler does not see.
func (s *Session) refuse(r *Request, st Status) {
	if c := r.header.Command; hasResponse(c) {
		s.answer(c.Response(), st, r.header.Sequence, nil)
		return
	}
	s.unmatched(r.header)
}

// placeLocked counts one more unanswered request; false means that there are
// MaxPending. One that has no response needs no place.
func (s *Session) placeLocked(r *Request) bool {
	switch {
	case s.holding:
		return false
	case !hasResponse(r.header.Command):
		return true
	case s.unanswered >= s.maxPending:
		return false
	}
	s.unanswered++
	return true
}

// setAside keeps a request until there is a place for it, so that what lies behind
// it can be read: enquire_link, unbind and the responses to our own requests. When
// ReadAhead octets are set aside, it waits, and nothing is read meanwhile.
func (s *Session) setAside(h Header, body []byte) {
	pdu, _ := decodeBody(h.Command, bytes.Clone(body)) // the same octets were decoded before
	r := &Request{session: s, header: h, pdu: pdu}
	s.mu.Lock()
	for len(s.aside) > 0 && s.asideOctets+r.size() > s.opts.ReadAhead && s.refusalLocked() == StatusOK {
		s.pauseLocked()
	}
	if st := s.refusalLocked(); st != StatusOK {
		s.mu.Unlock()
		s.refuse(r, st)
		return
	}
	s.aside = append(s.aside, r)
	s.asideOctets += r.size()
	if !s.serving {
		s.serving = true
		s.wg.Go(s.serveAside)
	}
	s.mu.Unlock()
}

// size is what the request counts against ReadAhead.
func (r *Request) size() int { return int(r.header.Length) + asideCost }

// serveAside serves what was set aside, in order. While it runs the reader serves
// nothing itself, so that the handler sees one request at a time.
func (s *Session) serveAside() {
	for {
		r := s.nextAside()
		if r == nil {
			return
		}
		s.handler.ServeSMPP(r)
	}
}

// nextAside takes the oldest request set aside once there is a place for it, nil
// when there is none left or the session ends.
func (s *Session) nextAside() *Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.aside) > 0 && s.phase < phaseFinishing {
		r := s.aside[0]
		if s.placeLocked(r) {
			s.aside[0] = nil
			s.aside = s.aside[1:]
			s.asideOctets -= r.size()
			if s.paused {
				wake(s.resume)
			}
			return r
		}
		s.wantsPlace = true
		s.mu.Unlock()
		select {
		case <-s.place:
		case <-s.closing:
		}
		s.mu.Lock()
		s.wantsPlace = false
	}
	s.aside, s.asideOctets, s.serving = nil, 0, false
	s.releasedLocked()
	return nil
}

// pauseLocked stands still until something set aside is served, and gives the lock
// back meanwhile.
func (s *Session) pauseLocked() {
	s.paused = true
	s.mu.Unlock()
	if f := s.opts.Trace.Paused; f != nil {
		f(s)
	}
	select {
	case <-s.resume:
	case <-s.closing:
	}
	if f := s.opts.Trace.Resumed; f != nil {
		f(s)
	}
	s.mu.Lock()
	s.paused = false
}

// wakeReadingLocked has those who hold requests of the peer back look again, as the
// phase or the limit has changed.
func (s *Session) wakeReadingLocked() {
	wake(s.resume)
	wake(s.place)
}

// wake puts a token into a channel of one place.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// SetMaxPending changes Options.MaxPending of this session, at any time. In
// Server.OnSession it holds from the first request on. n below 1 counts as 1.
func (s *Session) SetMaxPending(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxPending = max(n, 1)
	s.wakeReadingLocked()
}
