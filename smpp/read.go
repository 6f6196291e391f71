package smpp

import (
	"errors"
	"io"
)

// readLoop reads frames until the session ends and returns why.
func (s *Session) readLoop() error {
	for {
		frame, err := s.frames.next()
		if err != nil {
			return s.readFailed(frame, err)
		}
		h, _ := DecodeHeader(frame)
		if h.Command.IsResponse() {
			s.readResponse(h, frame[headerSize:])
		} else {
			s.readRequest(h, frame[headerSize:])
		}
		select {
		case <-s.closing:
			return ErrClosed
		default:
		}
	}
}

// readFailed names the end. A bad length is answered with generic_nack first
// (SMPP 3.4 §4.3), with the sequence number if it can be trusted.
func (s *Session) readFailed(header []byte, err error) error {
	var bad *FrameError
	switch {
	case errors.As(err, &bad):
		h, _ := DecodeHeader(header)
		if bad.Length < headerSize {
			h.Sequence = 0
		}
		s.answer(CommandGenericNack, StatusInvalidCommandLength, h.Sequence, nil)
		s.finish(bad)
		<-s.closing // the flusher closes, or the write time-out does
		return bad
	case errors.Is(err, io.EOF):
		if s.isUnbound() {
			return ErrUnbound
		}
		return ErrPeerClosed
	}
	return err
}

// isUnbound reports whether unbind_resp came or was given.
func (s *Session) isUnbound() bool {
	select {
	case <-s.unboundBy:
		return true
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == phaseFinishing && errors.Is(s.err, ErrUnbound)
}

// readResponse settles the request that a response answers.
func (s *Session) readResponse(h Header, body []byte) {
	switch h.Command {
	case CommandEnquireLinkResp: // not traffic, and any read is a sign of life
	case CommandUnbindResp, CommandGenericNack:
		if s.unbindAnswered(h) {
			return
		}
		s.traffic.Add(1)
	default:
		s.traffic.Add(1)
	}
	s.mu.Lock()
	p, ok := s.window.take(h.Sequence, h.Command)
	var token any
	late := false
	if !ok {
		token, late = s.window.late.take(h.Sequence, h.Command)
	}
	s.mu.Unlock()
	if !ok && !late {
		s.unmatched(h)
		return
	}
	resp, err := s.decode(h, body)
	if late {
		if s.opts.Late != nil {
			s.opts.Late(token, resp, h.Status)
		}
		return
	}
	p.done(Outcome{Kind: Answered, Status: h.Status, Resp: resp, Err: err, Token: p.token})
	// Only now are waiting Sends woken: a Send in done finds its place first.
	s.mu.Lock()
	s.releasedLocked()
	s.mu.Unlock()
}

// unmatched traces a response without a request; the answers to the session's own
// enquire_link are such, and are expected.
func (s *Session) unmatched(h Header) {
	if h.Command == CommandEnquireLinkResp {
		s.traceRead(h, EnquireLinkResp{})
	} else if s.opts.Trace.Unmatched != nil {
		s.opts.Trace.Unmatched(s, h)
	}
}

// decode decodes a body and traces it; the PDU is nil when there is an error.
func (s *Session) decode(h Header, body []byte) (PDU, error) {
	pdu, err := decodeBody(h.Command, body)
	if err != nil {
		if s.opts.Trace.BodyError != nil {
			s.opts.Trace.BodyError(s, h, err)
		}
		return nil, err
	}
	s.traceRead(h, pdu)
	return pdu, nil
}

func (s *Session) traceRead(h Header, pdu PDU) {
	if s.opts.Trace.Read != nil {
		s.opts.Trace.Read(s, h, pdu)
	}
}

// readRequest answers what the session itself answers and hands the rest to the
// handler.
func (s *Session) readRequest(h Header, body []byte) {
	switch h.Command {
	case CommandEnquireLink:
		s.traceRead(h, EnquireLink{})
		s.answer(CommandEnquireLinkResp, StatusOK, h.Sequence, nil)
		return
	case CommandUnbind:
		s.traceRead(h, Unbind{})
		s.peerUnbinds(h.Sequence)
		return
	case CommandBindReceiver, CommandBindTransmitter, CommandBindTransceiver:
		s.answer(h.Command.Response(), StatusAlreadyBound, h.Sequence, nil)
		return
	case CommandOutbind:
		s.answer(CommandGenericNack, StatusInvalidBindStatus, h.Sequence, nil)
		return
	}
	s.traffic.Add(1)
	if h.Command == CommandAlertNotification { // has no response, whatever is wrong with it
		_, _ = s.decode(h, body) // traced
		return
	}
	if !mayPass(h.Command, s.bind, s.role == RoleSMSC) {
		s.answer(h.Command.Response(), StatusInvalidBindStatus, h.Sequence, nil)
		return
	}
	pdu, err := s.decode(h, body)
	if err != nil {
		s.refuseBody(h, err)
		return
	}
	if st := s.takeOn(); st != StatusOK {
		s.answer(h.Command.Response(), st, h.Sequence, nil)
		return
	}
	s.handler.ServeSMPP(&Request{session: s, header: h, pdu: pdu})
}

// refuseBody answers a body error: an unknown command with generic_nack, a known
// one with its response.
func (s *Session) refuseBody(h Header, err error) {
	st := StatusSystemError
	if !errors.As(err, &st) {
		st = StatusSystemError
	}
	c := h.Command.Response()
	if st == StatusInvalidCommandID {
		c = CommandGenericNack
	}
	s.answer(c, st, h.Sequence, nil)
}

// takeOn counts one more request to answer. It waits while MaxPending are
// unanswered, and returns the status to refuse with when it may not be taken.
func (s *Session) takeOn() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.phase == phaseUnbinding:
			return StatusInvalidBindStatus
		case s.phase != phaseOpen:
			return StatusMessageQueueFull // temporary on both sides: it comes again elsewhere
		case s.unanswered < s.opts.MaxPending:
			s.unanswered++
			return StatusOK
		case s.opts.ThrottleWhenFull:
			return StatusThrottled
		}
		s.pauseLocked()
	}
}

// pauseLocked stands still until enough requests are answered, and gives the lock
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
