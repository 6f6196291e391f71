package sms_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tasman/sms"
)

func TestIDsGrowAndRoundTrip(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_123)
	ids := sms.NewIDs(func() time.Time { return now })
	last := ids.Next()
	for i := range 10_000 {
		switch i {
		case 3000:
			now = now.Add(time.Millisecond)
		case 6000:
			now = now.Add(-time.Hour) // the clock steps back
		}
		id := ids.Next()
		if bytes.Compare(id[:], last[:]) <= 0 || id.String() <= last.String() {
			t.Fatalf("id %d: %s does not follow %s", i, id, last)
		}
		parsed, err := sms.ParseID(strings.ToLower(id.String()))
		if err != nil || parsed != id {
			t.Fatalf("%s was read as %s: %v", id, parsed, err)
		}
		last = id
	}
	if want := time.UnixMilli(1_800_000_000_124).UTC(); !last.Time().Equal(want) {
		t.Errorf("time of the last id %v, want %v", last.Time(), want)
	}
}

func TestParseIDRefuses(t *testing.T) {
	for _, s := range []string{"", "0", strings.Repeat("0", 25), strings.Repeat("0", 27), "8" + strings.Repeat("0", 25), strings.Repeat("0", 25) + "U", strings.Repeat("0", 25) + "é"} {
		if _, err := sms.ParseID(s); !errors.Is(err, sms.ErrBadID) {
			t.Errorf("ParseID(%q): %v, want ErrBadID", s, err)
		}
	}
}

func TestIDTextIsOneToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var id sms.ID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		parsed, err := sms.ParseID(id.String())
		if err != nil || parsed != id {
			t.Fatalf("%x became %s and then %x: %v", id[:], id, parsed[:], err)
		}
	})
}

func TestIDAtBounds(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	id := sms.NewIDs(func() time.Time { return now }).Next()
	low, high := sms.IDAt(now), sms.IDAt(now.Add(time.Millisecond))
	if bytes.Compare(low[:], id[:]) > 0 || bytes.Compare(id[:], high[:]) >= 0 {
		t.Errorf("%s is not between %s and %s", id, low, high)
	}
}

func TestStateRankPrefersDelivery(t *testing.T) {
	order := []sms.State{sms.StateNone, sms.StateAccepted, sms.StateEnroute, sms.StateUnknown, sms.StateExpired, sms.StateDelivered}
	for i := 1; i < len(order); i++ {
		if order[i-1].Rank() >= order[i].Rank() {
			t.Errorf("%q does not rank below %q", order[i-1], order[i])
		}
	}
}

func TestReceiptWish(t *testing.T) {
	for _, c := range []struct {
		wish  sms.ReceiptWish
		state sms.State
		want  bool
	}{
		{sms.NoReceipt, sms.StateDelivered, false},
		{sms.FinalReceipt, sms.StateDelivered, true},
		{sms.FinalReceipt, sms.StateExpired, true},
		{sms.FinalReceipt, sms.StateEnroute, false},
		{sms.FailureReceipt, sms.StateDelivered, false},
		{sms.FailureReceipt, sms.StateRejected, true},
		{sms.SuccessReceipt, sms.StateDelivered, true},
		{sms.SuccessReceipt, sms.StateUnknown, false},
	} {
		if got := c.wish.Wants(c.state); got != c.want {
			t.Errorf("wish %d, state %s: %v, want %v", c.wish, c.state, got, c.want)
		}
	}
}

// TestBlock has ids that follow each other, and none of them again.
func TestBlock(t *testing.T) {
	g := sms.NewIDs(nil)
	before := g.Next()
	first := g.Block(254)
	after := g.Next()
	if first.String() <= before.String() || after.String() <= first.Add(253).String() {
		t.Errorf("%s, %s, %s", before, first, after)
	}
	top := sms.ID{0, 1, 2, 3, 4, 5, 6, 7, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	if got, want := top.Add(2), (sms.ID{0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 0, 0, 0, 0, 1}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}
