package core

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/sms"
	"tasman/streams"
)

const joining = carriersABC + `---
kind: Account
name: joins
spec: {join_mo: true, smpp: {join: true, join_timeout: 1s}}
---
kind: Number
name: ours
spec: {number: "8123", account: joins}
`

// piece is a segment as an edge stores it.
func (r *rig) piece(ref, total, seq uint8, enc sms.Encoding, octets string) *sms.Message {
	return r.message(func(m *sms.Message) {
		m.Account, m.Encoding, m.Text, m.Data, m.Join = "joins", enc, "", []byte(octets), true
		m.UDH = smpp.AppendConcat8(nil, ref, total, seq)
	})
}

func (r *rig) acceptAll(pieces ...*sms.Message) {
	r.t.Helper()
	for _, m := range pieces {
		r.store(streams.MTSubject(0, m.Lane), &sms.Record{Message: m})
	}
}

// awaitJoined returns the message that any of the segments went on as.
func (r *rig) awaitJoined(pieces ...*sms.Message) *sms.Message {
	r.t.Helper()
	return r.await("joined message", func(rec *sms.Record) bool {
		if rec.Dispatch == nil {
			return false
		}
		for _, m := range pieces {
			if rec.Message.ID == m.ID {
				return true
			}
		}
		return false
	}).Message
}

func (r *rig) awaitTold(m *sms.Message) *sms.Event {
	r.t.Helper()
	return r.await("joined event", func(rec *sms.Record) bool {
		return rec.Event != nil && rec.Event.Kind == sms.EventJoined && rec.Event.ID == m.ID
	}).Event
}

// noMore has something go by that comes after all that the segments could have made, which must be nothing.
func (r *rig) noMore(pieces ...*sms.Message) {
	r.t.Helper()
	due := time.Now().Add(2*joinGrace + time.Second) // past every time-out and short round
	other := r.accept(func(m *sms.Message) { m.NotBefore = due })
	r.awaitDispatch(other)
	for i := range r.passed {
		for _, m := range pieces {
			if rec := &r.passed[i]; rec.Dispatch != nil && rec.Message.ID == m.ID {
				t := rec.Message
				r.t.Errorf("went on again: %s as %q, parts %d", t.ID, t.Text, len(t.Parts))
			}
		}
	}
}

// TestSegmentsAreJoined has segments come in some order, some more than once; one message goes on.
func TestSegmentsAreJoined(t *testing.T) {
	r := newRig(t, joining)
	a, b, c := r.piece(7, 3, 1, sms.GSM7, "Kia \x1b"), r.piece(7, 3, 2, sms.GSM7, "\x65 ora"), r.piece(7, 3, 3, sms.GSM7, "!")
	again := r.piece(7, 3, 2, sms.GSM7, "\x65 ora")
	a.Reference, c.WantReceipt = "mine", sms.NoReceipt
	r.acceptAll(c, b)
	for _, m := range []*sms.Message{b, c} { // these wait by now
		r.await("held event", func(rec *sms.Record) bool {
			return rec.Event != nil && rec.Event.Kind == sms.EventHeld && rec.Event.ID == m.ID
		})
	}
	r.acceptAll(again, a)
	m := r.awaitJoined(a, b, c, again)
	if m.ID != a.ID || m.Text != "Kia € ora!" || m.Encoding != sms.GSM7 || m.Segments != 1 || len(m.UDH) != 0 || len(m.Data) != 0 || m.Join || m.Incomplete ||
		m.Reference != "mine" || m.WantReceipt != sms.FinalReceipt || len(m.Parts) != 3 || m.Parts[1] != b.ID && m.Parts[1] != again.ID || len(m.Repeats) != 1 {
		t.Errorf("joined: %+v", m)
	}
	for _, part := range []*sms.Message{a, b, c, again} {
		if e := r.awaitTold(part); part.ID != a.ID && e.Into != a.ID || !strings.Contains(e.Reason, "3 of 3") {
			t.Errorf("told: %+v", e)
		}
	}
	if err := r.index.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, ok, err := r.index.Story(c.ID); err != nil || !ok || s.Message.ID != c.ID || s.Carrier == "" {
		t.Errorf("story of a segment: %+v, %v", s, err)
	}
	r.noMore(a, b, c, again)
}

