package streams

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"tasman/sms"
)

func TestCat(t *testing.T) {
	b := openBus(t, "")
	subject := MTSubject(0, sms.Normal)
	check(t, b.Store(timeout(t), subject, message("secret one"), message("secret two")))
	check(t, b.Store(timeout(t), subject, message("secret three")))
	_, err := b.Barrier(timeout(t), "MT-0")
	check(t, err)
	cases := []struct {
		name  string
		from  uint64
		n     int
		text  bool
		lines int
	}{
		{"all but barriers", 0, 0, false, 3},
		{"two", 0, 2, true, 2},
		{"from the last batch", 0, 1, true, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			check(t, b.Cat(timeout(t), "MT-0", c.from, c.n, &out, c.text))
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(lines) != c.lines {
				t.Fatalf("%d lines:\n%s", len(lines), &out)
			}
			if strings.Contains(out.String(), "secret") != c.text {
				t.Errorf("text shown or hidden against the wish:\n%s", &out)
			}
			var line catLine
			check(t, json.Unmarshal([]byte(lines[0]), &line))
			if line.Stream != "MT-0" || line.Subject != subject || line.Message == nil || line.Message.Account != "acme" {
				t.Errorf("got %+v", line)
			}
		})
	}
	if err := b.Cat(timeout(t), "NOWHERE", 0, 1, &bytes.Buffer{}, false); err == nil {
		t.Error("cat of an unknown stream succeeded")
	}
}

func parked(i int) *sms.Record {
	return &sms.Record{Delivery: &sms.Delivery{ID: testIDs.Next(), Account: "acme", Attempt: i, Kind: sms.EventDelivered}}
}

func TestDrainParked(t *testing.T) {
	b := openBus(t, "")
	subject := ParkedSubject("acme")
	b.SetBatchLimit(subject, 100)
	const all = 1050
	var recs []*sms.Record
	for i := range all {
		recs = append(recs, parked(i))
	}
	check(t, b.Store(timeout(t), subject, recs[:1000]...))
	b.SetBatchLimit(subject, 1) // parked one by one
	check(t, b.Store(timeout(t), subject, recs[1000:]...))
	check(t, b.Store(timeout(t), ParkedSubject("other"), parked(0)))

	var got []int
	calls := 0
	take := func(recs []sms.Record) error {
		calls++
		for _, r := range recs {
			got = append(got, r.Delivery.Attempt)
		}
		return nil
	}
	refused := 0
	taken, err := b.DrainParked(timeout(t), "acme", func(recs []sms.Record) error {
		if calls == 1 {
			refused = len(recs)
			return errStop
		}
		return take(recs)
	})
	if taken < drainRecords || taken != len(got) || refused < drainRecords || !errors.Is(err, errStop) {
		t.Fatalf("took %d, then was refused %d, %v", taken, refused, err)
	}
	taken, err = b.DrainParked(timeout(t), "acme", take)
	if err != nil || len(got) != all || taken >= all {
		t.Fatalf("then took %d: %d records, %v", taken, len(got), err)
	}
	for i, n := range got {
		if i != n {
			t.Fatalf("record %d is %d", i, n)
		}
	}
	if calls > 1+all/drainRecords {
		t.Errorf("%d calls for %d records", calls, all)
	}
	if n := countSubject(t, b, subject); n != 0 {
		t.Errorf("%d batches are left", n)
	}
	if n := countSubject(t, b, ParkedSubject("other")); n != 1 {
		t.Errorf("the other account has %d batches, want 1", n)
	}
	if taken, err := b.DrainParked(timeout(t), "nobody", nil); taken != 0 || err != nil {
		t.Errorf("of nobody: %d %v", taken, err)
	}
}

func TestDrainParkedSetsAsideWhatCannotBeRead(t *testing.T) {
	b := openBus(t, "")
	subject := ParkedSubject("acme")
	check(t, b.storeRaw(timeout(t), subject, []byte("not a batch")))
	check(t, b.Store(timeout(t), subject, parked(1)))
	taken, err := b.DrainParked(timeout(t), "acme", func(recs []sms.Record) error { return nil })
	if taken != 1 || err != nil {
		t.Fatalf("took %d, %v", taken, err)
	}
	if parked, aside := countSubject(t, b, subject), countSubject(t, b, undecodableSubject); parked != 0 || aside != 1 {
		t.Errorf("%d are parked, %d set aside", parked, aside)
	}
}

func TestDepthsAndPressure(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Limits.MT = 100 << 10; c.FreeBytes = 1 })
	d := MTReader(0, sms.Bulk)
	check(t, b.Pressure())
	for range 10 {
		check(t, b.Store(timeout(t), d.Filter, message(noise(9500))))
	}
	eventually(t, "its depth is told", func() bool { // the figures are up to a second old
		depths, err := b.Depths(timeout(t))
		check(t, err)
		found := false
		for _, depth := range depths {
			if depth.Durable == d {
				found = depth.Pending == 10 && depth.Oldest > 0
			} else if depth.Pending != 0 || depth.Oldest != 0 {
				t.Errorf("%s has depth %v", depth.Durable.Name, depth)
			}
		}
		return found
	})
	eventually(t, "pressure is felt", func() bool { return errors.Is(b.Pressure(), ErrFull) })
	eventually(t, "ten are pending", func() bool { return b.PendingOf(d) == 10 })
	_, err := b.purge(timeout(t), "MT-0", d.Filter, 10)
	check(t, err)
	eventually(t, "pressure ends", func() bool { return b.Pressure() == nil })
}

func TestWatermark(t *testing.T) {
	cases := []struct{ total, want uint64 }{
		{100 * gib, 2 * gib}, // the bytes
		{10 * gib, 10 * gib / 100 * 10},
	}
	for _, c := range cases {
		if got := watermark(c.total, Config{FreePercent: 10, FreeBytes: 2 * gib}); got != c.want {
			t.Errorf("disk of %d: %d, want %d", c.total, got, c.want)
		}
	}
	b := openBus(t, "", func(c *Config) { c.FreePercent = 100; c.FreeBytes = 1 << 62 })
	eventually(t, "a disk below its watermark is pressure", func() bool { return errors.Is(b.Pressure(), ErrFull) })
}
