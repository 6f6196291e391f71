package streams

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"tasman/sms"
)

// files are a backup in memory.
type files map[string]*bytes.Buffer

type file struct{ *bytes.Buffer }

func (file) Close() error { return nil }

func (f files) create(name string) (io.WriteCloser, error) {
	f[name] = new(bytes.Buffer)
	return file{f[name]}, nil
}

func (f files) open(name string) (io.ReadCloser, error) {
	if f[name] == nil {
		return nil, fmt.Errorf("no file %s", name)
	}
	return io.NopCloser(bytes.NewReader(f[name].Bytes())), nil
}

func nothing(context.Context) error { return nil }

func backup(t *testing.T, b *Bus, begun func(context.Context) error) ([]Saved, files) {
	t.Helper()
	f := files{}
	saved, err := b.Backup(timeout(t), begun, f.create)
	check(t, err)
	for _, s := range saved {
		if again, err := CheckBackup(bytes.NewReader(f[s.Name()].Bytes())); err != nil || again.Batches != s.Batches || again.Last != s.Last || again.Readers != s.Readers {
			t.Errorf("%s: written %+v, read %+v, %v", s.Name(), s, again, err)
		}
	}
	return saved, f
}

// restoreInto fills a bus that has no streams yet.
func restoreInto(t *testing.T, saved []Saved, f files) *Bus {
	t.Helper()
	b := openBus(t, "")
	check(t, b.Restore(timeout(t), saved, Past{}, f.open))
	check(t, b.Apply(timeout(t), Topology{Carriers: []string{"one", "two"}}))
	return b
}

// A restored cell has every batch under its sequence, readers go on where they were, and what waits for its time comes.
func TestBackupIsRestored(t *testing.T) {
	b := openBus(t, "")
	for _, text := range []string{"read", "given", "waits"} {
		check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message(text)))
	}
	reader := consume(t, b, MTReader(0, sms.Normal), 1)
	collect(t, reader, 1)
	if _, err := reader.Next(timeout(t)); err != nil { // and not acknowledged
		t.Fatal(err)
	}
	check(t, b.Schedule(timeout(t), time.Now().Add(time.Hour), sms.Normal, message("in an hour")))
	check(t, b.Schedule(timeout(t), time.Now().Add(2*time.Second), sms.Normal, message("soon")))
	check(t, b.Store(timeout(t), ParkedSubject("acme"), &sms.Record{Delivery: &sms.Delivery{ID: testIDs.Next(), Account: "acme", Reference: "parked"}}))
	check(t, b.Store(timeout(t), EventSubject("core"), event(7)))
	hash, err := b.ConfigStore().PutBlob(timeout(t), []byte("resources"))
	check(t, err)
	for rev := range uint64(2) {
		_, err = b.ConfigStore().Put(timeout(t), []byte(hash), rev)
		check(t, err)
	}
	saved, f := backup(t, b, nothing)
	check(t, b.Close(timeout(t)))

	b = restoreInto(t, saved, f)
	reader = consume(t, b, MTReader(0, sms.Normal), 1)
	if got := collect(t, reader, 2); got[0] != "given" || got[1] != "waits" {
		t.Errorf("the reader goes on with %q", got)
	}
	if got := storedIn(t, b, 0); len(got) != 3 {
		t.Errorf("stored in MT: %q", got)
	}
	if got := collect(t, consume(t, b, DueReader(sms.Normal), 1), 1); got[0] != "soon" {
		t.Errorf("due is %q", got)
	}
	if n := countSubject(t, b, "schedule.at.>"); n != 1 {
		t.Errorf("%d schedules are pending, want 1", n)
	}
	parked := 0
	_, err = b.DrainParked(timeout(t), "acme", func(recs []sms.Record) error { parked += len(recs); return nil })
	if err != nil || parked != 1 {
		t.Errorf("%d parked, %v", parked, err)
	}
	rev, manifest, err := b.ConfigStore().Current(timeout(t))
	if err != nil || rev != 2 || string(manifest) != hash {
		t.Errorf("revision %d %q, %v", rev, manifest, err)
	}
	if blob, err := b.ConfigStore().Blob(timeout(t), hash); err != nil || string(blob) != "resources" {
		t.Errorf("blob %q, %v", blob, err)
	}
	if past, err := b.Restored(timeout(t)); err != nil || time.Since(past.Until) > time.Minute {
		t.Errorf("in doubt: %+v, %v", past, err)
	}
	// And it works as any other.
	check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("new")))
	if got := collect(t, reader, 1); got[0] != "new" {
		t.Errorf("after the restore came %q", got)
	}
}

