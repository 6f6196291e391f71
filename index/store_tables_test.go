package index

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"tasman/sms"
)

// TestTablesHoldOneKindOfKey: a table of several kinds would lie across those that are ingested, which would be merged ever again.
func TestTablesHoldOneKindOfKey(t *testing.T) {
	x := open(t, "", Options{})
	for i := range 3 {
		m := messageAt(start().Add(time.Duration(i) * time.Second))
		for _, f := range happy(m, "one", m.ID.String()) {
			ok(t, x.Apply(f.stream, f.subject, uint64(i+1), []sms.Record{f.rec}))
		}
	}
	ok(t, x.db.Flush())
	checkKinds(t, x, 0)
	ok(t, x.db.Compact(t.Context(), []byte{0}, []byte{0xFF}, false))
	checkKinds(t, x, len(x.db.Metrics().Levels)-1)
}

func checkKinds(t *testing.T, x *Index, level int) {
	t.Helper()
	levels := must[[][]pebble.SSTableInfo](t)(x.db.SSTables())
	kinds := map[byte]bool{}
	for _, table := range levels[level] {
		first, last := table.Smallest.UserKey, table.Largest.UserKey
		if first[0] != last[0] {
			t.Errorf("a table of level %d reaches from %q to %q", level, first[:1], last[:1])
		}
		kinds[first[0]] = true
	}
	for _, kind := range []byte{prefixMessage, prefixAccount, prefixCarrierID, prefixPosition} {
		if !kinds[kind] {
			t.Errorf("level %d has no table of %q", level, kind)
		}
	}
}
