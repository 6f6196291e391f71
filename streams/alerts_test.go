package streams

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tasman/sms"
)

// partitioned has so many partitions of alerts.
func partitioned(n int) func(*Config) { return func(c *Config) { c.Alerts = n } }

// told is what became of a publish.
type told struct {
	placed Placed
	err    error
}

// publishAlert publishes an alert for carrier one as core and carriers do.
func publishAlert(t *testing.T, b *Bus, text string) <-chan told {
	t.Helper()
	result := make(chan told, 1)
	tell := func(p Placed, err error) { result <- told{p, err} }
	check(t, b.PublishSure(t.Context(), DispatchSubject("one", sms.Alert), message(text), tell))
	return result
}

func awaitStored(t *testing.T, what string, result <-chan told, stream string) {
	t.Helper()
	select {
	case got := <-result:
		if got.err != nil || got.placed.Stream != stream {
			t.Errorf("%s: %+v, want it in %s", what, got, stream)
		}
	case <-timeout(t).Done():
		t.Fatalf("%s waits", what)
	}
}

// silence takes a stream away and puts a listener in its place who never answers, as a leader that is paused does not. The
// returned function brings the stream back.
func silence(t *testing.T, b *Bus, stream string) (answer func()) {
	t.Helper()
	s, err := b.js.Stream(timeout(t), stream)
	check(t, err)
	config := s.CachedInfo().Config
	check(t, b.js.DeleteStream(timeout(t), stream))
	silent, err := b.nc.Subscribe(config.Subjects[0], func(*nats.Msg) {})
	check(t, err)
	return func() {
		check(t, silent.Unsubscribe())
		_, err := b.js.CreateStream(timeout(t), config)
		check(t, err)
	}
}

// Alerts go on while their home is silent: only the batch in flight waits for it, what is behind it and what follows is stored in
// another partition at once, and once the home answers it is used again.
func TestAlertsPassASilentPartition(t *testing.T) {
	b := openBus(t, "", partitioned(2))
	home := b.HomeOf("one", sms.Alert)
	if home != AlertStream(1) {
		t.Fatalf("home is %s", home)
	}
	answer := silence(t, b, home)
	inFlight, behind := publishAlert(t, b, "in flight"), publishAlert(t, b, "behind")
	awaitStored(t, "the alert behind", behind, Dispatch)
	awaitStored(t, "one that follows", publishAlert(t, b, "follows"), Dispatch)
	select {
	case got := <-inFlight:
		t.Fatalf("of unknown fate, and told %+v", got)
	default:
	}
	answer()
	awaitStored(t, "the alert in flight", inFlight, home)
	awaitStored(t, "one after that", publishAlert(t, b, "home again"), home)
	if got := b.stored(t, home); !slices.Equal(got, []string{"in flight", "home again"}) {
		t.Errorf("stored in %s: %q", home, got)
	}
	if got := b.stored(t, Dispatch); !slices.Equal(got, []string{"behind", "follows"}) {
		t.Errorf("stored in %s: %q", Dispatch, got)
	}
}

// What nobody took is certainly not stored: it goes to a partition that is served, and to the last of them if need be.
func TestAlertsPassADeadPartition(t *testing.T) {
	b := openBus(t, "", partitioned(3))
	order := b.alertOrder("one")
	if len(order) != 3 || order[2] != 0 || order[0] == order[1] {
		t.Fatalf("order %v, want both others before DISPATCH", order)
	}
	for i, q := range order[:2] {
		check(t, b.js.DeleteStream(timeout(t), AlertStream(q)))
		awaitStored(t, "an alert", publishAlert(t, b, "x"), AlertStream(order[i+1]))
	}
}

// Where every partition is away alerts wait, and go to the first that is back.
func TestAlertsWaitForAnyPartition(t *testing.T) {
	b := openBus(t, "", partitioned(2))
	var configs []jetstream.StreamConfig
	for _, name := range b.DispatchStreams() {
		s, err := b.js.Stream(timeout(t), name)
		check(t, err)
		configs = append(configs, s.CachedInfo().Config)
		check(t, b.js.DeleteStream(timeout(t), name))
	}
	waits := publishAlert(t, b, "waits")
	eventually(t, "all partitions refuse", func() bool {
		return b.avoid.until[b.cfg.Partitions].Load() > 0 && b.avoid.until[b.cfg.Partitions+1].Load() > 0
	})
	_, err := b.js.CreateStream(timeout(t), configs[0])
	check(t, err)
	awaitStored(t, "the alert", waits, Dispatch)
}

