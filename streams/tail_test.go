package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"tasman/sms"
)

var errStop = errors.New("stop")

// tailUntil returns the texts of a stream from a sequence up to the sequence end, and the sequences seen.
func tailUntil(tb testing.TB, b *Bus, stream string, from, end uint64) (texts []string, seqs []uint64) {
	tb.Helper()
	err := b.Tail(timeout(tb), stream, from, func(batch *Batch) error {
		seqs = append(seqs, batch.Seq)
		for _, r := range batch.Records {
			texts = append(texts, r.Message.Text)
		}
		if batch.Seq >= end {
			return errStop
		}
		return nil
	})
	if !errors.Is(err, errStop) {
		tb.Fatalf("tail ended with %v", err)
	}
	return texts, seqs
}

func TestTailAndBarrier(t *testing.T) {
	b := openBus(t, "")
	for i := range 6 {
		check(t, b.Store(timeout(t), MTSubject(0, sms.Lanes()[i%3]), message(fmt.Sprint(i))))
	}
	placed, err := b.Barrier(timeout(t), b.StreamNames()...)
	check(t, err)
	if len(placed) != 4 || placed["MT-0"] != 7 || placed[Dispatch] != 1 {
		t.Fatalf("barrier at %v", placed)
	}
	texts, seqs := tailUntil(t, b, "MT-0", 0, placed["MT-0"])
	if fmt.Sprint(texts) != "[0 1 2 3 4 5]" || seqs[6] != 7 {
		t.Errorf("got %v at %v", texts, seqs)
	}
	if texts, _ = tailUntil(t, b, "MT-0", 5, 7); fmt.Sprint(texts) != "[4 5]" {
		t.Errorf("from 5: got %v", texts)
	}
	_, err = b.purge(timeout(t), "MT-0", MTSubject(0, sms.Alert), 4)
	check(t, err)
	if texts, seqs = tailUntil(t, b, "MT-0", 1, 7); fmt.Sprint(texts) != "[1 2 4 5]" || !slices.Equal(seqs, []uint64{2, 3, 5, 6, 7}) {
		t.Errorf("after a purge: got %v at %v", texts, seqs)
	}
	if _, err := b.Barrier(timeout(t), "NOWHERE"); err == nil {
		t.Error("a barrier of an unknown stream succeeded")
	}
}

func TestTailGoesOnWithoutGapOrRepeat(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Listen = "127.0.0.1:0" })
	far, err := Open(timeout(t), Config{Node: "far", URLs: []string{b.ClientURL()}}, b.log, nil)
	check(t, err)
	defer func() { check(t, far.Close(timeout(t))) }()

	const n = 300
	seen := make(chan uint64, n)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(timeout(t))
	go func() {
		ended <- far.Tail(ctx, Events, 0, func(batch *Batch) error {
			seen <- batch.Seq
			return nil
		})
	}()
	for i := range n {
		check(t, b.Store(timeout(t), EventSubject("edge"), event(i)))
		switch i {
		case 100:
			check(t, far.nc.ForceReconnect())
		case 200: // the server forgets the reader behind the tail
			s, err := b.js.Stream(timeout(t), Events)
			check(t, err)
			for name := range s.ConsumerNames(timeout(t)).Name() {
				check(t, b.js.DeleteConsumer(timeout(t), Events, name))
			}
		}
	}
	for want := uint64(1); want <= n; want++ {
		if got := <-seen; got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("tail ended with %v", err)
	}
}

func TestConsumerOutlivesReconnect(t *testing.T) {
	// A batch on its way when the connection breaks comes again after AckWait.
	b := openBus(t, "", func(c *Config) { c.Listen, c.AckWait = "127.0.0.1:0", 3*time.Second })
	far, err := Open(timeout(t), Config{Node: "far", URLs: []string{b.ClientURL()}, AckWait: 3 * time.Second}, b.log, nil)
	check(t, err)
	defer func() { check(t, far.Close(timeout(t))) }()
	c := consume(t, far, MTReader(0, sms.Normal), 2)
	for i := range 20 {
		if i%5 == 0 {
			check(t, far.nc.ForceReconnect())
		}
		check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message(fmt.Sprint(i))))
	}
	seen := make(map[string]bool)
	for len(seen) < 20 {
		batch, err := c.Next(timeout(t))
		check(t, err)
		for i := range batch.Records {
			seen[batch.Records[i].Message.Text] = true
		}
		_ = batch.Ack() // one that falls into a reconnect is lost: the batch would come again
	}
	eventually(t, "the server was heard", func() bool { return far.Connected() && !far.Heard().IsZero() })
}

