package index

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
)

func TestExpire(t *testing.T) {
	x := open(t, "", Options{Keep: 48 * time.Hour})
	base := time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)
	x.now = func() time.Time { return base }
	write := func(at time.Time, account, carrierID, handset string) *sms.Message {
		m := messageAt(at)
		m.Account, m.Key, m.KeyCount, m.Destination.Value = account, "k"+carrierID, 1, handset
		for _, f := range happy(m, "one", carrierID) {
			ok(t, x.Note(&f.rec))
		}
		ok(t, x.Note(&sms.Record{Event: &sms.Event{Kind: sms.EventReserved, Time: at, Carrier: "one", Batch: uint64(len(carrierID))}}))
		return m
	}
	old := write(base.Add(-100*time.Hour), "acme", "1", "64211")
	gone := write(base.Add(-100*time.Hour), "gone", "22", "64212")
	kept := write(base.Add(-47*time.Hour), "acme", "333", "64213")
	alone := func(m *sms.Message) bool {
		id, _, found, err := x.LastMT(m.Source, m.Destination)
		ok(t, err)
		return found && id == m.ID
	}
	for _, round := range []string{"first", "second"} { // the second has nothing left to do
		ok(t, x.expire())
		for i, m := range []*sms.Message{old, gone, kept} {
			want := m == kept
			_, story, err := x.Story(m.ID)
			ok(t, err)
			_, match, err := x.ByCarrierID("one", []string{"1", "22", "333"}[i])
			ok(t, err)
			reserved := must[[]sms.Event](t)(x.Reservations(uint64(i+1), "one"))
			if got := []bool{story, match, alone(m), len(reserved) > 0}; !cmp.Equal(got, []bool{want, want, want, want}) {
				t.Errorf("%s expiry, message %d: story, id, reply, reservation are %v", round, i, got)
			}
		}
		if got := must[[]Story](t)(x.Recent(9, sms.ID{}, "acme")); len(got) != 1 || got[0].Message.ID != kept.ID {
			t.Errorf("recent of acme: %d", len(got))
		}
		if got := must[[]Story](t)(x.Recent(9, sms.ID{}, "gone")); len(got) != 0 {
			t.Errorf("recent of gone: %d", len(got))
		}
		for _, line := range dump(t, x) {
			if slices.Contains([]byte{'a'}, line[1]) && line[2:6] == "gone" {
				t.Errorf("left: %s", line)
			}
		}
	}
	base = base.Add(72 * time.Hour)
	ok(t, x.expire())
	var left []string
	for _, line := range dump(t, x) {
		if line[1] != prefixVersion && line[1] != prefixForms {
			left = append(left, line)
		}
	}
	if left != nil {
		t.Errorf("left in the end: %v", left)
	}
	if days := x.days.of(prefixCarrierID); len(days) != 0 {
		t.Errorf("days in the end: %v", days)
	}
}

func TestDaysAfterReopening(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{})
	for _, hours := range []int{0, 30, 100, 101} {
		ok(t, x.Learn("one", "1", Match{ID: messageAt(start().Add(-time.Duration(hours) * time.Hour)).ID, Segment: 1, Segments: 1, Attempt: 1}))
	}
	want := x.days.of(prefixCarrierID)
	ok(t, x.Close())
	x = open(t, dir, Options{})
	if d := cmp.Diff(want, x.days.of(prefixCarrierID)); d != "" || len(want) < 3 {
		t.Errorf("days %v: %s", want, d)
	}
}