// The bus tells of alerts that no partition took when it closes.
func TestCloseTellsOfAlerts(t *testing.T) {
	b := openBus(t, "", partitioned(2))
	for _, name := range b.DispatchStreams() {
		check(t, b.js.DeleteStream(timeout(t), name))
	}
	waits := publishAlert(t, b, "waits")
	eventually(t, "all partitions refuse", func() bool { return b.avoid.until[b.cfg.Partitions].Load() > 0 })
	closing, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Close(closing); err == nil {
		t.Error("closed as if all were stored")
	}
	if got := <-waits; !errors.Is(got.err, ErrClosed) {
		t.Errorf("told %+v", got)
	}
}

// The parts of a queue are read by durables of their own, whose carrier and hold can be told, and of the other lanes by one alone.
func TestPartsOfAQueue(t *testing.T) {
	b := openBus(t, "", partitioned(3))
	for _, carrier := range []string{"one", HoldQueue, "with.dot"} {
		for _, l := range sms.Lanes() {
			readers := b.DispatchReaders(carrier, l)
			if want := map[bool]int{true: 3, false: 1}[l == sms.Alert]; len(readers) != want {
				t.Errorf("%d readers of %s %s, want %d", len(readers), carrier, l, want)
			}
			for _, d := range readers {
				name, ok := CarrierOf(d)
				if !ok && carrier != "with.dot" || ok && name != carrier || streamOf(d.Filter) != d.Stream ||
					IsHeld(d.Filter) != (carrier == HoldQueue) ||
					d.Urgent() != (l == sms.Alert) || b.slotOf(d.Filter) < b.cfg.Partitions {
					t.Errorf("%+v is of %q, %v", d, name, ok)
				}
			}
		}
	}
	for _, stream := range b.DispatchStreams() {
		marker, err := markerSubject(stream)
		check(t, err)
		if _, ok := CarrierOf(Durable{Stream: stream, Filter: marker}); ok || streamOf(marker) != stream || IsHeld(marker) {
			t.Errorf("marker %s of %s looks like a queue", marker, stream)
		}
	}
	if got := strings.Join(b.StreamNames(), " "); got != "MT-0 DISPATCH DISPATCH-A-1 DISPATCH-A-2 EVENTS DELIVER" {
		t.Errorf("streams %s", got)
	}
}

// A data folder of before goes on: alerts that wait in DISPATCH are read as before, new ones go to the new partition, and the fences
// and positions of all queues know both.
func TestAlertsArePartitionedLater(t *testing.T) {
	dir := t.TempDir()
	old := openBus(t, dir)
	check(t, old.Store(timeout(t), DispatchSubject("one", sms.Alert), message("from before")))
	check(t, old.Close(timeout(t)))

	b := openBus(t, dir, partitioned(2))
	check(t, b.Store(timeout(t), DispatchSubject("one", sms.Alert), message("new")))
	waiting, err := b.Queued(timeout(t))
	check(t, err)
	if waiting["one"] != 2 {
		t.Errorf("waiting: %v", waiting)
	}
	var got []string
	for _, d := range b.DispatchReaders("one", sms.Alert) {
		got = append(got, collect(t, consume(t, b, d, 1), 1)...)
	}
	if !slices.Equal(got, []string{"from before", "new"}) {
		t.Errorf("read %q", got)
	}
	check(t, b.Close(timeout(t)))

	b, err = Open(timeout(t), Config{Node: "test", Dir: dir, Shards: 2}, slog.New(slog.DiscardHandler), nil)
	check(t, err)
	defer b.Close(timeout(t)) // nothing is published
	for label, start := range map[string]func(context.Context) error{
		"role streams": func(ctx context.Context) error { return b.Apply(ctx, Topology{Carriers: []string{"one"}}) }, "others": b.Await,
	} {
		if err := start(timeout(t)); !errors.Is(err, ErrMoreAlerts) {
			t.Errorf("%s start with fewer partitions: %v", label, err)
		}
	}
}

