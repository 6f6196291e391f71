package carriers

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
	"tasman/streams/streamstest/wire"
)

// window of the carrier in these tests.
const regionWindow = 10

// TestTakeOver has a carrier served from the north, and another node in the south. The node in the north ends or stands still with
// a full window and more behind it, and comes back: each message is submitted, what is submitted twice is at most a window and
// marked, lane bulk repeats nothing, and once the south submits nothing comes from the north until that owns the carrier again.
func TestTakeOver(t *testing.T) {
	for _, c := range []struct {
		label         string
		rate          string // of the carrier; with one its answers are not held, and what a frozen node has goes on at once
		breaks, mends func(*takeOver)
	}{
		{"killed", "", func(o *takeOver) { signalTo(o.t, o.north, os.Kill) }, func(o *takeOver) { o.startNorth() }},
		{"frozen", "", func(o *takeOver) { freeze(o.t, o.north) }, func(o *takeOver) { thaw(o.t, o.north) }},
		{"frozen between submits", "rate: 20", func(o *takeOver) { freeze(o.t, o.north) }, func(o *takeOver) { thaw(o.t, o.north) }},
		{"cut off", "", func(o *takeOver) { o.wire.Cut() }, func(o *takeOver) { o.wire.Heal() }},
	} {
		t.Run(c.label, func(t *testing.T) {
			t.Parallel()
			o := newTakeOver(t, c.rate)
			ids := o.fillWindow()
			c.breaks(o)
			o.op.Release(-1) // answers that a frozen node finds when it goes on
			o.awaitEnds(ids)
			c.mends(o)
			o.awaitBack()
			o.judge(ids)
		})
	}
}

// takeOver is what the scenarios share.
type takeOver struct {
	*rig
	op        *smpptest.SMSC
	wire      *wire.Wire
	resources string
	north     *os.Process
	holds     bool // the operator does not answer while the window fills
	hold      atomic.Bool
	arrived   []smpptest.Received
	sent      map[sms.ID][]*sms.Event
	waiting   map[sms.ID]bool // for a receipt
}

func newTakeOver(t *testing.T, pace string) *takeOver {
	o := &takeOver{holds: pace == "", sent: map[sms.ID][]*sms.Event{}, waiting: map[sms.ID]bool{}}
	o.op = operator(t, smpptest.Config{Script: func(int, smpp.PDU) smpptest.Answer { return smpptest.Answer{Hold: o.hold.Load()} }})
	spec := []string{"region: north", fmt.Sprintf("window: %d", regionWindow)}
	if pace != "" {
		spec = append(spec, pace)
	}
	o.resources = carrier("a", o.op.Addr(), spec...)
	o.rig = newRig(t, o.resources, streamstest.With(func(c *streams.Config) { c.Listen, c.AckWait = "127.0.0.1:0", 3*time.Second }))
	o.wire = wire.New(t, o.bus.ClientURL())
	o.startNorth()
	o.awaitNorth() // gives way: the test's own node is of no region
	return o
}

func (o *takeOver) startNorth() {
	o.north = startMember(o.t, "north", "north", o.wire.URL(), o.resources)
}

// awaitNorth waits until a message goes out by the north.
func (o *takeOver) awaitNorth() {
	o.t.Helper()
	for {
		e := o.awaitSent(o.dispatch(sms.Alert, "probe", "a"))
		if e.Node == "north" {
			return
		}
	}
}

// fillWindow queues more than a window holds and waits until the operator has a window of it, unanswered.
func (o *takeOver) fillWindow() map[sms.ID]sms.Lane {
	o.t.Helper()
	before := o.op.Count()
	o.hold.Store(o.holds)
	ids := map[sms.ID]sms.Lane{}
	for i := range 30 {
		for _, l := range []sms.Lane{sms.Normal, sms.Bulk} {
			ids[o.dispatch(l, fmt.Sprintf("%s %d", l, i), "a")] = l
		}
	}
	for len(o.arrived) < before+regionWindow {
		o.arrived = append(o.arrived, o.next())
	}
	o.hold.Store(false)
	return ids
}

// awaitEnds waits until each message was sent, or waits for a receipt because it must not be repeated.
func (o *takeOver) awaitEnds(ids map[sms.ID]sms.Lane) {
	o.t.Helper()
	limit := time.After(40 * time.Second)
	for left := len(ids); left > 0; {
		select {
		case rec := <-o.facts:
			o.note(&rec)
		case <-limit:
			o.t.Fatalf("%d messages without an end", left)
		}
		left = 0
		for id := range ids {
			if len(o.sent[id]) == 0 && !o.waiting[id] {
				left++
			}
		}
	}
}

func (o *takeOver) note(rec *sms.Record) {
	switch {
	case rec.Event != nil && rec.Event.Kind == sms.EventSent:
		o.sent[rec.Event.ID] = append(o.sent[rec.Event.ID], rec.Event)
	case rec.Dispatch != nil && rec.Dispatch.AwaitReceipt:
		o.waiting[rec.Message.ID] = true
	}
}

// awaitBack waits until the north has the carrier again, which it asks for.
func (o *takeOver) awaitBack() {
	o.t.Helper()
	o.awaitNorth()
	for i := range o.passed {
		o.note(&o.passed[i])
	}
}

// next returns what the operator got next.
func (o *takeOver) next() smpptest.Received {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 20*time.Second)
	defer cancel()
	got, err := o.op.Next(ctx)
	if err != nil {
		o.t.Fatal(err)
	}
	return got
}

// judge compares what the operator got with what is on record.
func (o *takeOver) judge(ids map[sms.ID]sms.Lane) {
	o.t.Helper()
	times := map[string]int{}
	var order []*smpp.Session // each session when the first submit came by it
	for len(o.arrived) < o.op.Count() {
		o.arrived = append(o.arrived, o.next())
	}
	for _, got := range o.arrived {
		times[string(got.Submit().ShortMessage)]++
		if len(order) == 0 || order[len(order)-1] != got.Session {
			order = append(order, got.Session)
		}
	}
	seen := map[*smpp.Session]bool{}
	for _, s := range order {
		if seen[s] {
			o.t.Error("two nodes submitted side by side")
		}
		seen[s] = true
	}
	repeated := 0
	for text, n := range times {
		if text != "probe" && n > 1 {
			repeated += n - 1
		}
		if strings.HasPrefix(text, "bulk") && n > 1 {
			o.t.Errorf("%q was submitted %d times", text, n)
		}
	}
	marked := 0
	for id := range ids {
		for _, e := range o.sent[id] {
			if e.PossibleDuplicate {
				marked++
				break
			}
		}
	}
	if repeated > regionWindow || repeated > marked {
		o.t.Errorf("%d messages repeated, %d marked, the window is %d", repeated, marked, regionWindow)
	}
}
