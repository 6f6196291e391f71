package reporting

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tasman/sms"
	"tasman/streams"
)

// anyFact draws a fact about one message, with values from small sets so that they collide.
func anyFact(t *rapid.T, id sms.ID) row {
	at := func(label string) time.Time {
		return id.Time().Add(time.Duration(rapid.IntRange(0, 4).Draw(t, label)) * time.Millisecond)
	}
	name := func(label string) string { return rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, label) }
	state := sms.State(rapid.IntRange(0, int(sms.StateUnknown)).Draw(t, "state"))
	attempt := rapid.IntRange(0, 3).Draw(t, "attempt")
	to := sms.Address{Kind: sms.MSISDN, Value: "64211234567"}
	var rec sms.Record
	subject := "dispatch.one.normal"
	m := &sms.Message{ID: id, Account: "a", Integration: "key", Destination: to, Segments: 2, Accepted: id.Time()}
	switch rapid.IntRange(0, 3).Draw(t, "stream") {
	case 0:
		rec = sms.Record{Message: m}
	case 1:
		if rapid.Bool().Draw(t, "held") {
			subject = streams.DispatchSubject(streams.HoldQueue, sms.Normal)
		}
		rec = sms.Record{Message: m, Dispatch: &sms.Dispatch{Plan: []string{name("plan")}, Attempt: attempt, Routed: at("routed")}}
	case 2:
		rec = sms.Record{Event: &sms.Event{ID: id, Kind: sms.EventKind(rapid.IntRange(1, int(sms.EventHandedOver)).Draw(t, "kind")), Time: at("time"),
			Account: "a", Destination: to, Carrier: name("carrier"), Attempt: attempt, State: state, Error: name("error"), Status: uint32(attempt),
			CarrierIDs: []string{name("id")}, Segments: 3, Submitted: at("submitted"), PossibleDuplicate: attempt > 1}}
	case 3:
		rec = sms.Record{Delivery: &sms.Delivery{ID: id, Account: "a", Destination: to, Carrier: name("carrier"), Attempt: attempt, State: state,
			Kind: rapid.SampledFrom([]sms.EventKind{sms.EventDelivered, sms.EventFailed}).Draw(t, "kind"), Time: at("time"), Done: at("done"),
			Error: name("error")}}
	}
	var f fact
	f.read(&streams.Batch{Subject: subject, Stored: at("stored")}, &rec, countries{"64": "NZ"}, streams.IsHeld(subject), false)
	return f.row
}

func TestMergeCommutesAndRepeatsDoNothing(t *testing.T) {
	id := sms.NewIDs(nil).Next()
	rapid.Check(t, func(t *rapid.T) {
		facts := make([]row, rapid.IntRange(1, 6).Draw(t, "n"))
		for i := range facts {
			facts[i] = anyFact(t, id)
		}
		var once, mixed row
		for i := range facts {
			once.merge(&facts[i])
		}
		order := rapid.Permutation(append(facts, facts...)).Draw(t, "order")
		for len(order) > 0 { // in groups, as commits take them
			n := rapid.IntRange(1, len(order)).Draw(t, "group")
			var group row
			for i := range order[:n] {
				group.merge(&order[i])
			}
			mixed.merge(&group)
			order = order[n:]
		}
		if d := cmp.Diff(once, mixed, cmp.AllowUnexported(row{}, ranked{}, outcome{})); d != "" {
			t.Fatalf("rows differ (-in order +mixed):\n%s", d)
		}
	})
}

func TestCarrierOfARow(t *testing.T) {
	attempt := func(n, level int, name string) row { return row{carrier: ranked{rank(sms.StateNone, n, level), name}} }
	for _, c := range []struct {
		label string
		facts []row
		want  string
	}{
		{"the later attempt", []row{attempt(2, levelRouted, "two"), attempt(1, levelEnded, "one")}, "two"},
		{"the later stage", []row{attempt(1, levelRouted, "plan"), attempt(1, levelEnded, "took")}, "took"},
		{"who delivered, although a later attempt was made", []row{attempt(2, levelEnded, "two"),
			{carrier: ranked{rank(sms.StateDelivered, 1, levelEnded), "one"}}}, "one"},
	} {
		var r row
		for i := range c.facts {
			r.merge(&c.facts[i])
		}
		if r.carrier.word != c.want {
			t.Errorf("%s: carrier is %q, want %q", c.label, r.carrier.word, c.want)
		}
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"kia ora", 7, "kia ora"}, {"kia ora", 3, "kia"}, {"kia ora", 4, "kia"}, {"éééé", 3, "ééé"}, {"éé", 2, "éé"}, {"\xff\xfe", 4, "\uFFFD"},
		{"trailing \x00 ", 20, "trailing"}, {"", 3, ""},
	} {
		if got := clip(c.in, c.n); got != c.want {
			t.Errorf("clip(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
	if got := clipASCII("hé", 8); got != "h?" {
		t.Errorf("clipASCII = %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 10).Draw(t, "n")
		got := clip(string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")), n)
		if utf8.RuneCountInString(got) > n || !utf8.ValidString(got) || strings.HasSuffix(got, " ") {
			t.Fatalf("clip returned %q for %d", got, n)
		}
	})
}

func TestInstantsThatNoColumnHolds(t *testing.T) {
	for _, at := range []time.Time{{}, time.Unix(-5, 0), time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if got := microsOf(at); got != 0 {
			t.Errorf("%v is kept as %d", at, got)
		}
	}
}
