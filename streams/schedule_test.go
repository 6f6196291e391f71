package streams

import (
	"testing"
	"time"

	"tasman/sms"
)

func TestScheduleFiresAfterRestart(t *testing.T) {
	dir := t.TempDir()
	b := openBus(t, dir)
	at := time.Now().Add(1300 * time.Millisecond)
	check(t, b.Schedule(timeout(t), at, sms.Bulk, message("later"), message("later too")))
	check(t, b.Schedule(timeout(t), time.Now().Add(time.Hour), sms.Bulk, message("much later")))
	check(t, b.Close(timeout(t)))

	b = openBus(t, dir)
	c := consume(t, b, DueReader(sms.Bulk), 1)
	batch, err := c.Next(timeout(t))
	check(t, err)
	if time.Now().Before(at) {
		t.Errorf("fired %v early", time.Until(at))
	}
	if len(batch.Records) != 2 || batch.Records[1].Message.Text != "later too" {
		t.Fatalf("got %d records", len(batch.Records))
	}
	check(t, batch.Ack())
	if n := countSubject(t, b, "schedule.at.>"); n != 1 {
		t.Errorf("%d schedules are pending, want 1", n)
	}
	tr := newTrimmer(b)
	eventually(t, "what fired is trimmed", func() bool {
		_, err := tr.pass(timeout(t))
		check(t, err)
		return countSubject(t, b, dueSubject(sms.Bulk)) == 0
	})
}

func TestScheduleInThePastIsDueAtOnce(t *testing.T) {
	b := openBus(t, "")
	check(t, b.Schedule(timeout(t), time.Now().Add(-time.Hour), sms.Alert, message("now")))
	if n := countSubject(t, b, dueSubject(sms.Alert)); n != 1 {
		t.Errorf("%d batches are due, want 1", n)
	}
	if got := collect(t, consume(t, b, DueReader(sms.Alert), 1), 1); got[0] != "now" {
		t.Errorf("got %v", got)
	}
}

func TestScheduleSplitsLargeSets(t *testing.T) {
	b := openBus(t, "")
	recs := make([]*sms.Record, 2*batchRecords+1)
	for i := range recs {
		recs[i] = message("x")
	}
	check(t, b.Schedule(timeout(t), time.Now(), sms.Normal, recs...))
	if got := collect(t, consume(t, b, DueReader(sms.Normal), 4), len(recs)); len(got) != len(recs) {
		t.Errorf("got %d records", len(got))
	}
	if n := countSubject(t, b, dueSubject(sms.Normal)); n != 3 {
		t.Errorf("%d batches, want 3", n)
	}
}
