package reporting

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/reporting/mariadb"
	"tasman/sms"
	"tasman/streams"
)

// caughtUp waits until everything in the streams is in the tables, as told to the trimmer.
func caughtUp(t testing.TB, source *fakeSource) {
	t.Helper()
	eventually(t, "all is stored and reported", func() bool {
		source.mu.Lock()
		defer source.mu.Unlock()
		for name, list := range source.batches {
			if source.reported[name] != uint64(len(list)) {
				return false
			}
		}
		return true
	})
}

// written counts the acts on messages so far.
func written(t testing.TB, r *Reporter, act string) int {
	t.Helper()
	return int(counterValue(t, r.metrics.rows.WithLabelValues("messages", act)))
}

func TestHappyMessagesCostOneInsertEach(t *testing.T) {
	dsn := mariadb.ForTest(t)
	var all []placed
	for _, p := range stories(160) {
		if id := p.rec.ID(); id.Time().UnixMilli()%8 < 3 {
			all = append(all, p)
		}
	}
	source := newFakeSource()
	source.fill(all, nil)
	r := start(t, Config{DSN: dsn, Settle: time.Minute}, source)
	caughtUp(t, source)
	mustHold(t, dsn, all)
	if inserts, updates := written(t, r.Reporter, "insert"), written(t, r.Reporter, "update"); inserts != 60 || updates != 0 {
		t.Errorf("60 messages cost %d inserts and %d updates", inserts, updates)
	}
	if err := r.Ready(); err != nil {
		t.Errorf("Ready: %v", err)
	}
}

// A throttled carrier gives thousands of events at once: full statements of them, with digests of all 64 bits.
func TestManyEventsAtOnce(t *testing.T) {
	dsn := mariadb.ForTest(t)
	ids, now := sms.NewIDs(nil), time.Now()
	many := make([]sms.Record, 3*rowsPerStatement+7)
	for i := range many {
		many[i].Event = &sms.Event{ID: ids.Next(), Kind: sms.EventRetried, Time: now.Add(time.Duration(i) * time.Millisecond), Node: "n",
			Account: "acme", Carrier: "one", Attempt: 1, Error: "throttled"}
	}
	source := newFakeSource()
	source.add(streams.Events, streams.EventSubject("carriers"), now, many...)
	start(t, Config{DSN: dsn}, source)
	caughtUp(t, source)
	db, err := open(dsn, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rows, high int
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*), SUM(digest > 1 << 63) FROM events").Scan(&rows, &high); err != nil {
		t.Fatal(err)
	}
	if rows != len(many) || high == 0 {
		t.Errorf("%d events in the table, %d of them with a digest of 64 bits; want %d", rows, high, len(many))
	}
}

// Any order of the facts, and restarts at any moment, give the same tables.
func TestOrderAndRestartsDoNotMatter(t *testing.T) {
	all := stories(400)
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random, stops := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
			dsn := mariadb.ForTest(t)
			source := newFakeSource()
			if seed == 0 {
				random = nil
			}
			source.fill(all, random)
			source.read = make(chan struct{})
			for range 6 {
				run := start(t, Config{DSN: dsn, Rows: 40}, source)
				for range 10 + stops.IntN(100) { // let it read a few batches and stop it wherever it is then
					select {
					case <-source.read:
					case <-time.After(200 * time.Millisecond): // all is read
					}
				}
				read := source.read
				go func() {
					for range read {
					}
				}()
				run.stop()
				close(read)
				source.read = make(chan struct{})
			}
			source.read = nil
			start(t, Config{DSN: dsn}, source)
			caughtUp(t, source)
			mustHold(t, dsn, all)
		})
	}
}

func TestReplayFromTheBeginningChangesNothing(t *testing.T) {
	dsn := mariadb.ForTest(t)
	all := stories(600)
	source := newFakeSource()
	source.fill(all, nil)
	run := start(t, Config{DSN: dsn}, source)
	caughtUp(t, source)
	before := mustHold(t, dsn, all)
	run.stop()

	execSQL(t, dsn, "DELETE FROM positions")
	clear(source.reported)
	again := start(t, Config{DSN: dsn}, source)
	caughtUp(t, source)
	if d := cmp.Diff(before, dump(t, dsn)); d != "" {
		t.Errorf("a replay changed the tables (-before +after):\n%s", d)
	}
	if n := written(t, again.Reporter, "insert") + written(t, again.Reporter, "update"); n != 0 {
		t.Errorf("a replay wrote %d rows", n)
	}
}

// The MT and DISPATCH records are trimmed: the row comes from what the others carry.
func TestTrimmedStreams(t *testing.T) {
	dsn := mariadb.ForTest(t)
	var all []placed
	for _, p := range stories(80) {
		if p.stream == streams.Events || p.stream == streams.Deliver {
			all = append(all, p)
		}
	}
	source := newFakeSource()
	source.fill(all, nil)
	start(t, Config{DSN: dsn}, source)
	caughtUp(t, source)
	mustHold(t, dsn, all)
}

