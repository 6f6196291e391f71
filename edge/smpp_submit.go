package edge

import (
	"context"
	"errors"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

var _ smpp.Handler = (*session)(nil)

// ServeSMPP implements smpp.Handler. It is not called while the user's window is used up, until a request is answered, which
// each is within AcceptTimeout and maxHold. Meanwhile the session goes on reading for a little, so that enquire_link, unbind
// and answers to our deliver_sm are seen.
func (s *session) ServeSMPP(r *smpp.Request) {
	var sub Submission
	var err error
	switch m := r.PDU().(type) {
	case *smpp.SubmitSM:
		sub, err = s.readSubmit(m)
	case *smpp.DataSM:
		sub, err = s.readSubmit(&smpp.SubmitSM{
			ServiceType: m.ServiceType, Source: m.Source, Destination: m.Destination, ESMClass: m.ESMClass,
			RegisteredDelivery: m.RegisteredDelivery, DataCoding: m.DataCoding, TLVs: m.TLVs,
		})
	case *smpp.SubmitMulti:
		s.submitMulti(r, m)
		return
	case *smpp.QuerySM, *smpp.CancelSM, *smpp.ReplaceSM:
		s.operate(r)
		return
	default:
		err = smpp.StatusInvalidCommandID
	}
	if err != nil {
		s.answer(r, "", err)
		return
	}
	s.submit(r, sub)
}

// submit has a submission accepted, later if the rate wants it so.
func (s *session) submit(r *smpp.Request, sub Submission) {
	msg, err := s.door.edge.Prepare(sub)
	if err != nil {
		s.answer(r, "", err)
		return
	}
	account := sub.Account // alone: the submission need not outlive this call
	s.inRate(r, account, 1, func() { s.accept(r, msg, account) })
}

// inRate has n messages accepted when the rate allows it; a request that would wait too long is refused.
func (s *session) inRate(r *smpp.Request, account *configs.Account, n int, accept func()) {
	wait, ok := s.takeRate(account, n)
	switch {
	case !ok:
		s.throttle(r)
	case wait == 0:
		accept()
	case !s.door.hold.add(wait, accept):
		s.giveRateBack(account, n)
		s.throttle(r)
	}
}

// accept stores a message and answers with its id in the account's form.
func (s *session) accept(r *smpp.Request, msg *sms.Message, account *configs.Account) {
	if !s.mayWait(1) {
		s.overShare(r, account, 1)
		return
	}
	s.door.edge.acceptor.accept(context.Background(), []*sms.Message{msg}, func(err error) {
		s.open.Add(-1)
		s.answer(r, account.SMPP.MessageIDs.Format(msg.ID), err)
	})
}

// takeRate takes n messages from the user's rate and the account's.
func (s *session) takeRate(account *configs.Account, n int) (time.Duration, bool) {
	e := s.door.edge
	user, _, found := e.live.Load().SMPPUser(s.user.SystemID)
	if !found {
		user = s.user
	}
	rate, burst := user.Limit()
	own := limitKey{s.account, user.Name}
	wait, ok := e.limits.take(own, rate, burst, n, e.now(), maxHold)
	if !ok {
		return wait, false
	}
	all, ok := e.takeRate(account, n, maxHold)
	if !ok && rate > 0 {
		e.limits.giveBack(own, n)
	}
	return max(wait, all), ok
}

// giveRateBack returns what takeRate took for messages that are refused for another reason.
func (s *session) giveRateBack(account *configs.Account, n int) {
	limits := s.door.edge.limits
	limits.giveBack(limitKey{s.account, s.user.Name}, n)
	limits.giveBack(limitKey{account: account.Name}, n)
}

func (s *session) throttle(r *smpp.Request) {
	s.door.edge.stats.refused.WithLabelValues(doorSMPP, ReasonRate).Inc()
	s.answer(r, "", &Refusal{Reason: ReasonRate, Msg: "rate used up"})
}

// answer replies once to a request, which gives its place in the window back.
func (s *session) answer(r *smpp.Request, id string, err error) {
	status := statusOf(err)
	var resp smpp.PDU
	if err == nil {
		resp = &smpp.SubmitSMResp{MessageID: id}
		if _, data := r.PDU().(*smpp.DataSM); data {
			resp = &smpp.DataSMResp{MessageID: id}
		}
	}
	s.reply(r, status, resp)
}

// reply answers a request and gives its place in the window back.
func (s *session) reply(r *smpp.Request, status smpp.Status, resp smpp.PDU) {
	// An error means that the session has ended: the client finds the message stored, or submits it again.
	_ = r.Reply(statusFor(status, s.conn.Version()), resp)
	if stats := s.door.edge.stats; status == smpp.StatusOK {
		stats.submitsOK.Inc()
	} else {
		stats.submits.WithLabelValues(status.String()).Inc()
	}
}

// statusOf returns the command_status that tells an error.
func statusOf(err error) smpp.Status {
	if err == nil {
		return smpp.StatusOK
	}
	var refusal *Refusal
	status := smpp.StatusSystemError
	switch {
	case errors.As(err, &refusal):
		return refusal.SMPPStatus()
	case errors.As(err, &status):
	}
	return status
}

// readSubmit translates a submit_sm. The error is a *Refusal or a smpp.Status. Nothing of the result aliases m.
func (s *session) readSubmit(m *smpp.SubmitSM) (Submission, error) {
	e := s.door.edge
	user, account, ok := e.live.Load().SMPPUser(s.user.SystemID)
	if !ok || user.Account != s.account {
		return Submission{}, smpp.StatusInvalidSystemID // the session is being ended
	}
	sub := Submission{
		Account: account, Integration: user.Name, Door: doorSMPP, Lane: user.Lane, ServiceType: m.ServiceType, ProtocolID: m.ProtocolID,
	}
	if m.PriorityFlag >= 2 && account.MayUse(sms.Alert) {
		sub.Lane = sms.Alert
	}
	if err := checkFlags(m); err != nil {
		return sub, err
	}
	sub.WantReceipt, sub.Coding = wishOf(m.RegisteredDelivery), uint16(m.DataCoding)+1
	sub.ESM = m.ESMClass & (smpp.ESMReplyPath | smpp.ESMTypeMask)
	sub.Intermediate, sub.Acks = m.RegisteredDelivery&smpp.RegisteredIntermediate != 0, m.RegisteredDelivery&smpp.RegisteredAcks
	if err := readAddresses(&sub, m); err != nil {
		return sub, err
	}
	if err := readTimes(&sub, m, e.now()); err != nil {
		return sub, err
	}
	if err := readTLVs(&sub, m); err != nil {
		return sub, err
	}
	if err := readContent(&sub, m); err != nil {
		return sub, err
	}
	readSegment(&sub)
	return sub, nil
}

// checkFlags refuses what cannot be honoured (SMPP 3.4 5.2.12, 5.2.14, 5.2.18, 5.2.20): transaction mode too, in which an answer
// of ESME_ROK says that the handset has the message. Datagram mode gets more than it asks for. Reply path, the types of
// acknowledgements and replace_if_present_flag are passed on to the operator.
func checkFlags(m *smpp.SubmitSM) error {
	switch {
	case m.ESMClass&smpp.ESMModeMask == smpp.ESMTransaction:
		return smpp.StatusInvalidESMClass
	case m.ESMClass&smpp.ESMTypeMask != 0 && m.ESMClass&smpp.ESMTypeMask != smpp.ESMDeliveryAck && m.ESMClass&smpp.ESMTypeMask != smpp.ESMUserAck:
		return smpp.StatusInvalidESMClass
	case m.PriorityFlag > 3:
		return smpp.StatusInvalidPriority
	case m.ReplaceIfPresent > 1:
		return smpp.StatusInvalidReplaceFlag
	case m.DefaultMessageID != 0:
		return smpp.StatusInvalidDefaultMessage
	}
	return nil
}

// wishOf reads bits 1-0 of registered_delivery (SMPP 3.4 5.2.17, 5.0 4.7.21).
func wishOf(flags uint8) sms.ReceiptWish {
	return [...]sms.ReceiptWish{sms.NoReceipt, sms.FinalReceipt, sms.FailureReceipt, sms.SuccessReceipt}[flags&3]
}

func readAddresses(sub *Submission, m *smpp.SubmitSM) error {
	var err error
	if sub.SourceAddress, err = readAddress(m.Source, true, sub.Account.Country); err != nil || sub.SourceAddress.IsZero() {
		return addressStatus(err, smpp.StatusInvalidSource, smpp.StatusInvalidSourceTON)
	}
	if sub.DestinationAddress, err = readAddress(m.Destination, false, sub.Account.Country); err != nil {
		return addressStatus(err, smpp.StatusInvalidDestination, smpp.StatusInvalidDestinationTON)
	}
	return nil
}

// readAddress reads an address; one in national form is completed with the country.
func readAddress(a smpp.Address, source bool, country string) (sms.Address, error) {
	parsed, err := sms.AddressFromSMPP(a.TON, a.NPI, a.Addr, source)
	if err == nil {
		return parsed, nil
	}
	return parseWith(func(string) (sms.Address, error) { return parsed, err }, a.Addr, country)
}

func addressStatus(err error, address, ton smpp.Status) error {
	var wrong *sms.AddressError
	if errors.As(err, &wrong) && wrong.Reason == sms.AddressTON {
		return ton
	}
	return address
}

// readTimes reads the two times (SMPP 3.4 7.1.1). A validity longer than ours is cut, since clients set it for all their
// messages and cannot ask what is allowed.
func readTimes(sub *Submission, m *smpp.SubmitSM, now time.Time) error {
	at, _, err := smpp.ParseTime(m.ScheduleDeliveryTime, now)
	if err != nil {
		return smpp.StatusInvalidSchedule
	}
	until, _, err := smpp.ParseTime(m.ValidityPeriod, now)
	if err != nil {
		return smpp.StatusInvalidExpiry
	}
	if latest := now.Add(configs.MaxValidity); until.After(latest) {
		until = latest
	}
	sub.NotBefore, sub.Validity = at, until
	return nil
}
