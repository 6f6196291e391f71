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
	if h.Command == CommandGenericNack && h.Status == StatusOK {
		h.Status = StatusUnknownError // a refusal, whatever it says
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
		if h.Command == CommandEnquireLinkResp && s.opts.Congestion != nil {
			s.congested(EnquireLinkResp{}, body)
		}
		s.unmatched(h)
		return
	}
	resp, err := s.decode(h, body)
	if s.opts.Congestion != nil {
		s.congested(resp, body)
	}
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

// unmatched traces what is dropped: a response without a request, or what has no
// response and may not come here. The answers to the session's own enquire_link are
// such, and are expected.
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
	if !mayPass(h.Command, s.bind, s.role == RoleSMSC) {
		s.refuse(&Request{session: s, header: h}, StatusInvalidBindStatus)
		return
	}
	pdu, err := s.decode(h, body)
	if err != nil {
		s.refuseBody(h, err)
		return
	}
	s.serve(&Request{session: s, header: h, pdu: pdu}, body)
}

// refuseBody answers a body error: an unknown command with generic_nack, a known
// one with its response, if it has one.
func (s *Session) refuseBody(h Header, err error) {
	if !hasResponse(h.Command) {
		return
	}
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
