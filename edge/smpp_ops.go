package edge

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"tasman/index"
	"tasman/smpp"
	"tasman/sms"
)

const (
	// maxOperations bounds the questions of all SMPP sessions that wait for core; beyond it they are answered with THROTTLED.
	maxOperations = 256
	// operationTime is how long one may take: less than clients wait for an answer.
	operationTime = 5 * time.Second
)

// operate carries out a query_sm, cancel_sm or replace_sm. The session's reader does not wait for it.
func (s *session) operate(r *smpp.Request) {
	select {
	case s.door.operations <- struct{}{}:
	default:
		s.reply(r, smpp.StatusThrottled, nil)
		return
	}
	pdu := kept(r.PDU())
	s.door.watchers.Go(func() {
		defer func() { <-s.door.operations }()
		ctx, cancel := context.WithTimeout(context.Background(), operationTime)
		defer cancel()
		resp, err := s.operation(ctx, pdu)
		if err != nil {
			resp = nil
		}
		s.reply(r, statusOf(err), resp)
	})
}

// kept returns an operation that is valid after its request was served: octets are in the buffer of the session's reader.
func kept(p smpp.PDU) smpp.PDU {
	if m, ok := p.(*smpp.ReplaceSM); ok {
		own := *m
		own.ShortMessage, own.TLVs = bytes.Clone(m.ShortMessage), bytes.Clone(m.TLVs)
		return &own
	}
	return p
}

// operation returns the answer, or an error that statusOf understands.
func (s *session) operation(ctx context.Context, p smpp.PDU) (smpp.PDU, error) {
	switch m := p.(type) {
	case *smpp.QuerySM:
		return s.query(ctx, m)
	case *smpp.CancelSM:
		return smpp.CancelSMResp{}, s.cancel(ctx, m)
	case *smpp.ReplaceSM:
		return smpp.ReplaceSMResp{}, s.replace(ctx, m)
	}
	return nil, smpp.StatusInvalidCommandID
}

// unanswered is the status of an operation whose fate core did not tell.
func (s *session) unanswered(op string, err error) error {
	s.door.log.Warn("operation not answered by core", "operation", op, "session", s.id, "account", s.account, "err", err)
	return smpp.StatusSystemError
}

// query tells what became of a message (SMPP 3.4 4.8): RINVMSGID when the account has none with the id, RQUERYFAIL when its
// source is another, RSYSERR when core does not answer. Of several messages under one id, those of a submit_multi, it is
// the first.
func (s *session) query(ctx context.Context, m *smpp.QuerySM) (smpp.PDU, error) {
	id, err := sms.ParseAnyID(m.MessageID)
	if err != nil {
		return nil, smpp.StatusInvalidMessageID
	}
	reply, err := index.AskStatus(ctx, s.door.edge.bus, index.StatusRequest{ID: id, Account: s.account})
	switch {
	case err != nil:
		return nil, s.unanswered("query_sm", err)
	case !reply.Found || reply.Story.MO:
		return nil, smpp.StatusInvalidMessageID
	case !s.same(m.Source, reply.Story.Message.Source):
		return nil, smpp.StatusQueryFailed
	}
	resp := queryAnswer(&reply.Story, s.conn.Version(), s.door.edge.now())
	resp.MessageID = m.MessageID
	return resp, nil
}

// same reports whether a source address is that of a message: as written, or as the account's country completes it.
func (s *session) same(a smpp.Address, source sms.Address) bool {
	parsed, err := s.readAddress(a, true)
	return err == nil && parsed == source
}

// readAddress reads an address of an operation as a submit_sm of the account would have it.
func (s *session) readAddress(a smpp.Address, source bool) (sms.Address, error) {
	country := ""
	if account := s.door.edge.live.Load().Accounts[s.account]; account != nil {
		country = account.Country
	}
	return readAddress(a, source, country)
}

// queryAnswer tells a story in the words of query_sm_resp (SMPP 3.4 4.8.2, 5.2.28). ACCEPTED of the specification is no
// state of ours; what waits is ENROUTE, and for 5.0 what waits for its time SCHEDULED (5.0 4.7.15).
func queryAnswer(story *index.Story, version uint8, now time.Time) *smpp.QuerySMResp {
	resp := &smpp.QuerySMResp{}
	switch {
	case story.State == sms.StateAccepted && version >= smpp.Version50 && story.Message.NotBefore.After(now):
		resp.State = smpp.StateScheduled
	case story.State == sms.StateAccepted:
		resp.State = smpp.StateEnroute
	default:
		resp.State, _ = wireState(story.State)
	}
	if !story.Final {
		return resp
	}
	for i := range story.Events {
		if e := &story.Events[i]; e.State == story.State { // the first that said so
			resp.FinalDate = smpp.FormatAbsolute(e.Time)
			resp.ErrorCode = errorCode(e.Error)
			break
		}
	}
	return resp
}

// errorCode is an operator's error code where it fits the octet that the answer has for it, else 0.
func errorCode(s string) uint8 {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0
	}
	return uint8(n)
}
