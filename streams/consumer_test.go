package streams

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tasman/sms"
)

func TestRestartLosesNothing(t *testing.T) {
	dir := t.TempDir()
	short := func(c *Config) { c.AckWait = time.Second }
	b := openBus(t, dir, short)
	for i := range 10 {
		check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message(fmt.Sprint(i))))
	}
	c := consume(t, b, MTReader(0, sms.Normal), 1)
	if got := collect(t, c, 3); got[2] != "2" {
		t.Fatalf("got %v", got)
	}
	check(t, b.Close(timeout(t)))

	b = openBus(t, dir, short)
	c = consume(t, b, MTReader(0, sms.Normal), 4)
	missing := map[string]bool{}
	for i := 3; i < 10; i++ {
		missing[fmt.Sprint(i)] = true
	}
	for len(missing) > 0 { // the one that was pulled ahead comes last, after AckWait; collect fails the test when nothing comes
		for _, text := range collect(t, c, 1) {
			delete(missing, text)
		}
	}
}

func TestRedelivery(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.AckWait = time.Second })
	check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("x")))
	first := consume(t, b, MTReader(0, sms.Normal), 1)
	batch, err := first.Next(timeout(t))
	check(t, err)
	if batch.Delivered != 1 || batch.Stream != "MT-0" || batch.Subject != "mt.0.normal" || batch.Seq != 1 {
		t.Fatalf("got %+v", batch)
	}
	check(t, batch.Nak(0))
	batch, err = first.Next(timeout(t))
	check(t, err)
	if batch.Delivered != 2 {
		t.Fatalf("delivered %d times, want 2", batch.Delivered)
	}
	first.Close() // without an answer: it comes again after AckWait
	second := consume(t, b, MTReader(0, sms.Normal), 1)
	batch, err = second.Next(timeout(t))
	check(t, err)
	if batch.Delivered != 3 {
		t.Fatalf("delivered %d times, want 3", batch.Delivered)
	}
	check(t, batch.Ack())
}

func TestOpenBatchIsKeptAlive(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.AckWait = time.Second })
	check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("x")))
	c := consume(t, b, MTReader(0, sms.Normal), 2)
	batch, err := c.Next(timeout(t))
	check(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 2500*time.Millisecond)
	defer cancel()
	if again, err := c.Next(ctx); err == nil {
		t.Fatalf("delivered again (%d) while being worked on", again.Delivered)
	}
	check(t, batch.Ack())
}

func TestPrefetchIsBounded(t *testing.T) {
	b := openBus(t, "")
	for range 20 {
		check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("x")))
	}
	c := consume(t, b, MTReader(0, sms.Normal), 3)
	for range 5 {
		_, err := c.Next(timeout(t))
		check(t, err)
	}
	reader, err := b.js.Consumer(timeout(t), "MT-0", MTReader(0, sms.Normal).Name)
	check(t, err)
	eventually(t, "three are pulled ahead", func() bool {
		info, err := reader.Info(timeout(t))
		if err == nil && info.NumAckPending > 8 {
			t.Fatalf("%d batches are out, want 5 open and 3 ahead", info.NumAckPending)
		}
		return err == nil && info.NumAckPending == 8
	})
	c.Close() // gives back those ahead, at once
	other := consume(t, b, MTReader(0, sms.Normal), 1)
	for again := 0; again < 3; {
		batch, err := other.Next(timeout(t))
		check(t, err)
		if given := batch.Seq >= 6 && batch.Seq <= 8; batch.Seq < 6 || given != (batch.Delivered == 2) {
			t.Errorf("got batch %d, delivered %d times", batch.Seq, batch.Delivered)
		} else if given {
			again++
		}
		check(t, batch.Ack())
	}
}

