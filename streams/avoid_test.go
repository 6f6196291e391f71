package streams

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"tasman/sms"
)

// accountAt returns an account whose lane normal is at home in a partition.
func accountAt(b *Bus, p int) string {
	for i := 0; ; i++ {
		if name := "account" + strings.Repeat("x", i); bucket(name+"/normal", b.cfg.Partitions) == p {
			return name
		}
	}
}

// A partition whose leader is silent is avoided: the batch in flight waits, what is behind it and what follows goes elsewhere,
// and once the partition answers it is used again.
func TestSilentPartitionIsAvoided(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Partitions = 2 })
	account := accountAt(b, 0)
	if p := b.Partition(account, sms.Normal); p != 0 {
		t.Fatalf("partition %d", p)
	}
	// A stream that is not there and a listener who never answers look like a leader that is paused.
	stream, err := b.js.Stream(timeout(t), MTStream(0))
	check(t, err)
	config := stream.CachedInfo().Config
	check(t, b.js.DeleteStream(timeout(t), MTStream(0)))
	silent, err := b.nc.Subscribe("mt.0.>", func(*nats.Msg) {})
	check(t, err)

	type told struct {
		placed Placed
		err    error
	}
	inFlight, behind := make(chan told, 1), make(chan told, 1)
	check(t, b.Publish(t.Context(), MTSubject(0, sms.Normal), message("in flight"), func(p Placed, err error) { inFlight <- told{p, err} }))
	check(t, b.Publish(t.Context(), MTSubject(0, sms.Normal), message("behind"), func(p Placed, err error) { behind <- told{p, err} }))
	select {
	case got := <-behind:
		if !errors.Is(got.err, ErrUnavailable) || !errors.Is(got.err, ErrNotStored) {
			t.Errorf("the batch behind: %v", got.err)
		}
	case <-timeout(t).Done():
		t.Fatal("the batch behind waits")
	}
	if p := b.Partition(account, sms.Normal); p != 1 {
		t.Errorf("partition %d while 0 is silent", p)
	}
	check(t, b.Store(timeout(t), MTSubject(1, sms.Normal), message("elsewhere")))

	check(t, silent.Unsubscribe())
	_, err = b.js.CreateStream(timeout(t), config)
	check(t, err)
	select {
	case got := <-inFlight:
		if got.err != nil || got.placed.Stream != MTStream(0) {
			t.Errorf("the batch in flight: %+v", got)
		}
	case <-timeout(t).Done():
		t.Fatal("the batch in flight was not repeated")
	}
	if p := b.Partition(account, sms.Normal); p != 0 {
		t.Errorf("partition %d after 0 answered", p)
	}
	if got := storedIn(t, b, 0); !slices.Equal(got, []string{"in flight"}) {
		t.Errorf("stored in 0: %q", got)
	}
}

// A partition that nobody serves is avoided for a while.
func TestDeadPartitionIsAvoided(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Partitions = 3 })
	check(t, b.js.DeleteStream(timeout(t), MTStream(1)))
	if err := b.Store(timeout(t), MTSubject(1, sms.Normal), message("x")); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("stored without a stream: %v", err)
	}
	if p := b.Partition(accountAt(b, 1), sms.Normal); p != 2 {
		t.Errorf("partition %d, want the next", p)
	}
	if p := b.Partition(accountAt(b, 0), sms.Normal); p != 0 {
		t.Errorf("partition %d of an account whose home answers", p)
	}
}

// With one partition there is nowhere else: what waits goes on waiting.
func TestTheOnlyPartitionIsNotAvoided(t *testing.T) {
	var a avoided
	a.until = make([]atomicTime, 1)
	a.mark(0, time.Now())
	b := &Bus{cfg: Config{Partitions: 1}}
	b.avoid.until = a.until
	if p := b.Partition("acme", sms.Normal); p != 0 {
		t.Errorf("partition %d", p)
	}
	l := (&publisher{bus: b, lanes: map[string]*lane{}}).newLane(MTSubject(0, sms.Normal))
	l.flight = &outgoing{unheard: 1, sent: time.Now().Add(-time.Hour)}
	if l.overdue(time.Now()) {
		t.Error("the batches behind the one in flight are given back")
	}
}

func storedIn(t *testing.T, b *Bus, p int) []string {
	t.Helper()
	return b.stored(t, MTStream(p))
}
