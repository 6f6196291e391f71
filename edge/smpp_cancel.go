package edge

import (
	"context"

	"tasman/index"
	"tasman/smpp"
	"tasman/sms"
)

// cancel carries out a cancel_sm (SMPP 3.4 4.9), of one message or group by its id, or of all that wait with the same
// source, destination and service type. OK means that what was to be cancelled is never submitted; RCANCELFAIL that it was
// too late, or that none was found by addresses, or that the source is another; RINVMSGID that the account has no such
// message; RSYSERR that it is not known.
func (s *session) cancel(ctx context.Context, m *smpp.CancelSM) error {
	req := index.CancelRequest{Account: s.account, Group: true, ServiceType: m.ServiceType}
	var err error
	if req.Source, err = s.readAddress(m.Source, true); err != nil || req.Source.IsZero() {
		return smpp.StatusCancelFailed
	}
	if m.MessageID != "" {
		req.ID, err = sms.ParseAnyID(m.MessageID)
		if err != nil {
			return smpp.StatusInvalidMessageID
		}
	} else if req.Destination, err = s.readAddress(m.Destination, false); err != nil {
		return smpp.StatusCancelFailed
	}
	reply, err := index.AskCancel(ctx, s.door.edge.bus, req)
	if err != nil {
		return s.unanswered("cancel_sm", err)
	}
	return operated(reply.Verdict, smpp.StatusCancelFailed)
}

// operated is what a verdict is to the one who asked; failed is the status for what was not done.
func operated(v index.Verdict, failed smpp.Status) error {
	switch v {
	case index.VerdictDone:
		return nil
	case index.VerdictUnknown:
		return smpp.StatusInvalidMessageID
	case index.VerdictLate, index.VerdictBusy, index.VerdictSource:
		return failed
	}
	return smpp.StatusSystemError
}
