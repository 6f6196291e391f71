package edge

import (
	"errors"
	"strings"
	"testing"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// joining is acme with an account that wants segments joined.
const joining = `
kind: Account
name: acme
spec: {lanes: [alert, normal, bulk], country: AU, receipt_rule: each_segment, smpp: {join: true}}
---
kind: SMPPUser
name: acme-smpp
spec: {account: acme, system_id: acme, password: ` + testPassword + `}
`

// segmentSM is one segment with a concatenation header.
func segmentSM(ref, total, seq uint8, coding uint8, body string) *smpp.SubmitSM {
	return &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"},
		ESMClass: smpp.ESMUDHI, DataCoding: coding, ShortMessage: append(smpp.AppendConcat8(nil, ref, total, seq), body...)}
}

// TestSegmentsKeepTheirOctets has segments stored to be joined: what an escape or a surrogate pair was cut in is kept.
func TestSegmentsKeepTheirOctets(t *testing.T) {
	e := runEdge(t, liveYAML(t, joining), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	sar := segmentSM(9, 2, 1, 0, "")
	sar.ESMClass, sar.ShortMessage, sar.TLVs = 0, []byte("sar"), sarTLVs(9, 2, 2)
	alone := segmentSM(9, 1, 1, 0, "one of one")
	for label, c := range map[string]struct {
		in       *smpp.SubmitSM
		join     bool
		encoding sms.Encoding
		data     string
		text     string
	}{
		"an escape at the end": {segmentSM(1, 2, 1, 0, "price \x1b"), true, sms.GSM7, "price \x1b", ""},
		"half a pair":          {segmentSM(2, 2, 1, 8, "\xd8\x3d"), true, sms.UCS2, "\xd8\x3d", ""},
		"Latin-1":              {segmentSM(3, 2, 1, 3, "\xe9"), true, sms.Latin1, "\xe9", ""},
		"IA5, chosen by text":  {segmentSM(3, 2, 1, 1, "a@"), true, sms.GSM7, "a\x00", ""},
		"IA5 beyond GSM":       {segmentSM(3, 2, 1, 1, "`"), true, sms.UCS2, "\x00`", ""},
		"IA5, more septets":    {segmentSM(3, 2, 1, 1, "["+strings.Repeat("a", 152)), true, sms.GSM7, "\x1b<" + strings.Repeat("a", 152), ""},
		"binary":               {segmentSM(4, 2, 1, 4, "\x01\x02"), true, sms.Binary, "\x01\x02", ""},
		"sar":                  {sar, true, sms.GSM7, "sar", ""},
		"one of one":           {alone, false, sms.GSM7, "", "one of one"},
		"no segment":           {&smpp.SubmitSM{Source: alone.Source, Destination: alone.Destination, ShortMessage: []byte("hi")}, false, sms.GSM7, "", "hi"},
	} {
		id, err := esme.Submit(deadline(t), c.in)
		if err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		for _, m := range e.accepted(t) {
			if m.ID.String() == id && (m.Join != c.join || m.Encoding != c.encoding || string(m.Data) != c.data || m.Text != c.text) {
				t.Errorf("%s: stored %t %s %q %q", label, m.Join, m.Encoding, m.Data, m.Text)
			}
		}
	}
}

// TestSegmentOfMoreSeptets: a segment whose characters fill it and take two septets each in part can be sent in no encoding. It is
// refused where its long message is not joined and cut anew.
func TestSegmentOfMoreSeptets(t *testing.T) {
	full := segmentSM(3, 2, 1, 1, strings.Repeat("a", 153))
	more := segmentSM(3, 2, 1, 1, "["+strings.Repeat("a", 152))
	for _, c := range []struct {
		conf string
		in   *smpp.SubmitSM
		want smpp.Status
	}{{acme, full, smpp.StatusOK}, {acme, more, smpp.StatusInvalidMessageLength}, {joining, more, smpp.StatusOK}} {
		e := runEdge(t, liveYAML(t, c.conf), nil)
		got := smpp.StatusOK
		if _, err := e.bind(t, smpptest.ESMEConfig{}).Submit(deadline(t), c.in); err != nil && !errors.As(err, &got) {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
}

// TestRegisteredDelivery has every bit of registered_delivery become a wish (SMPP 3.4 5.2.17).
func TestRegisteredDelivery(t *testing.T) {
	e := runEdge(t, liveYAML(t, joining), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	for flags, want := range map[uint8]sms.Message{
		0x00: {},
		0x01: {WantReceipt: sms.FinalReceipt},
		0x12: {WantReceipt: sms.FailureReceipt, Intermediate: true},
		0x1D: {WantReceipt: sms.FinalReceipt, Intermediate: true, Acks: 0x0C},
		0x08: {Acks: 0x08},
	} {
		id, err := esme.Submit(deadline(t), &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"},
			Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("hi"), RegisteredDelivery: flags})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range e.accepted(t) {
			if m.ID.String() != id {
				continue
			}
			if m.WantReceipt != want.WantReceipt || m.Intermediate != want.Intermediate || m.Acks != want.Acks || m.ReceiptRule != sms.ReceiptEachSegment {
				t.Errorf("%#x: %d %t %#x, rule %d", flags, m.WantReceipt, m.Intermediate, m.Acks, m.ReceiptRule)
			}
		}
	}
}

// TestReceiptOfASegment is the receipt that a customer gets of one segment: under the id that the segment had.
func TestReceiptOfASegment(t *testing.T) {
	d := &sms.Delivery{ID: sms.ID{1}, Group: sms.ID{2}, Segments: 3, Segment: 2, State: sms.StateDelivered}
	m := receiptSM(d, &configs.AccountSMPP{}, smpp.Version34)
	r, ok := smpp.ReceiptOf(m.ESMClass, m.ShortMessage, m.TLVs)
	text, err := smpp.ParseReceipt(m.ShortMessage)
	if !ok || err != nil || r.MessageID != d.Group.String() || text.ID != d.Group.String() || text.Sub != "001" || text.Dlvrd != "001" {
		t.Errorf("%q, %v", m.ShortMessage, err)
	}
	other := *d
	other.Segment = 3
	if keyOf(d) == keyOf(&other) || webhookID(d) == webhookID(&other) {
		t.Error("receipts of two segments are taken for one")
	}
}

// TestIntermediateNotification has its own esm_class (SMPP 3.4 5.2.12).
func TestIntermediateNotification(t *testing.T) {
	m := receiptSM(&sms.Delivery{ID: sms.ID{1}, Segments: 1, State: sms.StateEnroute}, &configs.AccountSMPP{}, smpp.Version34)
	if r, ok := smpp.ReceiptOf(m.ESMClass, m.ShortMessage, m.TLVs); !ok || !r.Intermediate || r.State != smpp.StateEnroute {
		t.Errorf("%#x %q", m.ESMClass, m.ShortMessage)
	}
}

// TestNotificationsHaveTheOperatorsState: SCHEDULED is known to 5.0 alone (5.0 4.7.15), the others to all.
func TestNotificationsHaveTheOperatorsState(t *testing.T) {
	for _, c := range []struct {
		reported      smpp.MessageState
		version       uint8
		state, inText smpp.MessageState
	}{
		{smpp.StateAccepted, smpp.Version33, smpp.StateAccepted, smpp.StateAccepted},
		{smpp.StateUnknown, smpp.Version34, smpp.StateUnknown, smpp.StateUnknown},
		{smpp.StateScheduled, smpp.Version50, smpp.StateScheduled, smpp.StateScheduled},
		{smpp.StateScheduled, smpp.Version34, smpp.StateEnroute, smpp.StateEnroute},
	} {
		d := &sms.Delivery{ID: sms.ID{1}, Segments: 1, State: sms.StateEnroute, Reported: uint8(c.reported) + 1}
		m := receiptPDU(d, nil, c.version).(*smpp.DeliverSM)
		state, _ := m.TLVs.GetByte(smpp.TagMessageState)
		text, err := smpp.ParseReceipt(m.ShortMessage)
		if err != nil || m.ESMClass != smpp.ESMIntermediate || smpp.MessageState(state) != c.state || smpp.StateOfStat(text.Stat) != c.inText {
			t.Errorf("%v for %#x: %#x, state %d, %q", c.reported, c.version, m.ESMClass, state, m.ShortMessage)
		}
	}
}
