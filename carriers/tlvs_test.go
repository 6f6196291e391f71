package carriers

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

func tlvs(pairs ...any) (t smpp.TLVs) {
	for i := 0; i < len(pairs); i += 2 {
		t.Add(smpp.Tag(pairs[i].(int)), []byte(pairs[i+1].(string)))
	}
	return t
}

func TestExtras(t *testing.T) {
	const rule = ", tlvs: [0x1400-0x14FF, 0x060B]"
	brought := tlvs(0x1400, "own", 0x1500, "not his", 0x060B, "gold", 0x0612, "64")
	for _, c := range []struct {
		label, spec string
		tlvs        smpp.TLVs
		want        smpp.TLVs
	}{
		{"nothing", "", nil, nil},
		{"no rule", "", brought, nil},
		{"rule", rule, brought, tlvs(0x1400, "own", 0x060B, "gold")},
		{"rule without parameters", rule, nil, nil},
		{"constants", ", set_tlvs: {0x1401: entity, 0x1400: template}", nil, tlvs(0x1400, "template", 0x1401, "entity")},
		{"constants and what no rule lets through", ", set_tlvs: {0x1400: template}", brought, tlvs(0x1400, "template")},
		{"the message's own wins", rule + ", set_tlvs: {0x1401: entity, 0x1400: template}", brought, tlvs(0x1400, "own", 0x060B, "gold", 0x1401, "entity")},
		{"3.3 has none", rule + ", interface_version: 0x33, set_tlvs: {0x1401: entity}", brought, nil},
	} {
		t.Run(c.label, func(t *testing.T) {
			spec := carrierSpec(t, c.spec)
			m := message(strings.Repeat("x", 400)) // three segments
			m.TLVs, m.ReplaceIfPresent = c.tlvs, true
			fixed := bytes.Clone(spec.FixedTLVs)
			pdus, err := encode(spec, &sms.Record{Message: m, Dispatch: &sms.Dispatch{}})
			if err != nil {
				t.Fatal(err)
			}
			for i, pdu := range pdus {
				sm := pdu.(*smpp.SubmitSM)
				if !bytes.Equal(sm.TLVs, c.want) {
					t.Errorf("segment %d has % x, want % x", i+1, sm.TLVs, c.want)
				}
				if (sm.ReplaceIfPresent == 1) != (i == 0) {
					t.Errorf("segment %d: replace_if_present_flag %d", i+1, sm.ReplaceIfPresent)
				}
				sm.TLVs.Add(0x1444, []byte("later")) // must not be seen by the others
			}
			if !bytes.Equal(spec.FixedTLVs, fixed) {
				t.Error("the carrier's constants have changed")
			}
		})
	}
}

func TestShortCodes(t *testing.T) {
	for spec, want := range map[string]uint8{"": 3, ", short_codes: network": 3, ", short_codes: abbreviated": 6, ", short_codes: unknown": 0} {
		m := message("hi")
		m.Source = sms.Address{Kind: sms.ShortCode, Value: "8123"}
		pdus, err := encode(carrierSpec(t, spec), &sms.Record{Message: m, Dispatch: &sms.Dispatch{}})
		if err != nil {
			t.Fatal(err)
		}
		sm := pdus[0].(*smpp.SubmitSM)
		if diff := cmp.Diff(smpp.Address{TON: want, Addr: "8123"}, sm.Source); diff != "" {
			t.Errorf("%q: %s", spec, diff)
		}
		if sm.Destination.TON != 1 {
			t.Errorf("%q: the handset has TON %d", spec, sm.Destination.TON)
		}
	}
}

func TestPlainMessageHasNoExtras(t *testing.T) {
	spec := carrierSpec(t, ", tlvs: [0x1400-0x14FF]")
	m := message("hi")
	pdus := []smpp.PDU{&smpp.SubmitSM{}}
	if n := testing.AllocsPerRun(100, func() { addExtras(spec, m, pdus) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if sm := pdus[0].(*smpp.SubmitSM); sm.TLVs != nil || sm.ReplaceIfPresent != 0 {
		t.Errorf("%+v", sm)
	}
}

// TestTLVsBothWays has a carrier take and give optional parameters, with a receipt and an MO, and answers with empty ids.
func TestTLVsBothWays(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{MessageID: "77"})})
	r := newRig(t, carrier("a", op.Addr(), "tlvs: [0x1400-0x14FF]"))
	m := message("Kia ora")
	m.Account, m.WantReceipt, m.TLVs = "acme", sms.FinalReceipt, tlvs(0x1400, "1101", 0x1500, "x")
	m.Accepted, m.Validity = time.Now(), time.Now().Add(time.Hour)
	r.put(m, sms.Dispatch{Plan: []string{"a"}, Attempt: 1, Rounds: 1, Revision: 1, Routed: time.Now()})
	if got := nextSubmit(t, op); !bytes.Equal(got.TLVs, tlvs(0x1400, "1101")) {
		t.Errorf("submitted with % x", got.TLVs)
	}
	r.awaitSent(m.ID)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	session, err := op.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	back := tlvs(0x001E, "77\x00", 0x0427, "\x05", 0x0423, "\x03\x00\x08", 0x1401, "in", 0x1500, "out", 0x1700, "")
	handset, ours := smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, smpp.Address{TON: 3, Addr: "8123"}
	for what, pdu := range map[string]smpp.PDU{
		"receipt": &smpp.DeliverSM{ESMClass: smpp.ESMReceipt, Source: handset, Destination: ours, TLVs: back},
		"MO":      &smpp.DeliverSM{Source: handset, Destination: ours, ShortMessage: []byte("hi"), TLVs: tlvs(0x1401, "in", 0x1500, "out")},
	} {
		answers := make(chan smpp.Outcome, 1)
		if err := session.Send(ctx, pdu, nil, func(o smpp.Outcome) { answers <- o }); err != nil {
			t.Fatal(err)
		}
		o := <-answers
		if resp, ok := o.Resp.(*smpp.DeliverSMResp); o.Status != smpp.StatusOK || !ok || resp.MessageID != "" {
			t.Errorf("%s: answer %+v", what, o)
		}
	}
	d := r.awaitDelivery(m.ID)
	if d.State != sms.StateUndeliverable || d.Error != "3-008" || !bytes.Equal(d.TLVs, tlvs(0x1401, "in", 0x0423, "\x03\x00\x08")) {
		t.Errorf("delivery %s %q % x", d.State, d.Error, d.TLVs)
	}
	in := r.await("MO", func(rec *sms.Record) bool { return rec.Inbound != nil && rec.Inbound.MO != nil }).Inbound
	if !bytes.Equal(in.MO.TLVs, tlvs(0x1401, "in")) {
		t.Errorf("MO with % x", in.MO.TLVs)
	}
}