// TestSameReferenceAgain joins two messages with one reference, one after the other, and others beside them.
func TestSameReferenceAgain(t *testing.T) {
	r := newRig(t, joining)
	var all []*sms.Message
	for n, text := range []string{"first ", "second "} {
		a, b := r.piece(1, 2, 1, sms.GSM7, text), r.piece(1, 2, 2, sms.GSM7, "end")
		other := r.piece(1, 3, 1+uint8(n), sms.GSM7, "another total ")
		r.acceptAll(a, other, b)
		if m := r.awaitJoined(a, b); m.Text != text+"end" {
			t.Errorf("joined %q", m.Text)
		}
		all = append(all, a, b)
	}
	last := r.piece(1, 3, 3, sms.GSM7, "end")
	r.acceptAll(last)
	if m := r.await("the third", func(rec *sms.Record) bool { return rec.Dispatch != nil && len(rec.Message.Parts) == 3 }).Message; m.Text != "another total another total end" {
		t.Errorf("joined %q", m.Text)
	}
	r.noMore(append(all, last)...)
}

// TestSegmentMissing lets the time of segments end: what there is goes on.
func TestSegmentMissing(t *testing.T) {
	r := newRig(t, joining)
	a, c := r.piece(1, 3, 1, sms.UCS2, "\x00a\xd8\x3d"), r.piece(1, 3, 3, sms.UCS2, "\xde\x00\x00b")
	r.acceptAll(c, a)
	m := r.awaitJoined(a, c)
	if m.ID != a.ID || !m.Incomplete || m.Text != "a\uFFFD\uFFFDb" || len(m.Parts) != 2 {
		t.Errorf("joined: %+v", m)
	}
	if e := r.awaitTold(a); !strings.Contains(e.Reason, "2 of 3") || !strings.Contains(e.Reason, "did not come") {
		t.Errorf("told: %+v", e)
	}
	r.noMore(a, c)
}

// TestHeldAndRejectedAsOne has joined messages that cannot go now, or at all.
func TestHeldAndRejectedAsOne(t *testing.T) {
	r := newRig(t, joining+"---\nkind: Route\nname: premium\nspec: {prefixes: [\"64900\"], reject: \"premium numbers are blocked\"}\n")
	a, b := r.piece(1, 2, 1, sms.GSM7, "one "), r.piece(1, 2, 2, sms.GSM7, "two")
	later := time.Now().Add(2 * time.Second)
	a.NotBefore, b.NotBefore = later, later
	x, y := r.piece(2, 2, 1, sms.GSM7, "one "), r.piece(2, 2, 2, sms.GSM7, "two")
	x.Destination.Value, y.Destination.Value = "64900123456", "64900123456"
	r.acceptAll(a, x, b, y)
	out := r.await("dispatch", func(rec *sms.Record) bool {
		return rec.Dispatch != nil && rec.Message.ID == a.ID && rec.Dispatch.Carrier() != ""
	})
	if out.Message.Text != "one two" || out.Dispatch.Routed.Before(later) {
		t.Errorf("dispatched %+v", out.Dispatch)
	}
	end := r.await("end", func(rec *sms.Record) bool { return rec.Delivery != nil && rec.Delivery.ID == x.ID }).Delivery
	if end.State != sms.StateRejected || end.Error != sms.FailBlocked {
		t.Errorf("end %+v", end)
	}
	if err := r.index.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, _, err := r.index.Story(y.ID); err != nil || s.State != sms.StateRejected || !s.Final {
		t.Errorf("story of the other segment: %+v, %v", s, err)
	}
}

// TestSegmentsWithPortsGoOnAsTheyCame: elements beside the concatenation belong to each segment.
func TestSegmentsWithPortsGoOnAsTheyCame(t *testing.T) {
	r := newRig(t, joining)
	a, b := r.piece(1, 2, 1, sms.GSM7, "one"), r.piece(1, 2, 2, sms.Binary, "\x01")
	b.Encoding, b.Data = sms.GSM7, []byte("two")
	a.UDH = []byte{11, 5, 4, 0x0B, 0x84, 0x23, 0xF0, 0, 3, 1, 2, 1}
	r.acceptAll(a, b)
	for _, want := range []*sms.Message{a, b} {
		m := r.awaitJoined(want)
		if m.Join || string(m.UDH) != string(want.UDH) || m.Text != string(want.Data) || len(m.Parts) != 0 || len(m.Data) != 0 {
			t.Errorf("went on: %+v", m)
		}
	}
	r.noMore(a, b)
}