func TestRepeatedRecordsCountOnce(t *testing.T) {
	dsn := mariadb.ForTest(t)
	all := stories(200)
	source := newFakeSource()
	source.fill(all, nil)
	start(t, Config{DSN: dsn}, source)
	caughtUp(t, source)
	before := mustHold(t, dsn, all)
	source.fill(all, rand.New(rand.NewPCG(7, 7)))
	caughtUp(t, source)
	after := mustHold(t, dsn, all)
	if len(before.Events) != len(after.Events) || len(before.MOs) != len(after.MOs) {
		t.Errorf("repeats made events %d -> %d, MOs %d -> %d", len(before.Events), len(after.Events), len(before.MOs), len(after.MOs))
	}
}

// The database is killed and comes back while messages flow; the reader of the streams notices nothing.
func TestDatabaseKilledMidway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	server := mariadb.StartForTest(t, dir)
	dsn := server.DSN()
	all := stories(800)
	half := len(all) / 2
	source := newFakeSource()
	source.fill(all[:half], nil)
	run := start(t, Config{DSN: dsn, Rows: 50}, source)
	eventually(t, "some rows are written", func() bool { return written(t, run.Reporter, "insert") > 50 })
	if err := syscall.Kill(server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	source.fill(all[half:], nil)
	eventually(t, "Ready tells that the database is away", func() bool { return run.Ready() != nil })
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	server = mariadb.StartForTest(t, dir)
	if server.DSN() != dsn {
		t.Fatal("the restarted server has another data source name")
	}
	caughtUp(t, source)
	mustHold(t, dsn, all)
	if err := run.Ready(); err != nil {
		t.Errorf("Ready after the database came back: %v", err)
	}
	run.stop()
}

// With the database away from the start no more is read than memory may hold.
func TestMemoryIsBoundedWhileDatabaseIsAway(t *testing.T) {
	all := stories(5000)
	source := newFakeSource()
	source.fill(all, nil)
	lands := newCountries()
	f := newFolder(Config{MaxOpen: 100, Rows: 20, Settle: time.Hour, KeepMessages: time.Hour * 24, KeepEvents: time.Hour * 24}, lands,
		[]*stream{{name: "MT-0"}})
	now := time.Now()
	taken := 0
	for _, b := range source.batches["MT-0"] {
		if f.age(now); f.full() {
			break
		}
		f.fold(tailed{0, b}, now)
		taken += len(b.Records)
	}
	if held := len(f.open) + len(f.due); held > 100+4*20+10 || held != taken {
		t.Errorf("%d messages are held after %d were taken", held, taken)
	}
}

// Two entries about one message in one commit are one row.
func TestFactThatComesWhileItsRowIsDue(t *testing.T) {
	dsn := mariadb.ForTest(t)
	all := stories(1) // delivered
	r, w := writer(t, dsn)
	f := newFolder(r.cfg, r.lands, []*stream{{name: "all"}})
	for i, p := range append(all, all[2]) {
		f.fold(tailed{0, &streams.Batch{Subject: p.subject, Seq: uint64(i + 1), Records: []sms.Record{p.rec}}}, time.Now())
	}
	f.age(time.Now().Add(time.Hour))
	if len(f.due) != 2 {
		t.Fatalf("%d entries are due, the test wants 2", len(f.due))
	}
	if err := w.write(t.Context(), f.handOver(time.Now())); err != nil {
		t.Fatal(err)
	}
	mustHold(t, dsn, all)
}

func TestSecondWriterTakesOverAndFirstStandsBy(t *testing.T) {
	dsn := mariadb.ForTest(t)
	all := stories(200)
	source := newFakeSource()
	source.fill(all[:len(all)/2], nil)
	first := start(t, Config{DSN: dsn}, source)
	caughtUp(t, source)
	second := start(t, Config{DSN: dsn}, source)
	eventually(t, "the second writes", func() bool { return second.Ready() == nil })
	source.fill(all[len(all)/2:], nil)
	caughtUp(t, source)
	eventually(t, "the first stands by", func() bool { return errors.Is(first.Ready(), ErrSuperseded) })
	mustHold(t, dsn, all)
}