// What moves on while the backup is taken is in it, whichever streams were taken before: also around the circle from a queue to
// SCHEDULE and back.
func TestBackupWhileMessagesMove(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.MTTail = time.Nanosecond })
	hold := DispatchSubject(HoldQueue, sms.Normal)
	held := Durable{Dispatch, "dispatch-" + HoldQueue + "-normal", hold}
	check(t, b.Apply(timeout(t), Topology{Carriers: []string{"one", "two", HoldQueue}}))
	check(t, b.Store(timeout(t), hold, message("held, then scheduled")))
	check(t, b.Schedule(timeout(t), time.Now().Add(time.Second), sms.Normal, message("scheduled, then due")))
	check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("accepted, then queued")))
	tr := newTrimmer(b)
	f := files{}
	create := func(name string) (io.WriteCloser, error) {
		switch name {
		case Dispatch: // SCHEDULE was taken: what goes there from here is in its second part only
			check(t, b.Schedule(timeout(t), time.Now().Add(time.Hour), sms.Normal, message("held, then scheduled")))
			collect(t, consume(t, b, held, 1), 1)
			eventually(t, "the time comes", func() bool { return countSubject(t, b, dueSubject(sms.Normal)) == 1 })
		case Events: // all before were taken
			collect(t, consume(t, b, MTReader(0, sms.Normal), 1), 1)
			collect(t, consume(t, b, DueReader(sms.Normal), 1), 1)
		}
		_, err := tr.pass(timeout(t))
		check(t, err)
		return f.create(name)
	}
	saved, err := b.Backup(timeout(t), nothing, create)
	check(t, err)
	if _, err := tr.pass(timeout(t)); err != nil || len(storedIn(t, b, 0)) != 0 {
		t.Errorf("after the backup the trimmer rests: %q, %v", storedIn(t, b, 0), err)
	}
	check(t, b.Close(timeout(t)))

	b = restoreInto(t, saved, f)
	if got := collect(t, consume(t, b, held, 1), 1); got[0] != "held, then scheduled" {
		t.Errorf("held: %q", got)
	}
	if got := collect(t, consume(t, b, MTReader(0, sms.Normal), 1), 1); got[0] != "accepted, then queued" {
		t.Errorf("accepted: %q", got)
	}
	if got := collect(t, consume(t, b, DueReader(sms.Normal), 1), 1); got[0] != "scheduled, then due" {
		t.Errorf("due: %q", got)
	}
}

// A backup under which a stream becomes nearly full fails, and says so: the trimmer may not wait for it.
func TestBackupGivesWay(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Limits.Inbound = 1 << 20 })
	tr := newTrimmer(b)
	f := files{}
	_, err := b.Backup(timeout(t), nothing, func(name string) (io.WriteCloser, error) {
		if name == Events {
			for range 9 {
				check(t, b.Store(timeout(t), InboundSubject("one"), message(noise(100<<10))))
			}
			_, err := tr.pass(timeout(t))
			check(t, err)
		}
		return f.create(name)
	})
	if !errors.Is(err, ErrBackupBroken) {
		t.Errorf("backup: %v", err)
	}
}

// A restore that cannot succeed changes nothing.
func TestRestoreRefuses(t *testing.T) {
	b := openBus(t, "")
	check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("one")))
	saved, f := backup(t, b, nothing)
	if err := b.Restore(timeout(t), saved, Past{}, f.open); !errors.Is(err, ErrNotEmpty) || !strings.Contains(err.Error(), "MT-0") {
		t.Errorf("into the cell itself: %v", err)
	}
	if got := storedIn(t, b, 0); len(got) != 1 {
		t.Errorf("it has %q now", got)
	}
	for label, change := range map[string]func(*Config){
		"partitions": func(c *Config) { c.Partitions = 3 },
		"shards":     func(c *Config) { c.Shards = 4 },
	} {
		if err := openBus(t, "", change).Restore(timeout(t), saved, Past{}, f.open); !errors.Is(err, ErrOtherShape) || !strings.Contains(err.Error(), label) {
			t.Errorf("other %s: %v", label, err)
		}
	}
	whole := f[bucketStream(configBucket)].Bytes() // the last but one, so others are restored by then
	f[bucketStream(configBucket)] = bytes.NewBuffer(whole[:len(whole)-20])
	other := openBus(t, "")
	if err := other.Restore(timeout(t), saved, Past{}, f.open); !errors.Is(err, ErrCorrupt) {
		t.Errorf("with a file cut short: %v", err)
	}
	if got := storedIn(t, other, 0); len(got) != 0 {
		t.Errorf("after a restore that failed it has %q", got)
	}
	if past, err := other.Restored(timeout(t)); err != nil || past != (Past{}) {
		t.Errorf("after a restore that failed there is in doubt %+v, %v", past, err)
	}
	f[bucketStream(configBucket)] = bytes.NewBuffer(whole)
	check(t, other.Restore(timeout(t), saved, Past{Settled: true}, f.open))
	if past, err := other.Restored(timeout(t)); err != nil || !past.Until.IsZero() {
		t.Errorf("from a cell that was stopped there is in doubt %+v, %v", past, err)
	}
}

// A node of role streams may take a backup and restore it, with its key.
func TestStreamsRoleBacksUp(t *testing.T) {
	g := newGuarded(t)
	check(t, g.bus.Store(timeout(t), MTSubject(0, sms.Normal), message("one")))
	saved, f := backup(t, g.as(t, "streams"), nothing)
	to := newGuarded(t).as(t, "streams")
	check(t, to.Restore(timeout(t), saved, Past{}, f.open))
	if got := storedIn(t, to, 0); len(got) != 1 {
		t.Errorf("restored: %q", got)
	}
	as := g.as(t, "core")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := as.download(ctx, MTStream(0), io.Discard); err == nil {
		t.Error("core may read a whole stream")
	}
}
