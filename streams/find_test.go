package streams

import (
	"fmt"
	"testing"
	"time"

	"tasman/sms"
)

func TestFindScheduled(t *testing.T) {
	b := openBus(t, "")
	at := time.Now().Add(time.Hour)
	find := func(since time.Time, text string) *sms.Record {
		t.Helper()
		rec, err := b.FindScheduled(timeout(t), since, func(r *sms.Record) bool { return r.Message != nil && r.Message.Text == text })
		check(t, err)
		return rec
	}
	begin := time.Now().Add(-time.Second)
	if find(begin, "0") != nil {
		t.Error("found in an empty stream")
	}
	var between time.Time
	for i := range 20 {
		if i == 10 {
			between = time.Now()
		}
		check(t, b.Schedule(timeout(t), at, sms.Bulk, message(fmt.Sprint(i)), message("other")))
	}
	c := consume(t, b, DueReader(sms.Alert), 1)
	check(t, b.Schedule(timeout(t), time.Now(), sms.Alert, message("due")))
	batch, err := c.Next(timeout(t))
	check(t, err)
	check(t, batch.Ack())
	for i := range 20 {
		text := fmt.Sprint(i)
		if rec := find(begin, text); rec == nil || rec.Message.Text != text {
			t.Errorf("%s not found: %+v", text, rec)
		}
		if late := find(between, text); (late != nil) != (i >= 10) {
			t.Errorf("%s since its tenth: %+v", text, late)
		}
	}
	if find(time.Now().Add(time.Second), "19") != nil {
		t.Error("found what was stored before")
	}
}