// A queue that is fenced off is so in all its parts.
func TestFencesReachAllPartitions(t *testing.T) {
	b := openBus(t, "", partitioned(3))
	check(t, b.fence(timeout(t), []uint64{7}))
	for _, d := range b.DispatchReaders("two", sms.Alert) {
		batch, err := consume(t, b, d, 1).Next(timeout(t))
		check(t, err)
		if !slices.Equal(batch.Fences, []uint64{7}) {
			t.Errorf("%s: %v", d.Stream, batch.Fences)
		}
	}
}

// What all have read of a partition is removed, and so are the durables of a carrier that is gone.
func TestPartitionsAreTrimmed(t *testing.T) {
	b := openBus(t, "", partitioned(2))
	check(t, b.Store(timeout(t), DispatchSubject("two", sms.Alert), message("x")))
	home := b.DispatchReaders("two", sms.Alert)[1]
	if got := collect(t, consume(t, b, home, 1), 1); got[0] != "x" {
		t.Fatalf("got %v", got)
	}
	check(t, b.Apply(timeout(t), Topology{Carriers: []string{"one"}}))
	tr := newTrimmer(b)
	eventually(t, "the batch and the durable are gone", func() bool {
		clear(tr.done)
		tr.slowAt = tr.slowAt.Add(-2 * slowPart)
		_, err := tr.pass(timeout(t))
		check(t, err)
		_, err = b.js.Consumer(timeout(t), home.Stream, home.Name)
		n, cerr := b.countOf(timeout(t), home.Stream, home.Filter)
		return isGone(err) && cerr == nil && n == 0
	})
}

// A backup of a cell without partitions of alerts is restored into one that has them; the other way it is refused.
func TestBackupFromBeforePartitions(t *testing.T) {
	b := openBus(t, "")
	check(t, b.Store(timeout(t), DispatchSubject("one", sms.Alert), message("saved")))
	saved, f := backup(t, b, nothing)
	later := openBus(t, "", partitioned(2))
	check(t, later.Restore(timeout(t), saved, Past{}, f.open))
	check(t, later.Apply(timeout(t), Topology{Carriers: []string{"one"}}))
	if got := later.stored(t, Dispatch); !slices.Equal(got, []string{"saved"}) {
		t.Errorf("restored %q", got)
	}
	check(t, later.Store(timeout(t), DispatchSubject("one", sms.Alert), message("after")))
	saved, f = backup(t, later, nothing)
	if err := openBus(t, "").Restore(timeout(t), saved, Past{}, f.open); !errors.Is(err, ErrOtherShape) || !strings.Contains(err.Error(), "alert_partitions") {
		t.Errorf("into one without: %v", err)
	}
	again := openBus(t, "", partitioned(2))
	check(t, again.Restore(timeout(t), saved, Past{}, f.open))
	if got := again.stored(t, AlertStream(1)); !slices.Equal(got, []string{"after"}) {
		t.Errorf("restored %q", got)
	}
}

func TestMisplaced(t *testing.T) {
	info := func(leader string, current bool) *jetstream.ConsumerInfo {
		copies := []*jetstream.PeerInfo{{Name: "c", Current: current}}
		return &jetstream.ConsumerInfo{Cluster: &jetstream.ClusterInfo{Leader: leader, Replicas: copies}}
	}
	cases := map[string]struct {
		d    Durable
		info *jetstream.ConsumerInfo
		want bool
	}{
		"beside its stream":      {MTReader(0, sms.Normal), info("a", true), false},
		"elsewhere":              {MTReader(0, sms.Normal), info("b", true), true},
		"no leader":              {MTReader(0, sms.Normal), info("", true), false},
		"a copy is behind":       {MTReader(0, sms.Normal), info("b", false), false},
		"a server that is alone": {MTReader(0, sms.Normal), &jetstream.ConsumerInfo{}, false},
		"alerts in DISPATCH":     {DispatchReader("one", sms.Alert), info("b", true), true},
		"others in DISPATCH":     {DispatchReader("one", sms.Bulk), info("b", true), false},
	}
	for label, c := range cases {
		if got := misplaced(c.d, c.info, "a"); got != c.want {
			t.Errorf("%s: %v", label, got)
		}
	}
}

// stored returns the texts in a stream.
func (b *Bus) stored(t *testing.T, stream string) (texts []string) {
	t.Helper()
	check(t, b.scan(timeout(t), stream, ">", 0, func(batch *Batch, _ []byte) error {
		for _, r := range batch.Records {
			texts = append(texts, r.Message.Text)
		}
		return nil
	}))
	return texts
}
