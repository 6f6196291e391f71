package reporting

import (
	"testing"
	"time"

	"tasman/reporting/mariadb"
	"tasman/streams/streamstest"
)

// The projection reads the real bus, barriers' markers included.
func TestProjectionOfTheBus(t *testing.T) {
	dsn := mariadb.ForTest(t)
	bus := streamstest.New(t, streamstest.Carriers("one", "two"), streamstest.Reporting())
	all := stories(80)
	run := start(t, Config{DSN: dsn, Settle: 50 * time.Millisecond}, bus)
	for i := range all {
		if err := bus.Store(t.Context(), all[i].subject, &all[i].rec); err != nil {
			t.Fatalf("%s: %v", all[i].subject, err)
		}
	}
	ends, err := bus.Barrier(t.Context(), bus.StreamNames()...)
	if err != nil {
		t.Fatal(err)
	}
	q, err := OpenReader(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	eventually(t, "the positions have passed the barrier", func() bool {
		for stream, end := range ends {
			var low uint64
			err := q.db.GetContext(t.Context(), &low, "SELECT low FROM positions WHERE stream = ?", stream)
			if err != nil || low <= end {
				return false
			}
		}
		return true
	})
	mustHold(t, dsn, all)
	run.stop()
}
