package smpp

import (
	"bytes"
	"context"
)

// Submit sends a submit_sm and waits for its response. ctx covers the wait for a
// place, the writing and the response. It returns the SMSC's message id, the
// Status of a refusal, an *OutcomeError when no answer came (with Kind Unknown
// also when ctx ended after the request was sent), or Send's errors, after which
// nothing was sent.
func (s *Session) Submit(ctx context.Context, m *SubmitSM) (id string, err error) {
	r, err := roundTrip[*SubmitSMResp](ctx, s, m)
	return r.MessageID, err
}

// SubmitMulti sends a submit_multi as Submit does. The destinations that the SMSC
// did not take are in the response's Unsuccessful; its TLVs are a copy.
func (s *Session) SubmitMulti(ctx context.Context, m *SubmitMulti) (SubmitMultiResp, error) {
	return roundTrip[*SubmitMultiResp](ctx, s, m)
}

// Data sends a data_sm as Submit does and returns the peer's message id.
func (s *Session) Data(ctx context.Context, m *DataSM) (id string, err error) {
	r, err := roundTrip[*DataSMResp](ctx, s, m)
	return r.MessageID, err
}

// Deliver sends a deliver_sm and waits for its response as Submit does.
func (s *Session) Deliver(ctx context.Context, m *DeliverSM) error {
	_, err := roundTrip[*DeliverSMResp](ctx, s, m)
	return err
}

// Query sends a query_sm and waits for what it tells, as Submit does; the
// response's TLVs are a copy.
func (s *Session) Query(ctx context.Context, q *QuerySM) (QuerySMResp, error) {
	return roundTrip[*QuerySMResp](ctx, s, q)
}

// Cancel sends a cancel_sm and waits for its response as Submit does.
// StatusCancelFailed says that the message was not there any more to be cancelled.
func (s *Session) Cancel(ctx context.Context, m *CancelSM) error {
	_, err := roundTrip[CancelSMResp](ctx, s, m)
	return err
}

// Replace sends a replace_sm and waits for its response as Submit does.
// StatusReplaceFailed says that the message was not there any more to be replaced.
func (s *Session) Replace(ctx context.Context, m *ReplaceSM) error {
	_, err := roundTrip[ReplaceSMResp](ctx, s, m)
	return err
}

// Notify sends an alert_notification, which has no response (SMPP 3.4 §4.12): no
// error says that it was put into the write buffer and nothing more. It takes no
// place in the window and never waits; when the write buffer is half full it returns
// ErrWindowFull. Other errors are those of Send.
func (s *Session) Notify(m *AlertNotification) error {
	c := m.Command()
	if !mayPass(c, s.bind, s.role == RoleESME) {
		return StatusInvalidBindStatus
	}
	if err := Validate(m); err != nil {
		return err
	}
	s.mu.Lock()
	switch {
	case s.phase != phaseOpen:
		defer s.mu.Unlock()
		return s.endedLocked()
	case len(s.out) >= s.writeLimitLocked()/2:
		s.mu.Unlock()
		return ErrWindowFull
	}
	seq := s.window.nextSequence()
	n := s.appendLocked(c, StatusOK, seq, m)
	s.mu.Unlock()
	s.traffic.Add(1)
	s.traceWrote(c, StatusOK, seq, n, m)
	return nil
}

// response is a response PDU; copied returns it so that it outlives its frame.
type response[T any] interface {
	PDU
	copied() T
}

func (r *SubmitSMResp) copied() SubmitSMResp   { return SubmitSMResp{r.MessageID, bytes.Clone(r.TLVs)} }
func (r *DataSMResp) copied() DataSMResp       { return DataSMResp((*SubmitSMResp)(r).copied()) }
func (r *DeliverSMResp) copied() DeliverSMResp { return DeliverSMResp((*SubmitSMResp)(r).copied()) }
func (CancelSMResp) copied() CancelSMResp      { return CancelSMResp{} }
func (ReplaceSMResp) copied() ReplaceSMResp    { return ReplaceSMResp{} }

func (r *QuerySMResp) copied() QuerySMResp {
	out := *r
	out.TLVs = bytes.Clone(r.TLVs)
	return out
}

func (r *SubmitMultiResp) copied() SubmitMultiResp {
	out := *r
	out.TLVs = bytes.Clone(r.TLVs)
	return out
}

// roundTrip sends and waits for a response of type R.
func roundTrip[R response[T], T any](ctx context.Context, s *Session, pdu PDU) (T, error) {
	type answer struct {
		resp T
		err  error
	}
	answered := make(chan answer, 1)
	err := s.Send(ctx, pdu, nil, func(o Outcome) {
		var a answer
		switch r, ok := o.Resp.(R); {
		case o.Kind != Answered:
			a.err = &OutcomeError{Kind: o.Kind, Err: o.Err}
		case o.Status != StatusOK:
			a.err = o.Status
		case ok:
			a.resp = r.copied()
		default:
			a.err = o.Err // its body could not be decoded
		}
		answered <- a
	})
	var none T
	if err != nil {
		return none, err
	}
	select {
	case a := <-answered:
		return a.resp, a.err
	case <-ctx.Done():
		return none, &OutcomeError{Kind: Unknown, Err: ctx.Err()}
	}
}
