package edge

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// spoken is the account acme with a manner of its own.
func spoken(smppSpec string) string {
	return strings.Replace(acme, "country: AU", "country: AU, smpp: {"+smppSpec+"}", 1)
}

// TestMessageIDForms has each form answered to a submit and told in its receipt, by text and by TLV.
func TestMessageIDForms(t *testing.T) {
	for form, write := range map[string]func(sms.ID) string{"ulid": sms.ID.String, "decimal": sms.ID.Decimal, "hex": sms.ID.Hex} {
		t.Run(form, func(t *testing.T) {
			e := runEdge(t, liveYAML(t, spoken("message_ids: "+form)), nil)
			esme := e.bind(t, smpptest.ESMEConfig{})
			told, err := esme.SubmitText(deadline(t), "TASMAN", "64211234567", "hi")
			if err != nil {
				t.Fatal(err)
			}
			id := e.accepted(t)[0].ID
			if read, err := sms.ParseAnyID(told); told != write(id) || err != nil || read != id {
				t.Errorf("told %q for %s, which reads as %s: %v", told, id, read, err)
			}
			d := receiptFor("acme", "acme-smpp", sms.Normal)
			d.ID = id
			deliver(t, e.bus, d)
			got, err := esme.Next(deadline(t))
			if err != nil {
				t.Fatal(err)
			}
			m := got.Deliver()
			text, err := smpp.ParseReceipt(m.ShortMessage)
			tlv, _ := m.TLVs.GetCString(smpp.TagReceiptedMessageID)
			if err != nil || text.ID != told || tlv != told {
				t.Errorf("text %q, TLV %q, told %q", text.ID, tlv, told)
			}
		})
	}
}

// TestReceiptPDU holds that data_sm brings the receipt to those who asked for it, and that a 3.3 client gets a deliver_sm
// without TLVs whatever its account says.
func TestReceiptPDU(t *testing.T) {
	e := runEdge(t, liveYAML(t, spoken("receipt_pdu: data_sm, receipt_dates: 14, tlvs: [0x1400-0x14FF]")), nil)
	for version, want := range map[uint8]smpp.CommandID{
		smpp.Version33: smpp.CommandDeliverSM, smpp.Version34: smpp.CommandDataSM, smpp.Version50: smpp.CommandDataSM,
	} {
		esme := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{InterfaceVersion: version}})
		d := receiptFor("acme", "acme-smpp", sms.Normal)
		d.Accepted, d.Done = time.Date(2026, 5, 1, 12, 0, 1, 0, time.UTC), time.Date(2026, 5, 1, 12, 3, 4, 0, time.UTC)
		d.Reference, d.TLVs = "513", smpp.AppendTLV(nil, 0x1400, []byte("x"))
		deliver(t, e.bus, d)
		got, err := esme.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		if got.PDU.Command() != want {
			t.Fatalf("version %#x: %v", version, got.PDU.Command())
		}
		text := "id:" + d.ID.String() + " sub:001 dlvrd:001 submit date:20260501120001 done date:20260501120304 stat:DELIVRD err:000 text:"
		if want == smpp.CommandDeliverSM {
			if m := got.Deliver(); string(m.ShortMessage) != text || len(m.TLVs) != 0 {
				t.Errorf("version %#x: %q with TLVs % x", version, m.ShortMessage, m.TLVs)
			}
		} else {
			m := got.PDU.(*smpp.DataSM)
			r, ok := m.Receipt()
			if string(m.Payload()) != text || !ok || r.MessageID != d.ID.String() || r.State != smpp.StateDelivered || m.ESMClass != smpp.ESMReceipt {
				t.Errorf("version %#x: %q, %+v", version, m.Payload(), r)
			}
			if ref, _ := m.TLVs.Get(smpp.TagUserMessageReference); string(ref) != "\x02\x01" {
				t.Errorf("version %#x: reference % x", version, ref)
			}
			if v, _ := m.TLVs.Get(0x1400); string(v) != "x" {
				t.Errorf("version %#x: vendor's TLV % x", version, v)
			}
		}
		wantNothingLeft(t, e, "acme") // so that the next session gets its own
		_ = esme.Close()
	}
}