// A batch whose acknowledgement was lost does not come to its reader again: it is acknowledged once more.
func TestLostAcknowledgementIsRepeated(t *testing.T) {
	b := openBus(t, "")
	queue := DispatchReader("one", sms.Normal)
	c := consume(t, b, queue, 1)
	check(t, b.Store(timeout(t), queue.Filter, message("first")))
	first, err := c.Next(timeout(t))
	check(t, err)
	c.answered(first, true)
	check(t, b.nc.Publish(first.reply, []byte("-NAK"))) // what the server believes in the end, without the word that was lost
	check(t, b.Store(timeout(t), queue.Filter, message("second")))
	second, err := c.Next(timeout(t))
	check(t, err)
	if got := second.Records[0].Message.Text; got != "second" {
		t.Fatalf("got %q, delivered %d times", got, second.Delivered)
	}
	check(t, second.Ack())
	ctx, cancel := context.WithCancel(timeout(t))
	ended := make(chan error, 1)
	go func() {
		batch, err := c.Next(ctx)
		if err == nil {
			err = fmt.Errorf("batch %d came again", batch.Seq)
		}
		ended <- err
	}()
	eventually(t, "both are acknowledged", func() bool {
		consumer, err := b.js.Consumer(timeout(t), queue.Stream, queue.Name)
		return err == nil && consumer.CachedInfo().NumAckPending == 0 && consumer.CachedInfo().NumPending == 0
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAcked(t *testing.T) {
	var a acked
	stored, now := time.Unix(1, 0), time.Unix(1000, 0)
	for seq := range uint64(ackedMost + 1) {
		a.add(seq, stored, now)
	}
	for name, known := range map[string]bool{
		"the last":               a.has(ackedMost, stored, now),
		"one long ago":           !a.has(0, stored, now),
		"the first that is left": a.has(1, stored, now.Add(ackedFor-1)),
		"after its time":         !a.has(ackedMost, stored, now.Add(ackedFor)),
		"of a stream made anew":  !a.has(ackedMost, stored.Add(1), now),
		"one that did not come":  !a.has(ackedMost+1, stored, now),
		"one of a busy reader":   a.has(ackedMost-200*15, stored, now.Add(15*time.Second)), // which comes again after AckWait
	} {
		if !known {
			t.Error(name)
		}
	}
	a.add(ackedMost+1, stored, now.Add(time.Minute))
	a.forget(now.Add(ackedFor))
	if len(a.list) != 1 || !a.has(ackedMost+1, stored, now.Add(ackedFor)) {
		t.Errorf("%d are left, want the young one", len(a.list))
	}
	if a.forget(now.Add(2 * ackedFor)); a.list != nil {
		t.Error("memory is kept for nothing")
	}
}

func TestNextEnds(t *testing.T) {
	b := openBus(t, "")
	c := consume(t, b, MTReader(0, sms.Normal), 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that of ctx", err)
	}
	go c.Close()
	if _, err := c.Next(timeout(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestConsumeWaitsForDurable(t *testing.T) {
	b := openBus(t, "")
	opened := make(chan error, 1)
	go func() {
		_, err := b.Consume(timeout(t), DispatchReader("late", sms.Bulk), 1)
		opened <- err
	}()
	check(t, b.Apply(timeout(t), Topology{Carriers: []string{"one", "late"}}))
	check(t, <-opened)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Consume(ctx, DispatchReader("never", sms.Bulk), 1); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestUndecodableBatchIsSetAside(t *testing.T) {
	b := openBus(t, "")
	check(t, b.storeRaw(timeout(t), MTSubject(0, sms.Normal), []byte("\x1a\xffgarbage")))
	check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("good")))
	c := consume(t, b, MTReader(0, sms.Normal), 2)
	if got := collect(t, c, 1); got[0] != "good" {
		t.Fatalf("got %v", got)
	}
	if n := countSubject(t, b, undecodableSubject); n != 1 {
		t.Errorf("%d batches set aside, want 1", n)
	}
}

// A server that has forgotten that it delivered a batch, as a new leader may have, does not make it look new.
func TestBatchesThatCameBeforeAreRepeats(t *testing.T) {
	t.Parallel()
	c := &Consumer{}
	for _, step := range []struct {
		seq        uint64
		said, want int
	}{{3, 1, 1}, {5, 2, 2}, {5, 1, 2}, {4, 1, 2}, {3, 4, 4}, {6, 1, 1}} {
		if got := c.deliveries(step.seq, step.said); got != step.want {
			t.Errorf("batch %d, delivered %d times as the server says: %d, want %d", step.seq, step.said, got, step.want)
		}
	}
}
