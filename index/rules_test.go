package index

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// fakePublisher keeps what a matcher publishes.
type fakePublisher struct {
	mu   sync.Mutex
	recs []sms.Record
}

func (p *fakePublisher) PublishSure(_ context.Context, _ string, rec *sms.Record, done func(streams.Placed, error)) error {
	p.mu.Lock()
	r, err := streams.DecodeRecord(streams.AppendRecord(nil, rec))
	p.recs = append(p.recs, r)
	p.mu.Unlock()
	done(streams.Placed{}, err)
	return nil
}

func (p *fakePublisher) Shard(string) int { return 0 }

func (*fakePublisher) Hurry(string) {}

// told lists what was published: deliveries by state and segment, events by kind, state and segment.
func (p *fakePublisher) told() string {
	var out []string
	for _, r := range p.recs {
		var word string
		if d := r.Delivery; d != nil {
			word = "to customer: " + d.State.String()
			if d.Segment > 0 {
				word += " of segment " + string(rune('0'+d.Segment))
			}
		} else {
			word = r.Event.Kind.String() + ": " + r.Event.State.String()
		}
		out = append(out, word)
	}
	return strings.Join(out, ", ")
}

// ruleCase is what comes of receipts of a message of three segments.
type ruleCase struct {
	rule         sms.ReceiptRule
	wish         sms.ReceiptWish
	intermediate bool
	receipts     []segmentReceipt
	told         string
	state        sms.State
}

type segmentReceipt struct {
	segment int
	state   sms.State
}

func ruleCases() map[string]ruleCase {
	d, u, x, e := sms.StateDelivered, sms.StateUndeliverable, sms.StateUnknown, sms.StateEnroute
	return map[string]ruleCase{
		"whole": {sms.ReceiptWhole, sms.FinalReceipt, false, []segmentReceipt{{2, d}, {1, u}, {3, d}},
			"receipt: delivered, receipt: undeliverable, to customer: undeliverable", u},
		"whole, not asked for intermediate ones": {sms.ReceiptWhole, sms.FinalReceipt, false, []segmentReceipt{{1, e}, {1, d}, {2, d}, {3, d}},
			"receipt: enroute, receipt: delivered, receipt: delivered, to customer: delivered", d},
		"whole, intermediate": {sms.ReceiptWhole, sms.FinalReceipt, true, []segmentReceipt{{2, e}, {1, d}, {2, d}, {3, d}, {3, e}},
			"to customer: enroute of segment 2, receipt: delivered, receipt: delivered, to customer: delivered, receipt: enroute", d},
		"first failure": {sms.ReceiptFirstFailure, sms.FinalReceipt, false, []segmentReceipt{{2, d}, {1, u}, {3, u}, {3, d}},
			"receipt: delivered, to customer: undeliverable, receipt: , receipt: delivered", u},
		"first failure, none": {sms.ReceiptFirstFailure, sms.FinalReceipt, false, []segmentReceipt{{2, d}, {1, d}, {3, d}},
			"receipt: delivered, receipt: delivered, to customer: delivered", d},
		"first failure, unknown is none": {sms.ReceiptFirstFailure, sms.FinalReceipt, false, []segmentReceipt{{2, x}, {1, d}, {3, d}, {2, d}},
			"receipt: unknown, receipt: delivered, receipt: delivered, to customer: delivered", d},
		"failures only, unknown is none": {sms.ReceiptWhole, sms.FailureReceipt, false, []segmentReceipt{{2, x}, {1, d}, {3, d}, {2, x}, {2, u}},
			"receipt: unknown, receipt: delivered, receipt: delivered, receipt: unknown, to customer: undeliverable", u},
		"each segment, unknown is no end": {sms.ReceiptEachSegment, sms.FinalReceipt, false, []segmentReceipt{{1, x}, {1, u}, {2, d}, {3, d}},
			"receipt: unknown, to customer: undeliverable of segment 1, to customer: delivered of segment 2, " +
				"to customer: delivered of segment 3, delivered: undeliverable", u},
		"unknown, intermediate": {sms.ReceiptWhole, sms.FinalReceipt, true, []segmentReceipt{{2, x}, {1, d}, {2, d}, {3, d}, {3, x}},
			"to customer: enroute of segment 2, receipt: delivered, receipt: delivered, to customer: delivered, receipt: unknown", d},
		"each segment": {sms.ReceiptEachSegment, sms.FinalReceipt, false, []segmentReceipt{{2, d}, {2, d}, {1, u}, {3, d}, {3, d}},
			"to customer: delivered of segment 2, receipt: delivered, to customer: undeliverable of segment 1, " +
				"to customer: delivered of segment 3, delivered: undeliverable, receipt: ", u},
		"each segment, failures only": {sms.ReceiptEachSegment, sms.FailureReceipt, false, []segmentReceipt{{1, u}, {2, d}, {3, d}},
			"to customer: undeliverable of segment 1, receipt: delivered, delivered: undeliverable", u},
	}
}