// A tail whose reader at the server is gone makes another, and has every batch once. Nothing is left at the server when it ends.
func TestTailOutlivesItsReader(t *testing.T) {
	b := openBus(t, "")
	const n = 30
	readers := func() (names []string) {
		s, err := b.js.Stream(timeout(t), Events)
		check(t, err)
		for name := range s.ConsumerNames(timeout(t)).Name() {
			names = append(names, name)
		}
		return names
	}
	check(t, b.Store(timeout(t), EventSubject("core"), event(0)))
	next := 1
	err := b.Tail(timeout(t), Events, 0, func(batch *Batch) error {
		if got := batch.Records[0].Event.Attempt; got != next-1 {
			t.Errorf("got %d, want %d", got, next-1)
		}
		if next == n {
			return errStop
		}
		if next%10 == 0 {
			for _, name := range readers() {
				check(t, b.js.DeleteConsumer(timeout(t), Events, name))
			}
		}
		check(t, b.Store(timeout(t), EventSubject("core"), event(next)))
		next++
		return nil
	})
	if !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	eventually(t, "no reader is left", func() bool { return len(readers()) == 0 })
}

// TestTailOfAReaderThatStandsStill has the readers at the server give nothing any more, while they tell that they are there, as was seen
// in a cell: the tail makes a new one, and misses nothing.
func TestTailOfAReaderThatStandsStill(t *testing.T) {
	b := openBus(t, "")
	ctx := timeout(t)
	check(t, b.Store(ctx, MTSubject(0, sms.Normal), message("0")))
	ended := make(chan error, 1)
	texts := make(chan string, 10)
	go func() {
		ended <- b.Tail(ctx, "MT-0", 0, func(batch *Batch) error {
			for _, r := range batch.Records {
				texts <- r.Message.Text
			}
			if batch.Seq == 3 {
				return errStop
			}
			return nil
		})
	}()
	if got := <-texts; got != "0" {
		t.Fatalf("got %q", got)
	}
	s, err := b.js.Stream(ctx, "MT-0")
	check(t, err)
	paused := 0
	for info := range s.ListConsumers(ctx).Info() {
		if info.Config.MemoryStorage {
			_, err := s.PauseConsumer(ctx, info.Name, time.Now().Add(time.Hour))
			check(t, err)
			paused++
		}
	}
	if paused != 1 {
		t.Fatalf("%d readers", paused)
	}
	for i := range 2 {
		check(t, b.Store(ctx, MTSubject(0, sms.Normal), message(fmt.Sprint(i+1))))
	}
	if err := <-ended; !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	if a, b := <-texts, <-texts; a != "1" || b != "2" {
		t.Errorf("got %q and %q", a, b)
	}
}

// TestTailOfAnEndThatWasRemoved has nothing left behind what was read, though the stream ends later: a reader is made anew once for
// that, and not every time that nothing comes.
func TestTailOfAnEndThatWasRemoved(t *testing.T) {
	b := openBus(t, "")
	ctx := timeout(t)
	for i := range 3 {
		check(t, b.Store(ctx, MTSubject(0, sms.Lanes()[i%3]), message(fmt.Sprint(i))))
	}
	s, err := b.js.Stream(ctx, "MT-0")
	check(t, err)
	for _, seq := range []uint64{2, 3} {
		check(t, s.DeleteMsg(ctx, seq))
	}
	one := &tail{bus: b, stream: "MT-0", next: 2}
	if err := one.nothing(ctx); !errors.Is(err, errStalled) || one.seen != 3 {
		t.Fatalf("with an end that is not known: %v, %+v", err, one)
	}
	consumer, err := one.make(ctx)
	check(t, err)
	one.judge(consumer.CachedInfo().NumPending)
	if err := one.nothing(ctx); err != nil || one.hollow != 3 {
		t.Errorf("with an end that was removed: %v, %+v", err, one)
	}
	check(t, b.Store(ctx, MTSubject(0, sms.Normal), message("4")))
	if err := one.nothing(ctx); !errors.Is(err, errStalled) {
		t.Errorf("with more behind it: %v", err)
	}
	consumer, err = one.make(ctx)
	check(t, err)
	if one.judge(consumer.CachedInfo().NumPending); one.hollow != 3 || one.seen != 0 {
		t.Errorf("a reader with something before it: %+v", one)
	}
}
