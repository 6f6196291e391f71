package streams

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// twoNodes returns two buses on one server.
func twoNodes(t *testing.T) (here, far *Bus) {
	t.Helper()
	here = openBus(t, "", func(c *Config) { c.Listen = "127.0.0.1:0" })
	far, err := Open(timeout(t), Config{Node: "far", URLs: []string{here.ClientURL()}, Shards: 2}, here.log, nil)
	check(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = far.Close(ctx)
	})
	return here, far
}

func TestLeaseHasOneHolder(t *testing.T) {
	here, far := twoNodes(t)
	first, err := here.Lease(timeout(t), "carrier one", time.Minute)
	check(t, err)
	short, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := far.Lease(short, "carrier one", time.Minute); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a second holder: %v", err)
	}
	taken := make(chan *Lease, 1)
	go func() {
		l, err := far.Lease(timeout(t), "carrier one", time.Minute)
		if err != nil {
			t.Error(err)
		}
		taken <- l
	}()
	check(t, first.Release(timeout(t)))
	<-first.Lost()
	second := <-taken
	if second.Epoch() <= first.Epoch() {
		t.Errorf("epoch %d after %d", second.Epoch(), first.Epoch())
	}
	check(t, first.Release(timeout(t))) // changes nothing
	select {
	case <-second.Lost():
		t.Error("the old holder released the lease of the new one")
	default:
	}
	check(t, second.Release(timeout(t)))
}

func TestLeaseIsRenewedThenTakenOver(t *testing.T) {
	here, far := twoNodes(t)
	first, err := far.Lease(timeout(t), "x", 300*time.Millisecond)
	check(t, err)
	short, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := here.Lease(short, "x", time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("taken from a holder that renews: %v", err)
	}
	far.nc.Close() // the holder is cut off
	second, err := here.Lease(timeout(t), "x", 300*time.Millisecond)
	check(t, err)
	select {
	case <-first.Lost():
	default:
		t.Error("two holders at once")
	}
	if second.Epoch() <= first.Epoch() {
		t.Errorf("epoch %d after %d", second.Epoch(), first.Epoch())
	}
}

func TestLeaseIsRetakenByItsNode(t *testing.T) {
	here, _ := twoNodes(t)
	first, err := here.Lease(timeout(t), "x", time.Minute)
	check(t, err)
	second, err := here.Lease(timeout(t), "x", 200*time.Millisecond)
	check(t, err)
	if second.Epoch() <= first.Epoch() {
		t.Errorf("epoch %d after %d", second.Epoch(), first.Epoch())
	}
	check(t, here.Close(timeout(t)))
	<-second.Lost()
	<-first.Lost()
}

// A renewal that gets no answer, as when the leader of the bucket is lost, is repeated while the lease still runs.
func TestLeaseOutlivesALostAnswer(t *testing.T) {
	for name, c := range map[string]*lossy{
		"the renewal is lost":           {updates: 1},
		"its answer is lost":            {updates: 1, stored: true},
		"and what is there is not told": {updates: 1, stored: true, gets: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := openBus(t, "")
			lease, err := bus.Lease(timeout(t), "carrier one", 6*time.Second)
			check(t, err)
			began := *lease.until.Load()
			kv, err := bus.leases(timeout(t))
			check(t, err)
			c.KeyValue = kv
			lossyKV := jetstream.KeyValue(c)
			bus.leaseKV.Store(&lossyKV)
			eventually(t, "the lease is renewed", func() bool {
				select {
				case <-lease.Lost():
					t.Fatal("the lease is lost")
				default:
				}
				return lease.until.Load().After(began)
			})
			check(t, lease.Release(timeout(t)))
		})
	}
}

// lossy is a bucket of which so many updates, that are stored or not, and reads are not answered.
type lossy struct {
	jetstream.KeyValue
	updates, gets int // asked by one goroutine
	stored        bool
}

func (l *lossy) Update(ctx context.Context, key string, value []byte, last uint64) (uint64, error) {
	if l.updates--; l.updates < 0 {
		return l.KeyValue.Update(ctx, key, value, last)
	}
	if l.stored {
		_, _ = l.KeyValue.Update(ctx, key, value, last) // nobody is told
	}
	<-ctx.Done()
	return 0, ctx.Err()
}

func (l *lossy) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	if l.gets--; l.gets < 0 {
		return l.KeyValue.Get(ctx, key)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}
