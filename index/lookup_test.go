package index

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
)

func TestLastMT(t *testing.T) {
	x := open(t, "", Options{})
	at := start()
	older, newer, yesterday, named := messageAt(at), messageAt(at.Add(time.Second)), messageAt(at.Add(-25*time.Hour)), messageAt(at.Add(2*time.Second))
	newer.Account = "beta"
	named.Source = sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}
	note(t, x, sms.Record{Message: newer}, sms.Record{Message: older}, sms.Record{Message: yesterday}, sms.Record{Message: named})
	id, account, found, err := x.LastMT(newer.Source, newer.Destination)
	if err != nil || !found || id != newer.ID || account != "beta" {
		t.Errorf("got %s of %q, %v, %v", id, account, found, err)
	}
	if _, _, found, _ := x.LastMT(newer.Destination, newer.Source); found {
		t.Error("found the other way round")
	}
	if _, _, found, _ := x.LastMT(named.Source, named.Destination); found {
		t.Error("found a reply to a name")
	}
}

func TestLastMTFromAnOldSentEvent(t *testing.T) {
	x := open(t, "", Options{}) // as in a rebuild, when the MT record is purged
	m := messageAt(start().Add(-30 * time.Hour))
	note(t, x, sms.Record{Event: sentOf(m, "one", "1")})
	if id, account, found, err := x.LastMT(m.Source, m.Destination); !found || err != nil || id != m.ID || account != "acme" {
		t.Errorf("got %s of %q, %v, %v", id, account, found, err)
	}
	if got := must[[]Story](t)(x.Recent(5, sms.ID{}, "acme")); len(got) != 1 {
		t.Errorf("%d recent messages of the account", len(got))
	}
}

func TestReservations(t *testing.T) {
	x := open(t, "", Options{})
	reserve := func(carrier string, batch uint64, from, to int, at time.Time) sms.Record {
		return sms.Record{Event: &sms.Event{Kind: sms.EventReserved, Time: at.UTC(), Carrier: carrier, Link: "l1", Batch: batch, From: from, To: to}}
	}
	facts := []sms.Record{
		reserve("one", 7, 0, 9, start()), reserve("one", 7, 10, 19, start()), reserve("one", 7, 20, 29, start().Add(-48*time.Hour)),
		reserve("one", 8, 0, 9, start()), reserve("two", 7, 0, 9, start()), reserve("", 7, 0, 9, start()),
	}
	note(t, x, facts...)
	for i := range facts {
		ok(t, x.Apply("EVENTS", "event.carriers", uint64(i+1), facts[i:i+1]))
	}
	got := must[[]sms.Event](t)(x.Reservations(7, "one"))
	slices.SortFunc(got, func(a, b sms.Event) int { return a.From - b.From })
	if d := cmp.Diff([]sms.Event{*facts[0].Event, *facts[1].Event, *facts[2].Event}, got); d != "" {
		t.Error(d)
	}
	if got := must[[]sms.Event](t)(x.Reservations(9, "one")); got != nil {
		t.Errorf("batch 9 has %v", got)
	}
}

func TestRecent(t *testing.T) {
	x := open(t, "", Options{})
	at := start()
	var ids []sms.ID
	for i := range 10 {
		m := messageAt(at.Add(time.Duration(i) * time.Millisecond))
		m.Account = []string{"acme", "acme2", "beta"}[i%3]
		note(t, x, sms.Record{Message: m})
		ids = append(ids, m.ID)
	}
	tests := map[string]struct {
		n       int
		before  sms.ID
		account string
		want    []int
	}{
		"all":                     {20, sms.ID{}, "", []int{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		"some":                    {3, sms.ID{}, "", []int{9, 8, 7}},
		"before":                  {3, ids[4], "", []int{3, 2, 1}},
		"of an account":           {20, sms.ID{}, "acme", []int{9, 6, 3, 0}},
		"of an account, before":   {2, ids[9], "acme", []int{6, 3}},
		"of the longer name":      {20, sms.ID{}, "acme2", []int{7, 4, 1}},
		"of an account with none": {20, sms.ID{}, "acm", nil},
		"none asked for":          {0, sms.ID{}, "", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []int
			for _, s := range must[[]Story](t)(x.Recent(test.n, test.before, test.account)) {
				got = append(got, slices.Index(ids, s.Message.ID))
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