// TestJoinSurvivesRestarts stops the role at any moment while segments come: each is in exactly one message.
func TestJoinSurvivesRestarts(t *testing.T) {
	r := newRig(t, joining)
	seen, all := map[sms.ID]string{}, map[sms.ID]bool{}
	incomplete := 0
	for ref := range uint8(30) {
		pieces := []*sms.Message{r.piece(ref, 3, 1, sms.GSM7, "a"), r.piece(ref, 3, 2, sms.GSM7, "b"), r.piece(ref, 3, 3, sms.GSM7, "c")}
		rand.Shuffle(len(pieces), func(i, k int) { pieces[i], pieces[k] = pieces[k], pieces[i] })
		for i, m := range pieces {
			all[m.ID] = true
			r.acceptAll(m)
			if ref%10 == 5 && i == 1 {
				r.end()
				r.start()
			}
		}
	}
	for len(seen) < len(all) {
		m := r.await("every segment in a message", func(rec *sms.Record) bool { return rec.Dispatch != nil }).Message
		if m.Incomplete {
			incomplete++
		}
		for _, id := range m.Parts {
			if seen[id] != "" || !all[id] {
				t.Errorf("segment %s is in %s and %s", id, seen[id], m.ID)
			}
			seen[id] = m.ID.String()
		}
		if want := "abc"; !m.Incomplete && m.Text != want {
			t.Errorf("joined %q", m.Text)
		}
	}
	if incomplete > 0 {
		t.Errorf("%d messages went on incomplete although all segments were there", incomplete)
	}
}

// TestMOsAreJoined likewise, of an account that wants it.
func TestMOsAreJoined(t *testing.T) {
	r := newRig(t, joining)
	mo := func(to string, ref, total, seq uint8, octets string) *sms.Record {
		return &sms.Record{Inbound: &sms.Inbound{Carrier: "a", Received: time.Now(), MO: &sms.MO{ID: r.ids.Next(), Encoding: sms.GSM7, Data: []byte(octets),
			UDH: smpp.AppendConcat8(nil, ref, total, seq), Source: sms.Address{Kind: sms.MSISDN, Value: "64211234567"},
			Destination: sms.Address{Kind: sms.ShortCode, Value: to}}}}
	}
	awaitMO := func(of ...*sms.Record) *sms.Delivery {
		return r.await("MO", func(rec *sms.Record) bool {
			for _, in := range of {
				if rec.Delivery != nil && rec.Delivery.ID == in.Inbound.MO.ID {
					return true
				}
			}
			return false
		}).Delivery
	}
	a, b, c := mo("8123", 5, 3, 1, "is it \x1b"), mo("8123", 5, 3, 2, "\x65 5"), mo("8123", 5, 3, 3, "?")
	r.store(streams.InboundSubject("a"), c, a)
	r.store(streams.InboundSubject("a"), b, b)
	d := awaitMO(a, b, c)
	if d.ID != a.Inbound.MO.ID || d.Account != "joins" || d.Segments != 3 || d.MO.Text != "is it € 5?" || len(d.MO.UDH)+len(d.MO.Data) != 0 || d.MO.Incomplete {
		t.Errorf("MO %+v, %+v", d, d.MO)
	}
	one, other := mo("8123", 8, 2, 1, "by two "), mo("8123", 8, 2, 2, "carriers")
	other.Inbound.Carrier = "b"
	r.store(streams.InboundSubject("a"), one)
	r.store(streams.InboundSubject("b"), other)
	if d := awaitMO(one, other); d.MO.Text != "by two carriers" || d.Carrier != "a" {
		t.Errorf("MO %+v, %+v", d, d.MO)
	}
	for _, c := range []struct{ carrier, source, want string }{{"a", "", "a"}, {"b", "", "b"}, {"a", "64211234567", ""}} {
		in := &sms.Inbound{Carrier: c.carrier, MO: &sms.MO{}}
		if c.source != "" {
			in.MO.Source = sms.Address{Kind: sms.MSISDN, Value: c.source}
		}
		if got := senderOf(in); got != c.want {
			t.Errorf("segments of %q at %s are told apart by %q", c.source, c.carrier, got)
		}
	}
	early := mo("8123", 6, 2, 2, "late")
	early.Inbound.Received = time.Now().Add(-joinMOFor) // its time is over, as after a long restart: a short round more
	r.store(streams.InboundSubject("a"), early)
	if d := awaitMO(early); !d.MO.Incomplete || d.MO.Text != "late" {
		t.Errorf("MO %+v", d.MO)
	}
	foreign := mo("7777", 7, 2, 1, "nobody's")
	r.store(streams.InboundSubject("a"), foreign)
	if d := awaitMO(foreign); d.Account != unclaimed || d.MO.Text != "nobody's" || len(d.MO.UDH) == 0 || len(d.MO.Data) != 0 {
		t.Errorf("MO %+v", d.MO)
	}
	for i := range r.passed {
		if d := r.passed[i].Delivery; d != nil && d.MO != nil {
			t.Errorf("handed over as well: %+v", d.MO)
		}
	}
}
