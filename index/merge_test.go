package index

import (
	"testing"

	"pgregory.net/rapid"
)

// TestMergeCommutes merges entries one by one, in any order and grouping, as compactions do.
func TestMergeCommutes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		entries := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 3), 1, 12).Draw(r, "entries")
		join := func(entries [][]byte) map[string]bool {
			key := []byte{prefixMessage}
			cut := rapid.IntRange(0, len(entries)).Draw(r, "cut")
			var values [2][]byte
			for half, part := range [][][]byte{entries[:cut], entries[cut:]} {
				m := &set{same: func(a, b []byte) bool { return string(a) == string(b) }}
				for _, e := range part {
					if err := m.MergeOlder(appendEntry(nil, e)); err != nil {
						r.Fatal(err)
					}
				}
				values[half], _, _ = m.Finish(false)
			}
			m, err := merger.Merge(key, values[0])
			if err != nil {
				r.Fatal(err)
			}
			if err := m.MergeNewer(values[1]); err != nil {
				r.Fatal(err)
			}
			out, _, _ := m.Finish(true)
			found := map[string]bool{}
			if err := eachEntry(out, func(e []byte) error {
				if found[string(e)] {
					r.Fatalf("%x twice", e)
				}
				found[string(e)] = true
				return nil
			}); err != nil {
				r.Fatal(err)
			}
			return found
		}
		one := join(entries)
		two := join(rapid.Permutation(entries).Draw(r, "order"))
		for _, e := range entries {
			if !one[string(e)] || !two[string(e)] {
				r.Fatalf("%x is lost", e)
			}
		}
	})
}

func TestBrokenValues(t *testing.T) {
	for _, value := range [][]byte{{5, 1}, {0x80}, {1, 1, 9}} {
		if err := eachEntry(value, func([]byte) error { return nil }); err == nil {
			t.Errorf("%x: no error", value)
		}
		if _, err := merger.Merge([]byte{prefixMessage}, value); err == nil {
			t.Errorf("%x merged: no error", value)
		}
	}
}
