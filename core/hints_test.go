package core

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/sms"
	"tasman/streams"
)

// TestRoutedByHints has core choose by the routing number and the billing that came with a message.
func TestRoutedByHints(t *testing.T) {
	r := newRig(t, carriersABC+"---\nkind: Route\nname: ported\nspec: {prefixes: [\"64\"], np: [\"6401\"], tiers: [[{carrier: a}]]}\n"+
		"---\nkind: Route\nname: billed\nspec: {prefixes: [\"64\"], billing: [gold], tiers: [[{carrier: b}]]}\n")
	for _, c := range []struct {
		tag   smpp.Tag
		value string
		want  []string
	}{
		{smpp.TagDestAddrNPInformation, "6401000000", []string{"a"}},
		{smpp.TagBillingIdentification, "gold", []string{"b"}},
	} {
		d := r.awaitDispatch(r.accept(func(m *sms.Message) { m.TLVs = smpp.AppendTLV(nil, c.tag, []byte(c.value)) }))
		if !slices.Equal(d.Plan, c.want) {
			t.Errorf("%s: plan %v, want %v", c.value, d.Plan, c.want)
		}
	}
	if d := r.awaitDispatch(r.accept(nil)); len(d.Plan) != 2 {
		t.Errorf("without hints: plan %v", d.Plan)
	}
}

// TestTLVsOfAParkedReceipt holds that what the operator told beside a receipt survives until its message is known.
func TestTLVsOfAParkedReceipt(t *testing.T) {
	r := newRig(t, carriersABC)
	tlvs := smpp.AppendTLV(nil, 0x1400, []byte("x"))
	m := r.message(nil)
	r.store(streams.InboundSubject("a"), &sms.Record{Inbound: &sms.Inbound{Carrier: "a", Received: time.Now(),
		Receipt: &sms.Receipt{CarrierID: "77", State: sms.StateUndeliverable, Error: "3-008", TLVs: tlvs}}})
	r.store(streams.MTSubject(0, m.Lane), &sms.Record{Message: m})
	d := r.awaitDispatch(m.ID)
	r.store(streams.EventSubject("carriers"), &sms.Record{Event: &sms.Event{ID: m.ID, Kind: sms.EventSent, Time: time.Now(), Carrier: "a", Attempt: d.Attempt,
		State: sms.StateEnroute, CarrierIDs: []string{"77"}, Segments: 1, Account: "acme", Lane: sms.Normal}})
	got := r.await("delivery", func(rec *sms.Record) bool { return rec.Delivery != nil && rec.Delivery.ID == m.ID }).Delivery
	if got.Error != "3-008" || !bytes.Equal(got.TLVs, tlvs) {
		t.Errorf("delivery %q with % x", got.Error, got.TLVs)
	}
}
