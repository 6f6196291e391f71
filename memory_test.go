package main

import "testing"

// The limit holds for what a gateway usually needs, and gives way to a heap that would be collected again and again below it.
func TestLimitFor(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct{ live, other, want uint64 }{
		{10 * mb, 20 * mb, 400},
		{150 * mb, 60 * mb, 400},
		{200 * mb, 100 * mb, 464}, // 450, on the grid
		{1000 * mb, 250 * mb, 2000},
	} {
		if got := limitFor(c.live, c.other); got != int64(c.want)*mb {
			t.Errorf("%d MB live beside %d: a limit of %d MB, want %d", c.live/mb, c.other/mb, got/mb, c.want)
		}
	}
}
