package carriers

import (
	"context"
	"slices"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// binds waits for n binds to the operator and returns their modes.
func binds(t *testing.T, op *smpptest.SMSC, n int) (modes []smpp.Bind) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range n {
		s, err := op.Session(ctx)
		if err != nil {
			t.Fatalf("%d of %d links bound", len(modes), n)
		}
		modes = append(modes, s.Bind())
	}
	slices.Sort(modes)
	return modes
}

// TestPair has an operator that takes submits on one bind and reports on another: the receipt finds its message, by its id in
// either form, and an MO comes on the receiver too. (A receipt that overtakes the answer on the other bind is core's to match.)
func TestPair(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Sequence(
		smpptest.Answer{MessageID: "1234567899"}, smpptest.Answer{MessageID: "77"})})
	r := newRig(t, carrier("a", op.Addr(), "bind: pair", "links: 2"))
	want := []smpp.Bind{smpp.BindTransmitter, smpp.BindTransmitter, smpp.BindReceiver, smpp.BindReceiver}
	slices.Sort(want)
	if got := binds(t, op, 4); !slices.Equal(got, want) {
		t.Fatalf("binds %v", got)
	}
	id := r.dispatch(sms.Normal, "Kia ora", "a")
	if e := r.awaitSent(id); e.Link != "a/0" && e.Link != "a/1" {
		t.Errorf("sent on %s", e.Link)
	}
	long := r.dispatch(sms.Normal, "Kia ora", "a")
	r.awaitSent(long)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.index.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*smpp.DeliverSM{
		{ESMClass: smpp.ESMReceipt, ShortMessage: []byte("id:1234567899 stat:DELIVRD err:000")},
		{ESMClass: smpp.ESMReceipt, ShortMessage: []byte("id:4D stat:UNDELIV err:001")}, // 77 in hexadecimal
		{ShortMessage: []byte("Tena koe")},
	} {
		m.Source = smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}
		if err := op.Deliver(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	if d := r.awaitDelivery(id); d.State != sms.StateDelivered || d.Link != "a/0r" && d.Link != "a/1r" {
		t.Errorf("delivery %+v", d)
	}
	if d := r.awaitDelivery(long); d.State != sms.StateUndeliverable {
		t.Errorf("delivery %+v", d)
	}
	mo := r.await("MO", func(rec *sms.Record) bool { return rec.Inbound != nil && rec.Inbound.MO != nil })
	if mo.Inbound.MO.Text != "Tena koe" || mo.Inbound.Carrier != "a" {
		t.Errorf("MO %+v", mo.Inbound)
	}
}

// TestReceiverAlone has a carrier that cannot submit: it brings MOs, and what was queued for it before it was so leaves.
func TestReceiverAlone(t *testing.T) {
	a := operator(t, smpptest.Config{})
	b := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", a.Addr(), "bind: receiver")+carrier("b", b.Addr()))
	if got := binds(t, a, 1); got[0] != smpp.BindReceiver {
		t.Fatalf("bound as %v", got)
	}
	if e := r.awaitSent(r.dispatch(sms.Normal, "moves", "a", "b")); e.Carrier != "b" || e.PossibleDuplicate {
		t.Errorf("sent %+v", e)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := a.Deliver(ctx, &smpp.DeliverSM{Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("Tena koe")}); err != nil {
		t.Fatal(err)
	}
	r.await("MO", func(rec *sms.Record) bool { return rec.Inbound != nil && rec.Inbound.MO != nil })
	if n := a.Count(); n != 0 {
		t.Errorf("%d submits on the receiver", n)
	}
}