// message returns the message of the case, accepted at a given time.
func (c *ruleCase) message(at time.Time) *sms.Message {
	m := messageAt(at)
	m.Segments, m.ReceiptRule, m.WantReceipt, m.Intermediate = 3, c.rule, c.wish, c.intermediate
	return m
}

// run has the receipts come, under the ids s1 to s3.
func (c *ruleCase) run(t *testing.T, matcher *Matcher, bus *fakePublisher, at time.Time) {
	t.Helper()
	for i, r := range c.receipts {
		in := &sms.Inbound{Carrier: "a", Received: at.Add(time.Duration(i) * time.Second), Receipt: &sms.Receipt{
			CarrierID: "s" + string(rune('0'+r.segment)), State: r.state, Intermediate: !r.state.Final()}}
		stored := make(chan error, 1)
		if !matcher.Receipt(t.Context(), in, func(err error) { stored <- err }) {
			t.Fatal("the receipt matches nothing")
		}
		ok(t, <-stored)
	}
	if got := bus.told(); got != c.told {
		t.Errorf("told\n%s, want\n%s", got, c.told)
	}
}

// TestReceiptRules has the receipts of a message of three segments come one by one under each rule.
func TestReceiptRules(t *testing.T) {
	for label, c := range ruleCases() {
		t.Run(label, func(t *testing.T) {
			x := open(t, "", Options{})
			m := c.message(start())
			m.Parts = []sms.ID{m.ID, {1}, {2}}
			note(t, x, sms.Record{Message: m}, sms.Record{Message: m, Dispatch: dispatchOf(m, 1, "a")}, sms.Record{Event: sentOf(m, "a", "s1", "s2", "s3")})
			bus := &fakePublisher{}
			c.run(t, NewMatcher(x, bus, "n"), bus, m.Accepted)
			if s := storyOf(t, x, m.ID); s.State != c.state || !s.Final {
				t.Errorf("state %s, final %t", s.State, s.Final)
			}
			for _, r := range bus.recs { // the ids that the customer has of the segments
				if d := r.Delivery; d != nil && d.Segment > 0 && d.Group != m.Parts[d.Segment-1] {
					t.Errorf("the receipt of segment %d is for %s", d.Segment, d.Group)
				}
			}
		})
	}
}

// TestJoinedStory follows a segment into the message that it became part of.
func TestJoinedStory(t *testing.T) {
	x := open(t, "", Options{})
	at := start()
	first, second, again := messageAt(at), messageAt(at.Add(time.Millisecond)), messageAt(at.Add(2*time.Millisecond))
	for _, m := range []*sms.Message{first, second, again} {
		m.Join = true
		note(t, x, sms.Record{Message: m})
	}
	if p, err := x.Progress(second.ID); err != nil || p.Joined {
		t.Errorf("before it was joined: %+v, %v", p, err)
	}
	joined := *first
	joined.Join, joined.Segments, joined.Parts, joined.Repeats = false, 2, []sms.ID{first.ID, second.ID}, []sms.ID{again.ID}
	note(t, x, sms.Record{Message: &joined, Dispatch: dispatchOf(&joined, 1, "a")}, sms.Record{Event: sentOf(&joined, "a", "s1", "s2")})
	for _, id := range []sms.ID{second.ID, again.ID} {
		if p, err := x.Progress(id); err != nil || !p.Joined || p.Told || p.Final {
			t.Errorf("joined: %+v, %v", p, err)
		}
		if s := storyOf(t, x, id); s.Message.ID != id || s.State != sms.StateEnroute || s.Carrier != "a" || len(s.CarrierIDs) != 2 {
			t.Errorf("story %+v", s)
		}
	}
	if s := storyOf(t, x, first.ID); s.Message.Segments != 2 || s.Message.Join || kinds(s.Events) != "accepted routed submitted sent" {
		t.Errorf("story of the whole: %+v, %s", s.Message, kinds(s.Events))
	}
	told := eventOf(second, sms.EventJoined, time.Second)
	told.Into = first.ID
	note(t, x, sms.Record{Event: told}, sms.Record{Delivery: deliveryOf(&joined, "a", sms.StateDelivered)})
	s := storyOf(t, x, second.ID)
	if s.State != sms.StateDelivered || !s.Final || kinds(s.Events) != "accepted routed joined submitted sent delivered" {
		t.Errorf("story %s %s", s.State, kinds(s.Events))
	}
	if p, err := x.Progress(second.ID); err != nil || !p.Told {
		t.Errorf("told: %+v, %v", p, err)
	}
}
