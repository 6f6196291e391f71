package carriers

import (
	"context"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// TestWishesForTheOperator are bits of registered_delivery (SMPP 3.4 5.2.17): the receipt always, the others when asked for.
func TestWishesForTheOperator(t *testing.T) {
	for want, m := range map[uint8]*sms.Message{
		0x01: {},
		0x11: {Intermediate: true},
		0x0D: {Acks: 0x0C},
		0x15: {Intermediate: true, Acks: 0x04},
	} {
		if got := envelope(m).RegisteredDelivery; got != want {
			t.Errorf("registered_delivery %#x, want %#x", got, want)
		}
	}
}

// TestSegmentsOfMOs keeps the octets of a segment, whose reference may be in TLVs, and the type of an acknowledgement.
func TestSegmentsOfMOs(t *testing.T) {
	sar := func(total, seq uint8) (tlvs smpp.TLVs) {
		tlvs.Add(smpp.TagSARMsgRefNum, []byte{1, 2})
		tlvs.AddByte(smpp.TagSARTotalSegments, total)
		tlvs.AddByte(smpp.TagSARSegmentSeqnum, seq)
		return tlvs
	}
	header := "\x05\x00\x03\x07\x02\x01"
	for label, c := range map[string]struct {
		in              smpp.DeliverSM
		text, data, udh string
		ack             uint8
		encoding        sms.Encoding
	}{
		"whole":                {smpp.DeliverSM{ShortMessage: []byte("a\x1b\x65")}, "a€", "", "", 0, sms.GSM7},
		"an escape at the end": {smpp.DeliverSM{ESMClass: 0x40, ShortMessage: []byte(header + "a\x1b")}, "", "a\x1b", header, 0, sms.GSM7},
		"half a pair":          {smpp.DeliverSM{ESMClass: 0x40, DataCoding: 8, ShortMessage: []byte(header + "\xd8\x3d")}, "", "\xd8\x3d", header, 0, sms.UCS2},
		"sar":                  {smpp.DeliverSM{ShortMessage: []byte("a"), TLVs: sar(2, 2)}, "", "a", "\x06\x08\x04\x01\x02\x02\x02", 0, sms.GSM7},
		"sar of one":           {smpp.DeliverSM{ShortMessage: []byte("a"), TLVs: sar(1, 1)}, "a", "", "", 0, sms.GSM7},
		"header goes before":   {smpp.DeliverSM{ESMClass: 0x40, ShortMessage: []byte(header + "a"), TLVs: sar(3, 2)}, "", "a", header, 0, sms.GSM7},
		"binary":               {smpp.DeliverSM{ESMClass: 0x40, DataCoding: 4, ShortMessage: []byte(header + "\x01")}, "", "\x01", header, 0, sms.Binary},
		"read by its user":     {smpp.DeliverSM{ESMClass: smpp.ESMUserAck, ShortMessage: []byte("ok")}, "ok", "", "", smpp.ESMUserAck, sms.GSM7},
		"taken by the handset": {smpp.DeliverSM{ESMClass: smpp.ESMDeliveryAck, ShortMessage: []byte("ok")}, "ok", "", "", smpp.ESMDeliveryAck, sms.GSM7},
		"conversation abort":   {smpp.DeliverSM{ESMClass: 0x18, ShortMessage: []byte("ok")}, "ok", "", "", 0, sms.GSM7},
	} {
		t.Run(label, func(t *testing.T) {
			op := operator(t, smpptest.Config{})
			r := newRig(t, carrier("a", op.Addr()))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if _, err := op.Session(ctx); err != nil {
				t.Fatal(err)
			}
			c.in.Source, c.in.Destination = smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, smpp.Address{TON: 3, Addr: "8123"}
			if err := op.Deliver(ctx, &c.in); err != nil {
				t.Fatal(err)
			}
			mo := r.await("MO", func(rec *sms.Record) bool { return rec.Inbound != nil && rec.Inbound.MO != nil }).Inbound.MO
			if mo.Text != c.text || string(mo.Data) != c.data || string(mo.UDH) != c.udh || mo.Ack != c.ack || mo.Encoding != c.encoding {
				t.Errorf("MO %+v", mo)
			}
		})
	}
}
