package edge

import (
	"errors"
	"time"
	"unicode/utf8"

	"tasman/configs"
	"tasman/sms"
)

// Submission is what a customer asks for, as any door understood it.
type Submission struct {
	Account     *configs.Account // who submits and pays; from one snapshot, not nil
	Integration string           // the name of the credential used
	Door        string           // "http", "smpp" or "email"
	Lane        sms.Lane         // LaneUnset = the account's

	// Source and Destination as written; a door that has addresses already sets the Address fields instead.
	Source, Destination               string
	SourceAddress, DestinationAddress sms.Address

	Text     string       // UTF-8; for every encoding but Binary
	Data     []byte       // octets of a binary message, without UDH
	UDH      []byte       // own user data header with its length octet; with concatenation it makes one segment
	Encoding sms.Encoding // 0 = chosen by the text
	// Octets of a GSM7 (unpacked) or UCS2 segment whose text does not say all of them: half of a pair is in another segment.
	Octets []byte
	Class  int8   // message class plus one, 0 = none
	Coding uint16 // data_coding plus one; 0 = the door has none

	WantReceipt sms.ReceiptWish
	// Intermediate and Acks are the other wishes of registered_delivery, see sms.Message.
	Intermediate bool
	Acks         uint8
	ESM          uint8 // see sms.Message
	Join         bool  // one segment of several, which core joins

	Reference   string    // at most maxReference octets
	Validity    time.Time // zero = the account's default
	NotBefore   time.Time // zero or past = at once
	ServiceType string
	ProtocolID  uint8

	TLVs             []byte // optional parameters to keep, as they are on the wire
	ReplaceIfPresent bool

	// Idempotency-Key of the request and its place in it, see sms.Message.
	Key                string
	KeyHash            []byte
	KeyIndex, KeyCount int
}

// maxReference is the longest reference, in octets.
const maxReference = 255

// Prepare turns a submission into a message with a new id, its segments counted. It stores nothing. The error is a
// *Refusal that names the field at fault. Byte slices are kept, not copied.
func (e *Edge) Prepare(s Submission) (*sms.Message, error) {
	now := e.now()
	m := &sms.Message{
		Account: s.Account.Name, Integration: s.Integration, Door: s.Door, Node: e.cfg.Node, Lane: s.Lane, Encoding: s.Encoding,
		Text: s.Text, Data: s.Data, UDH: s.UDH, Class: s.Class, WantReceipt: s.WantReceipt, Reference: s.Reference,
		ServiceType: s.ServiceType, ProtocolID: s.ProtocolID, Accepted: now,
		Key: s.Key, KeyHash: s.KeyHash, KeyIndex: s.KeyIndex, KeyCount: s.KeyCount,
		ReceiptRule: s.Account.ReceiptRule, Intermediate: s.Intermediate, Acks: s.Acks, ESM: s.ESM,
	}
	m.TLVs, m.ReplaceIfPresent = s.TLVs, s.ReplaceIfPresent
	if m.Lane == sms.LaneUnset {
		m.Lane = s.Account.Lane
	}
	if r := e.complete(m, &s); r != nil {
		e.stats.refused.WithLabelValues(s.Door, r.Reason).Inc()
		return nil, r
	}
	if s.Coding > 0 && uint8(s.Coding-1) != codingOf(m.Encoding) {
		m.Coding = s.Coding
	}
	if s.Join {
		markSegment(m)
	}
	m.ID = e.ids.Next()
	return m, nil
}

// complete fills in what is not simply copied, or tells what is wrong. (As a list of steps it would have each submission moved
// to the heap.)
func (e *Edge) complete(m *sms.Message, s *Submission) *Refusal {
	if r := checkAccount(m, s); r != nil {
		return r
	}
	if r := setAddresses(m, s); r != nil {
		return r
	}
	if r := e.checkDestination(m); r != nil {
		return r
	}
	if r := setContent(m, s); r != nil {
		return r
	}
	return setTimes(m, s)
}

func checkAccount(m *sms.Message, s *Submission) *Refusal {
	switch {
	case s.Account.Suspended:
		return refuse(ReasonSuspended, "", "the account is suspended")
	case !s.Account.MayUse(m.Lane):
		return refuse(ReasonLane, "lane", "the account may not use this lane")
	case len(s.Reference) > maxReference:
		return refuse(ReasonReference, "reference", "the reference has more than 255 octets")
	case !utf8.ValidString(s.Reference):
		return refuse(ReasonReference, "reference", "the reference is not UTF-8")
	}
	return nil
}

func setAddresses(m *sms.Message, s *Submission) *Refusal {
	var err error
	if m.Source = s.SourceAddress; m.Source.IsZero() {
		m.Source, err = parseWith(sms.ParseSource, s.Source, s.Account.Country)
	}
	if err != nil {
		return refuse(ReasonSource, "source", err.Error())
	}
	if m.Destination = s.DestinationAddress; m.Destination.IsZero() {
		m.Destination, err = parseWith(sms.ParseDestination, s.Destination, s.Account.Country)
	}
	if err != nil {
		return refuse(ReasonDestination, "destination", err.Error())
	}
	return nil
}

// checkDestination refuses what core would reject: better at once than by a receipt.
func (e *Edge) checkDestination(m *sms.Message) *Refusal {
	d := m.Destination
	if d.Kind == sms.MSISDN && !e.plan.Possible(d.Value) {
		return refuse(ReasonDestination, "destination", "the number is in no numbering plan")
	}
	if _, ok := e.live.Load().RouteOf(m); !ok {
		return refuse(ReasonNoRoute, "destination", "no route leads to this destination")
	}
	return nil
}

// parseWith reads an address; one in national form is completed with the account's country, if it has one.
func parseWith(parse func(string) (sms.Address, error), s, country string) (sms.Address, error) {
	a, err := parse(s)
	if err == nil || country == "" {
		return a, err
	}
	var wrong *sms.AddressError
	if !errors.As(err, &wrong) || wrong.Reason != sms.AddressNational {
		return a, err
	}
	if full, ok := international(s, country); ok {
		return full, nil
	}
	return a, err
}

func setTimes(m *sms.Message, s *Submission) *Refusal {
	latest := m.Accepted.Add(configs.MaxValidity)
	start := m.Accepted
	if s.NotBefore.After(start) {
		m.NotBefore, start = s.NotBefore, s.NotBefore
	}
	if !start.Before(latest) {
		return refuse(ReasonSchedule, "not_before", "the delivery time is more than 7 days ahead")
	}
	m.Validity = s.Validity
	if m.Validity.IsZero() {
		m.Validity = start.Add(s.Account.Validity)
		if m.Validity.After(latest) {
			m.Validity = latest
		}
	}
	switch {
	case m.Validity.After(latest.Add(time.Minute)): // clocks differ
		return refuse(ReasonValidity, "validity", "the validity ends more than 7 days ahead")
	case !m.Validity.After(start):
		return refuse(ReasonValidity, "validity", "the validity ends before the message may be sent")
	}
	return nil
}
