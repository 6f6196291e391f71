package streams

import (
	"context"
	"errors"
	"testing"
	"time"
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