func TestReceiptSM(t *testing.T) {
	id, group := sms.IDAt(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)), sms.IDAt(time.Date(2026, 5, 1, 11, 0, 0, 0, time.UTC))
	from := func(change func(*sms.Delivery)) *sms.Delivery {
		d := &sms.Delivery{ID: id, Segments: 3, State: sms.StateDelivered, Time: id.Time(), Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}}
		change(d)
		return d
	}
	var operators smpp.TLVs
	operators.Add(0x1400, []byte("in"))
	operators.Add(0x1500, []byte("out"))
	operators.Add(smpp.TagNetworkErrorCode, []byte{3, 0, 8})
	for label, c := range map[string]struct {
		delivery *sms.Delivery
		begins   string
		class    uint8
		tags     []smpp.Tag
	}{
		"whole message":      {from(func(*sms.Delivery) {}), "id:" + id.String() + " sub:003 dlvrd:003 ", smpp.ESMReceipt, nil},
		"one segment of it":  {from(func(d *sms.Delivery) { d.Segment = 2 }), "id:" + id.String() + " sub:001 dlvrd:001 ", smpp.ESMReceipt, nil},
		"of a group":         {from(func(d *sms.Delivery) { d.Group = group }), "id:" + group.String() + " ", smpp.ESMReceipt, nil},
		"not final":          {from(func(d *sms.Delivery) { d.State = sms.StateEnroute }), "id:" + id.String() + " sub:003 dlvrd:000 ", smpp.ESMIntermediate, nil},
		"reference":          {from(func(d *sms.Delivery) { d.Reference = "0" }), "", smpp.ESMReceipt, []smpp.Tag{smpp.TagUserMessageReference}},
		"reference of words": {from(func(d *sms.Delivery) { d.Reference = "order 7" }), "", smpp.ESMReceipt, nil},
		"reference 007":      {from(func(d *sms.Delivery) { d.Reference = "007" }), "", smpp.ESMReceipt, nil},
		"reference 65536":    {from(func(d *sms.Delivery) { d.Reference = "65536" }), "", smpp.ESMReceipt, nil},
		"operator's TLVs":    {from(func(d *sms.Delivery) { d.TLVs = operators }), "", smpp.ESMReceipt, []smpp.Tag{smpp.TagNetworkErrorCode, 0x1400}},
	} {
		t.Run(label, func(t *testing.T) {
			m := receiptSM(c.delivery, &configs.AccountSMPP{TLVs: []configs.TagRange{{From: 0x1400, To: 0x14FF}}}, smpp.Version34)
			if !strings.HasPrefix(string(m.ShortMessage), c.begins) || m.ESMClass != c.class {
				t.Errorf("class %#x, %q", m.ESMClass, m.ShortMessage)
			}
			var tags []smpp.Tag
			for tag := range m.TLVs.All() {
				tags = append(tags, tag)
			}
			if diff := cmp.Diff(append([]smpp.Tag{smpp.TagReceiptedMessageID, smpp.TagMessageState}, c.tags...), tags); diff != "" {
				t.Error(diff)
			}
			if err := smpp.Validate(m); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTLVsOfASubmit holds what is kept of a submit_sm's optional parameters, and that it asks to replace.
func TestTLVsOfASubmit(t *testing.T) {
	e := runEdge(t, liveYAML(t, spoken("tlvs: [0x1400-0x14FF]")), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	var sent, kept smpp.TLVs
	sent.Add(smpp.TagUserMessageReference, []byte{0x02, 0x01})
	sent.Add(0x1500, []byte("not ours"))
	sent.AddByte(smpp.TagPrivacyIndicator, 1)
	for _, tag := range []smpp.Tag{0x1400, smpp.TagBillingIdentification, smpp.TagDestAddrNPInformation, 0x14FF} {
		sent.Add(tag, []byte("kept"))
		kept.Add(tag, []byte("kept"))
	}
	submit := func(tlvs smpp.TLVs) error {
		_, err := esme.Submit(deadline(t), &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, ReplaceIfPresent: 1,
			Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("hi"), TLVs: tlvs})
		return err
	}
	if err := submit(sent); err != nil {
		t.Fatal(err)
	}
	if err := submit(smpp.AppendTLV(nil, 0x1400, make([]byte, maxTLVs))); !errors.Is(err, smpp.StatusInvalidTLVLength) {
		t.Errorf("too many octets: %v", err)
	}
	if err := submit(smpp.AppendTLV(nil, smpp.TagUserMessageReference, []byte{1})); err != nil {
		t.Errorf("a reference of one octet: %v", err)
	}
	msgs := e.accepted(t)
	if len(msgs) != 2 {
		t.Fatalf("%d messages", len(msgs))
	}
	if m := msgs[0]; !m.ReplaceIfPresent || m.Reference != "513" || !cmp.Equal(m.TLVs, []byte(kept)) {
		t.Errorf("kept %v, %q, % x", m.ReplaceIfPresent, m.Reference, m.TLVs)
	}
	if m := msgs[1]; m.Reference != "" || m.TLVs != nil {
		t.Errorf("kept %q, % x", m.Reference, m.TLVs)
	}
}

// TestMalformedTLVs holds that a broken optional part is refused by its own status, stores nothing, and leaves the session.
func TestMalformedTLVs(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	conn, err := net.Dial("tcp", e.SMPPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	exchange := func(frame []byte) smpp.Header {
		t.Helper()
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		head := make([]byte, 16)
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatal(err)
		}
		h, _ := smpp.DecodeHeader(head)
		if _, err := io.CopyN(io.Discard, conn, int64(h.Length)-16); err != nil {
			t.Fatal(err)
		}
		return h
	}
	frame := func(seq uint32, pdu smpp.PDU) []byte {
		t.Helper()
		b, err := smpp.AppendPDU(nil, smpp.StatusOK, seq, pdu)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if h := exchange(frame(1, &smpp.BindRequest{Mode: smpp.BindTransceiver, SystemID: "acme", Password: testPassword, InterfaceVersion: smpp.Version34})); h.Status != smpp.StatusOK {
		t.Fatalf("bind: %v", h.Status)
	}
	m := &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("hi")}
	bad := append(frame(2, m), 0x14, 0x00, 0x00, 0x09, 1)
	binary.BigEndian.PutUint32(bad, uint32(len(bad)))
	if h := exchange(bad); h.Status != smpp.StatusInvalidTLVStream || h.Sequence != 2 || h.Command != smpp.CommandSubmitSMResp {
		t.Errorf("malformed: %+v", h)
	}
	if h := exchange(frame(3, m)); h.Status != smpp.StatusOK {
		t.Errorf("afterwards: %+v", h)
	}
	if n := len(e.accepted(t)); n != 1 {
		t.Errorf("%d messages stored", n)
	}
}

// TestHintsChooseTheRoute holds that the edge looks a route up as core does: with the hints of the message.
func TestHintsChooseTheRoute(t *testing.T) {
	live := configs.NewLive()
	swapExactly(t, live, 1, acme+`---
kind: Carrier
name: any
spec: {addresses: ["127.0.0.1:1"], system_id: any, password: any}
---
kind: Route
name: gold
spec: {prefixes: ["64"], billing: [gold], tiers: [[{carrier: any}]]}
`)
	e := runEdge(t, live, nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	for billing, want := range map[string]error{"gold": nil, "tin": smpp.StatusInvalidDestination} {
		_, err := esme.Submit(deadline(t), &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, ShortMessage: []byte("hi"),
			Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, TLVs: smpp.AppendTLV(nil, smpp.TagBillingIdentification, []byte(billing))})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", billing, err, want)
		}
	}
}

// TestTLVsOfAnMO holds that the account's rule lets an MO's optional parameters out, and that 3.3 clients get none.
func TestTLVsOfAnMO(t *testing.T) {
	e := runEdge(t, liveYAML(t, spoken("tlvs: [0x1400-0x14FF], receipt_pdu: data_sm")), nil)
	want := smpp.AppendTLV(nil, 0x1400, []byte("x"))
	for version, tlvs := range map[uint8]smpp.TLVs{smpp.Version34: want, smpp.Version33: nil} {
		esme := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{InterfaceVersion: version}})
		deliver(t, e.bus, &sms.Delivery{ID: sms.NewIDs(nil).Next(), Account: "acme", Lane: sms.Normal, Time: time.Now(), MO: &sms.MO{
			Source: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}, Destination: sms.Address{Kind: sms.ShortCode, Value: "4321"},
			Encoding: sms.GSM7, Text: "STOP", TLVs: smpp.AppendTLV(smpp.AppendTLV(nil, 0x1500, nil), 0x1400, []byte("x")),
		}})
		got, err := esme.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		if m := got.Deliver(); m == nil || string(m.ShortMessage) != "STOP" || string(m.TLVs) != string(tlvs) {
			t.Errorf("version %#x: %+v", version, got.PDU)
		}
		wantNothingLeft(t, e, "acme") // so that the next session gets its own
		_ = esme.Close()
	}
}
