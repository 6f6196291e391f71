package edge

import (
	"errors"
	"slices"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
)

// ownerLog notes what became of items.
type ownerLog struct{ what []string }

func (o *ownerLog) taken(*item) { o.what = append(o.what, "taken") }

func (o *ownerLog) refused(*item) { o.what = append(o.what, "refused") }

// TestReceiptWaitsForTheAnswer: a receipt is kept back until the sender of its message was told, whether the message was
// stored or not, and no other is.
func TestReceiptWaitsForTheAnswer(t *testing.T) {
	for _, stored := range []error{nil, errors.Join(streams.ErrNotStored, errors.New("no room"))} {
		fake := &fakeStorage{}
		e := accepting(t, fake, nil)
		e.deliver = newDeliverer(e)
		msgs := someMessages(e, 4)
		now := time.Now()
		for i, back := range []time.Duration{3, 2, 8, 1} { // the third waited for its rate: it is older than those before it
			msgs[i].Accepted = now.Add(-back * time.Second)
		}
		log := &ownerLog{}
		about := func(m *sms.Message) *item {
			return &item{delivery: &sms.Delivery{ID: m.ID, Account: m.Account, Accepted: m.Accepted}, owner: log}
		}
		for _, m := range msgs[:3] {
			e.Accept(t.Context(), []*sms.Message{m}, func(error) { log.what = append(log.what, "told") })
		}
		for i, m := range msgs {
			if kept := e.acceptor.keepBehind(about(m)); kept != (i < 3) {
				t.Errorf("receipt of message %d kept: %v", i, kept)
			}
		}
		old := &sms.Message{ID: e.ids.Next(), Account: "acme", Accepted: now.Add(-9 * time.Second)}
		segment, group := about(&sms.Message{ID: e.ids.Next()}), about(&sms.Message{ID: e.ids.Next()})
		segment.delivery.Segment, segment.delivery.Group, segment.delivery.Accepted = 2, msgs[1].ID, old.Accepted
		group.delivery.Group, group.delivery.Accepted = msgs[0].ID, now
		if !e.acceptor.keepBehind(segment) || !e.acceptor.keepBehind(group) {
			t.Error("a receipt went ahead of the answer that tells its id")
		}
		mo := about(msgs[0])
		mo.delivery.MO = &sms.MO{}
		past := about(old) // of a segment of a message that was joined long ago
		past.delivery.Segment, past.delivery.Group = 1, sms.IDAt(old.Accepted)
		if by := acceptedBy(past.delivery); by >= msgs[1].Accepted.UnixNano() || by < old.Accepted.UnixNano() {
			t.Errorf("a segment accepted at %v is looked for among those until %v", old.Accepted, time.Unix(0, by))
		}
		if e.acceptor.keepBehind(about(old)) || e.acceptor.keepBehind(past) || e.acceptor.keepBehind(mo) {
			t.Error("a receipt of a message that is not open, or an MO, was kept back")
		}
		for i := range 3 {
			fake.answer(i, stored)
			if e.acceptor.keepBehind(about(msgs[i])) {
				t.Errorf("receipt of message %d is kept back after the answer", i)
			}
		}
		// acme has no session here: each receipt is offered, and refused to be parked.
		if want := []string{"told", "refused", "refused", "told", "refused", "refused", "told", "refused"}; !slices.Equal(log.what, want) {
			t.Errorf("in order: %v, want %v", log.what, want)
		}
	}
}

// BenchmarkSegmentReceipt measures what a receipt of a segment costs while a thousand submits wait for storage.
func BenchmarkSegmentReceipt(b *testing.B) {
	e := accepting(b, &fakeStorage{}, nil)
	for _, m := range someMessages(e, 1000) {
		m.Accepted = time.Now()
		e.Accept(b.Context(), []*sms.Message{m}, func(error) {})
	}
	accepted := time.Now().Add(-time.Minute)
	it := &item{delivery: &sms.Delivery{ID: sms.IDAt(accepted), Group: sms.IDAt(accepted), Segment: 1, Accepted: accepted}}
	b.ReportAllocs()
	for b.Loop() {
		if e.acceptor.keepBehind(it) {
			b.Fatal("kept")
		}
	}
}

// TestYoungReceiptToAReceiver: a receipt of a message that was accepted just now lets others pass on its way to a bind that only
// receives, whose client reads the answers on another connection; to a transceiver it goes at once.
func TestYoungReceiptToAReceiver(t *testing.T) {
	for mode, want := range map[smpp.Bind]bool{smpp.BindReceiver: true, smpp.BindTransceiver: false} {
		e := runEdge(t, liveYAML(t, acme), nil)
		esme := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{Mode: mode}})
		young, old := receiptFor("acme", "acme-smpp", sms.Normal), receiptFor("acme", "acme-smpp", sms.Normal)
		young.Accepted, old.Accepted = time.Now().Add(time.Hour), time.Now().Add(-time.Hour) // an edge whose clock is ahead has it
		subject := streams.DeliverSubject(e.bus.Shard("acme"), sms.Normal)
		if err := e.bus.Store(deadline(t), subject, &sms.Record{Delivery: young}, &sms.Record{Delivery: old}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for range 2 {
			m, err := esme.Next(deadline(t))
			if err != nil {
				t.Fatal(err)
			}
			r, _ := m.Deliver().Receipt()
			got = append(got, r.MessageID)
		}
		order := []string{young.ID.String(), old.ID.String()}
		if want {
			slices.Reverse(order)
		}
		if !slices.Equal(got, order) {
			t.Errorf("%v: receipts in the order %v, want %v", mode, got, order)
		}
	}
}
