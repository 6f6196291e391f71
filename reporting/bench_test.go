package reporting

import (
	"testing"
	"time"

	"tasman/reporting/mariadb"
	"tasman/sms"
	"tasman/streams"
)

// BenchmarkCatchUp projects a backlog of happy messages, four records each in batches of 100, with an fsync per commit.
// It reports rows per second of wall clock; server and client share the machine.
func BenchmarkCatchUp(b *testing.B) {
	const count = 50_000
	base := time.Now().UTC().Add(-time.Hour)
	s := &story{ids: sms.NewIDs(nil), at: base}
	source := newFakeSource()
	batches := map[string][]sms.Record{}
	for n := range count {
		for _, p := range s.records(n * 8) { // the happy path
			batches[p.stream] = append(batches[p.stream], p.rec)
			if len(batches[p.stream]) == 100 {
				source.add(p.stream, streams.EventSubject("x"), base.Add(time.Duration(n)*time.Microsecond), batches[p.stream]...)
				batches[p.stream] = nil
			}
		}
	}
	for b.Loop() {
		dsn := mariadb.ForTest(b)
		clear(source.reported)
		run := start(b, Config{DSN: dsn, Settle: 10 * time.Second}, source)
		caughtUp(b, source)
		run.stop()
	}
	b.ReportMetric(count*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkFold(b *testing.B) {
	s := &story{ids: sms.NewIDs(nil), at: time.Now()}
	all := s.records(8)
	lands := newCountries()
	var r row
	for b.Loop() {
		for i := range all {
			var f fact
			f.read(&streams.Batch{Subject: all[i].subject}, &all[i].rec, lands, streams.IsHeld(all[i].subject), false)
			r.merge(&f.row)
		}
	}
}
