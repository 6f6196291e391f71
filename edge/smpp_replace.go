package edge

import (
	"context"
	"time"

	"tasman/configs"
	"tasman/index"
	"tasman/smpp"
	"tasman/sms"
)

// replace carries out a replace_sm (SMPP 3.4 4.10) of a message, or all of a group, that waits for its time or a carrier. OK
// means that only what is new will be submitted; RREPLACEFAIL that it is too late or the source another; RINVMSGID that the
// account has no such message; RSYSERR that it is not known. Content, times and what is wrong with them have the statuses
// of submit_sm.
func (s *session) replace(ctx context.Context, m *smpp.ReplaceSM) error {
	id, err := sms.ParseAnyID(m.MessageID)
	switch {
	case err != nil:
		return smpp.StatusInvalidMessageID
	case m.DefaultMessageID != 0:
		return smpp.StatusInvalidDefaultMessage
	}
	core := s.door.edge.bus
	reply, err := index.AskStatus(ctx, core, index.StatusRequest{ID: id, Account: s.account})
	switch {
	case err != nil:
		return s.unanswered("replace_sm", err)
	case !reply.Found || reply.Story.MO:
		return smpp.StatusInvalidMessageID
	case reply.Story.State != sms.StateAccepted || !s.same(m.Source, reply.Story.Message.Source):
		return smpp.StatusReplaceFailed
	}
	account := s.door.edge.live.Load().Accounts[s.account]
	if account == nil {
		return smpp.StatusReplaceFailed // the session is being ended
	}
	req := index.ReplaceRequest{ID: id, Account: s.account, Source: reply.Story.Message.Source}
	if req.With, err = replacement(m, &reply.Story.Message, account, s.door.edge.now()); err != nil {
		return err
	}
	done, err := index.AskReplace(ctx, core, req)
	if err != nil {
		return s.unanswered("replace_sm", err)
	}
	return operated(done.Verdict, smpp.StatusReplaceFailed)
}

// replacement reads what a replace_sm changes of a message. Empty fields keep what was; registered_delivery is always taken.
// The new content is read in the coding of the message, to which its user data header still belongs; its encoding is chosen and
// its segments are counted anew. The error is a *Refusal or a smpp.Status.
func replacement(m *smpp.ReplaceSM, old *sms.Message, account *configs.Account, now time.Time) (index.Replacement, error) {
	with := index.Replacement{
		WantReceipt: wishOf(m.RegisteredDelivery), Intermediate: m.RegisteredDelivery&smpp.RegisteredIntermediate != 0,
		Acks: m.RegisteredDelivery & smpp.RegisteredAcks,
	}
	sub := Submission{Account: account}
	err := readTimes(&sub, &smpp.SubmitSM{ScheduleDeliveryTime: m.ScheduleDeliveryTime, ValidityPeriod: m.ValidityPeriod}, now)
	if err != nil {
		return with, err
	}
	with.NotBefore, with.Validity = sub.NotBefore, sub.Validity
	if sub.NotBefore.IsZero() {
		sub.NotBefore = old.NotBefore
	}
	if sub.Validity.IsZero() {
		sub.Validity = old.Validity
	}
	if r := setTimes(&sms.Message{Accepted: now}, &sub); r != nil {
		return with, r
	}
	payload := m.Payload()
	if len(payload) == 0 {
		return with, nil
	}
	sub.UDH = old.UDH
	coding := codingOf(old.Encoding)
	if old.Coding > 0 {
		coding = uint8(old.Coding - 1)
	}
	if err := readBody(&sub, coding, len(old.UDH), payload); err != nil {
		return with, err
	}
	next := sms.Message{Text: sub.Text, Data: sub.Data, Encoding: sub.Encoding, UDH: old.UDH, Class: old.Class}
	if r := setContent(&next, &sub); r != nil {
		return with, r
	}
	with.Content, with.Text, with.Data, with.Segments = true, next.Text, next.Data, next.Segments
	with.Encoding, with.Shift = next.Encoding, next.Shift
	return with, nil
}

// codingOf is the data_coding that a message of an encoding has (SMPP 3.4 5.2.19).
func codingOf(e sms.Encoding) uint8 {
	switch e {
	case sms.UCS2:
		return 8
	case sms.Latin1:
		return 3
	case sms.Binary:
		return 4
	}
	return 0
}
