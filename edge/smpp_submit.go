package edge

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

var _ smpp.Handler = (*session)(nil)

// ServeSMPP implements smpp.Handler. It waits while the user's window is used up: then nothing more is read of a session,
// until one of its submits is answered, which each is within AcceptTimeout and maxHold.
func (s *session) ServeSMPP(r *smpp.Request) {
	s.slots <- struct{}{}
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
	e := s.door.edge
	msg, err := e.Prepare(sub)
	if err != nil {
		s.answer(r, "", err)
		return
	}
	wait, ok := s.takeRate(sub.Account)
	if !ok {
		s.throttle(r)
		return
	}
	if wait == 0 {
		s.accept(r, msg)
	} else if !e.smpp.hold.add(wait, func() { s.accept(r, msg) }) {
		s.throttle(r)
	}
}

func (s *session) accept(r *smpp.Request, msg *sms.Message) {
	s.door.edge.acceptor.accept(context.Background(), []*sms.Message{msg}, func(err error) { s.answer(r, msg.ID.String(), err) })
}

// takeRate takes one message from the user's rate and the account's.
func (s *session) takeRate(account *configs.Account) (time.Duration, bool) {
	e := s.door.edge
	user, _, found := e.live.Load().SMPPUser(s.user.SystemID)
	if !found {
		user = s.user
	}
	rate, burst := user.Limit()
	own := limitKey{s.account, user.Name}
	wait, ok := e.limits.take(own, rate, burst, 1, e.now(), maxHold)
	if !ok {
		return wait, false
	}
	all, ok := e.takeRate(account, 1, maxHold)
	if !ok && rate > 0 {
		e.limits.giveBack(own, 1)
	}
	return max(wait, all), ok
}

func (s *session) throttle(r *smpp.Request) {
	s.door.edge.stats.refused.WithLabelValues(doorSMPP, ReasonRate).Inc()
	s.answer(r, "", &Refusal{Reason: ReasonRate, Msg: "rate used up"})
}

// answer replies once to a request and gives its place in the window back.
func (s *session) answer(r *smpp.Request, id string, err error) {
	status := statusOf(err)
	var resp smpp.PDU
	if err == nil {
		resp = &smpp.SubmitSMResp{MessageID: id}
		if _, data := r.PDU().(*smpp.DataSM); data {
			resp = &smpp.DataSMResp{MessageID: id}
		}
	}
	// An error means that the session has ended: the client finds the message stored, or submits it again.
	_ = r.Reply(status, resp)
	<-s.slots
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
	sub.WantReceipt = wishOf(m.RegisteredDelivery)
	if err := readAddresses(&sub, m); err != nil {
		return sub, err
	}
	if err := readTimes(&sub, m, e.now()); err != nil {
		return sub, err
	}
	return sub, readContent(&sub, m)
}

// checkFlags refuses what cannot be honoured (SMPP 3.4 5.2.12, 5.2.14, 5.2.18, 5.2.20). A replace_if_present_flag is let
// pass: both messages are then sent.
func checkFlags(m *smpp.SubmitSM) error {
	switch {
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
	read := func(a smpp.Address, source bool) (sms.Address, error) {
		parsed, err := sms.AddressFromSMPP(a.TON, a.NPI, a.Addr, source)
		if err == nil {
			return parsed, nil
		}
		return parseWith(func(string) (sms.Address, error) { return parsed, err }, a.Addr, sub.Account.Country)
	}
	var err error
	if sub.SourceAddress, err = read(m.Source, true); err != nil || sub.SourceAddress.IsZero() {
		return addressStatus(err, smpp.StatusInvalidSource, smpp.StatusInvalidSourceTON)
	}
	if sub.DestinationAddress, err = read(m.Destination, false); err != nil {
		return addressStatus(err, smpp.StatusInvalidDestination, smpp.StatusInvalidDestinationTON)
	}
	return nil
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

// readContent reads header, coding and payload.
func readContent(sub *Submission, m *smpp.SubmitSM) error {
	payload := m.Payload()
	if m.ESMClass&smpp.ESMUDHI != 0 {
		udh, body, err := smpp.SplitUDH(payload)
		if err != nil {
			return smpp.StatusInvalidESMClass
		}
		sub.UDH, payload = bytes.Clone(udh), body
	} else if header, ok := concatOf(m.TLVs); ok {
		sub.UDH = header
	}
	if len(payload) == 0 && len(sub.UDH) == 0 {
		return smpp.StatusInvalidMessageLength
	}
	return decodeContent(sub, m.DataCoding, payload)
}

// concatOf translates the sar TLVs (SMPP 3.4 5.3.2.22 to .24) into a header with a 16-bit reference; false when they are
// not all there or make no sense, and the message then stands alone.
func concatOf(tlvs smpp.TLVs) ([]byte, bool) {
	ref, _ := tlvs.Get(smpp.TagSARMsgRefNum)
	total, ok1 := tlvs.GetByte(smpp.TagSARTotalSegments)
	seq, ok2 := tlvs.GetByte(smpp.TagSARSegmentSeqnum)
	if len(ref) != 2 || !ok1 || !ok2 || total < 2 || seq < 1 || seq > total {
		return nil, false
	}
	return smpp.AppendConcat16(nil, binary.BigEndian.Uint16(ref), total, seq), true
}

// Alphabets of bits 3-2 of a data coding scheme (3GPP TS 23.038 4).
const (
	alphabetGSM7 = iota
	alphabetBinary
	alphabetUCS2
)

// decodeContent reads a payload by its data_coding (SMPP 3.4 5.2.19). 0x10 to 0x1B are not SMPP's but the data coding
// scheme with a class, which many clients send for flash messages.
func decodeContent(sub *Submission, coding uint8, payload []byte) error {
	switch {
	case coding == 0:
		return decodeAs(sub, alphabetGSM7, payload)
	case coding == 1: // IA5: plain ASCII, sent in the alphabet that has its characters
		sub.Text = decodeIA5(payload)
	case coding == 3:
		sub.Encoding, sub.Text = sms.Latin1, sms.DecodeLatin1(payload)
	case coding == 2 || coding == 4:
		return decodeAs(sub, alphabetBinary, payload)
	case coding == 8:
		return decodeAs(sub, alphabetUCS2, payload)
	case coding >= 0x10 && coding <= 0x1B:
		sub.Class = int8(coding&3) + 1
		return decodeAs(sub, int(coding>>2&3), payload)
	case coding >= 0xF0:
		sub.Class = int8(coding&3) + 1
		return decodeAs(sub, int(coding>>2&1), payload)
	default:
		return smpp.StatusInvalidDCS
	}
	return nil
}

func decodeAs(sub *Submission, alphabet int, payload []byte) error {
	switch alphabet {
	case alphabetGSM7:
		sub.Encoding, sub.Text = sms.GSM7, sms.DecodeGSM7(payload)
	case alphabetBinary:
		sub.Encoding, sub.Data = sms.Binary, bytes.Clone(payload)
	default:
		text, err := sms.DecodeUCS2(payload)
		if err != nil {
			return smpp.StatusInvalidMessageLength
		}
		sub.Encoding, sub.Text = sms.UCS2, text
	}
	return nil
}