func TestStandbyTakesOverFromASilentWriter(t *testing.T) {
	dsn := mariadb.ForTest(t)
	source := newFakeSource()
	r, err := New(Config{DSN: dsn, Settle: 20 * time.Millisecond, Every: 10 * time.Millisecond}, source, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.standby = 60 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	eventually(t, "it writes", func() bool { return r.Ready() == nil })
	execSQL(t, dsn, "UPDATE writers SET epoch = epoch + 1") // one that dies at once
	all := stories(50)
	source.fill(all, nil)
	caughtUp(t, source)
	mustHold(t, dsn, all)
}

// writer returns a store that may write, without the rest.
func writer(t *testing.T, dsn string) (*Reporter, *store) {
	t.Helper()
	if err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{DSN: dsn}, newFakeSource(), quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := r.newStore()
	t.Cleanup(func() { w.disconnect(); r.db.Close() })
	if err := w.takeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r, w
}

// A COMMIT whose answer was lost is recognised, and not done twice.
func TestCommitOfUnknownFate(t *testing.T) {
	dsn := mariadb.ForTest(t)
	r, w := writer(t, dsn)
	all := stories(20)
	source := newFakeSource()
	source.fill(all, nil)
	all = all[:0:0]
	f := newFolder(r.cfg, r.lands, []*stream{{name: "MT-0"}})
	for _, b := range source.batches["MT-0"] {
		f.fold(tailed{0, b}, time.Now())
		for i := range b.Records {
			all = append(all, placed{"MT-0", b.Subject, b.Records[i]})
		}
	}
	f.age(time.Now().Add(time.Hour))
	c := f.handOver(time.Now())
	for range 2 {
		if err := w.write(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		w.commits = 0 // as if the answer had not come
	}
	mustHold(t, dsn, all)
	w.epoch--
	if err := w.write(t.Context(), c); !errors.Is(err, ErrSuperseded) {
		t.Errorf("write after another took over: %v", err)
	}
}

func TestRetention(t *testing.T) {
	dsn := mariadb.ForTest(t)
	all := stories(100)
	source := newFakeSource()
	source.fill(all, nil)
	r := start(t, Config{DSN: dsn}, source)
	caughtUp(t, source)
	before := mustHold(t, dsn, all)
	if err := r.deleteOld(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, dump(t, dsn)); d != "" {
		t.Errorf("young rows were deleted:\n%s", d)
	}
	if err := r.deleteOld(t.Context(), time.Now().Add(40*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := dump(t, dsn); len(got.Events) != 0 || len(got.Messages) != len(before.Messages) {
		t.Errorf("after 40 days: %d events, %d messages", len(got.Events), len(got.Messages))
	}
	if err := r.deleteOld(t.Context(), time.Now().Add(100*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	got := dump(t, dsn)
	if len(got.Messages)+len(got.MOs) != 0 {
		t.Errorf("after 100 days: %d messages, %d MOs", len(got.Messages), len(got.MOs))
	}
	if d := cmp.Diff(before.Volumes, got.Volumes); d != "" {
		t.Errorf("retention changed volumes:\n%s", d)
	}
}

// Facts about messages whose rows retention may have deleted are not taken: they would be counted again.
func TestFactsOlderThanRetentionAreDropped(t *testing.T) {
	f := newFolder(Config{KeepMessages: time.Hour, KeepEvents: time.Hour, Settle: time.Hour, MaxOpen: 10}, countries{}, []*stream{{name: "MT-0"}})
	now := time.Now()
	id := sms.NewIDs(func() time.Time { return now.Add(-2 * time.Hour) }).Next()
	f.fold(tailed{0, &streams.Batch{Seq: 5, Records: []sms.Record{{Message: &sms.Message{ID: id}},
		{Event: &sms.Event{ID: id, Kind: sms.EventFailed, State: sms.StateExpired}}}}}, now)
	if len(f.open)+len(f.due)+len(f.events) != 0 {
		t.Error("an old fact was taken")
	}
	if got := f.streams[0].position(); got != (position{low: 6}) {
		t.Errorf("position = %+v", got)
	}
}

// A parked receipt says nothing new, unless its batch was removed before it could be read.
func TestParkedReceiptsSayNothingNew(t *testing.T) {
	s := &story{at: time.Now().Add(-time.Hour), ids: sms.NewIDs(nil)}
	records := s.records(0)
	receipt := records[len(records)-1].rec
	came := receipt.Delivery.Time
	for _, c := range []struct {
		label string
		next  uint64   // stored position
		seqs  []uint64 // of the batches before the parked receipt
		after time.Duration
		read  bool
	}{
		{"from the beginning", 0, []uint64{1}, 0, false},
		{"a new database, the stream has lost its beginning", 0, []uint64{5}, 0, true},
		{"read on where it was", 7, []uint64{7, 8}, 0, false},
		{"removed since it was read", 7, []uint64{9}, 0, true},
		{"a hole behind the first batch", 7, []uint64{7, 9}, 0, true},
		{"a hole while it runs", 0, []uint64{1, 2, 3, 8}, 0, true},
		{"the hole is older than the receipt", 0, []uint64{1, 3}, -2 * clocks, false},
	} {
		f := newFolder(Config{}.withDefaults(), countries{}, []*stream{{name: streams.Deliver, next: c.next}})
		for _, seq := range c.seqs {
			f.fold(tailed{0, &streams.Batch{Seq: seq, Stored: came.Add(c.after), Subject: streams.DeliverSubject(0, sms.Normal)}}, time.Now())
		}
		last := c.seqs[len(c.seqs)-1]
		f.fold(tailed{0, &streams.Batch{Seq: last + 1, Stored: came.Add(time.Second), Subject: streams.ParkedSubject("acme"),
			Records: []sms.Record{receipt}}}, time.Now())
		if read := len(f.open) == 1; read != c.read {
			t.Errorf("%s: the parked receipt was read: %v", c.label, read)
		}
	}
}
