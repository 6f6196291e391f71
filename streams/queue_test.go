package streams

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"tasman/sms"
)

var normalQueue = DispatchReader("one", sms.Normal)

func openQueue(t *testing.T, b *Bus, d Durable) *Queue {
	t.Helper()
	q, err := b.readQueue(timeout(t), d)
	check(t, err)
	t.Cleanup(q.Close)
	return q
}

// takeFrom returns the next n batches, each of one record, and their texts.
func takeFrom(t *testing.T, q *Queue, n int) (batches []*Batch, texts []string) {
	t.Helper()
	for range n {
		batch, err := q.Next(timeout(t))
		check(t, err)
		batches, texts = append(batches, batch), append(texts, batch.Records[0].Message.Text)
	}
	return batches, texts
}

// storeTexts stores the numbers of a range as batches of one record each.
func storeTexts(t *testing.T, b *Bus, d Durable, from, to int) (texts []string) {
	t.Helper()
	for i := from; i < to; i++ {
		text := strconv.Itoa(i)
		check(t, b.storeRaw(timeout(t), d.Filter, encodeBatch(time.Now(), "test", message(text))))
		texts = append(texts, text)
	}
	return texts
}

func (q *Queue) isBehind() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.behind
}

// What was in the queue before comes first, then what is stored while it is open; what is another's does not come.
func TestQueueIsReadInOrder(t *testing.T) {
	b := openBus(t, "")
	want := storeTexts(t, b, normalQueue, 0, 20)
	storeTexts(t, b, DispatchReader("two", sms.Normal), 0, 3)
	storeTexts(t, b, DispatchReader("one", sms.Bulk), 0, 3)
	q := openQueue(t, b, normalQueue)
	want = append(want, storeTexts(t, b, normalQueue, 20, 40)...)
	if _, got := takeFrom(t, q, 40); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	eventually(t, "the queue has caught up", func() bool { return !q.isBehind() })
	want = storeTexts(t, b, normalQueue, 40, 60)
	if _, got := takeFrom(t, q, 20); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if q.isBehind() {
		t.Error("what was stored while the reader waited did not come by the tail")
	}
}

// The next reader begins at the first batch that is not done, also in another process; batches behind it that are done come again.
func TestQueueGoesOnWhereItWas(t *testing.T) {
	dir := t.TempDir()
	b := openBus(t, dir)
	q := openQueue(t, b, normalQueue)
	storeTexts(t, b, normalQueue, 0, 10)
	batches, _ := takeFrom(t, q, 8)
	for _, i := range []int{3, 0, 2, 1, 5} { // in any order; 4 is not done, 6 is given back
		check(t, batches[i].Ack())
		check(t, batches[i].Ack()) // says nothing new
	}
	check(t, batches[6].Nak(0))
	eventually(t, "the queue has caught up", func() bool { return !q.isBehind() })
	if waiting, err := b.Waiting(timeout(t), Dispatch); err != nil || waiting[normalQueue] != 5 {
		t.Errorf("%d batches wait, want 5: %v", waiting[normalQueue], err)
	}
	q.Close()
	check(t, b.Close(timeout(t)))

	b = openBus(t, dir)
	q = openQueue(t, b, normalQueue)
	batches, got := takeFrom(t, q, 6)
	if want := []string{"4", "5", "6", "7", "8", "9"}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for _, batch := range batches {
		if batch.Delivered != 1 {
			t.Errorf("batch %d, delivered %d times", batch.Seq, batch.Delivered)
		}
		check(t, batch.Ack())
	}
	eventually(t, "the durable knows", func() bool {
		info, err := b.askDurable(timeout(t), normalQueue)
		return err == nil && info.NumPending == 0
	})
	if waiting, err := b.Waiting(timeout(t), Dispatch); err != nil || waiting[normalQueue] != 0 {
		t.Errorf("%d batches wait of those that are done: %v", waiting[normalQueue], err)
	}
	q.Close()
	q = openQueue(t, b, normalQueue)
	want := storeTexts(t, b, normalQueue, 10, 11)
	if _, got := takeFrom(t, q, 1); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What is outstanding when a reader ends is done afterwards: the durable hears of that too.
func TestQueueIsDoneAfterItsEnd(t *testing.T) {
	b := openBus(t, "")
	q := openQueue(t, b, normalQueue)
	storeTexts(t, b, normalQueue, 0, 3)
	batches, _ := takeFrom(t, q, 3)
	check(t, batches[1].Ack())
	q.Close()
	check(t, batches[2].Ack())
	check(t, batches[0].Ack())
	eventually(t, "the durable knows", func() bool {
		info, err := b.askDurable(timeout(t), normalQueue)
		return err == nil && info.NumPending == 0
	})
}

// What a Consumer left of a queue a Queue finds, and the other way round: core reads the queue of a carrier without a node.
func TestQueueAndConsumerTakeTurns(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.AckWait = time.Second })
	storeTexts(t, b, normalQueue, 0, 6)
	c := consume(t, b, normalQueue, 1)
	if got := collect(t, c, 2); !slices.Equal(got, []string{"0", "1"}) {
		t.Fatalf("got %v", got)
	}
	c.Close()
	q := openQueue(t, b, normalQueue)
	batches, got := takeFrom(t, q, 3)
	if !slices.Equal(got, []string{"2", "3", "4"}) {
		t.Fatalf("got %v", got)
	}
	check(t, batches[0].Ack())
	check(t, batches[1].Ack())
	q.Close()
	if got := collect(t, consume(t, b, normalQueue, 1), 2); !slices.Equal(got, []string{"4", "5"}) {
		t.Errorf("got %v", got)
	}
}

// A reader that does not come along has little of its queue in memory, stops no other, and has all of it in the end.
func TestQueueBehindItsReader(t *testing.T) {
	b := openBus(t, "")
	slow, quick := openQueue(t, b, normalQueue), openQueue(t, b, DispatchReader("two", sms.Normal))
	eventually(t, "both come by the tail", func() bool { return !slow.isBehind() && !quick.isBehind() })
	const n = 40
	var want []string
	for range n {
		want = append(want, noise(queueAhead/10))
	}
	for _, text := range want {
		check(t, b.Store(timeout(t), slow.durable.Filter, message(text)))
		check(t, b.Store(timeout(t), quick.durable.Filter, message(text)))
		takeFrom(t, quick, 1)
	}
	if !slow.isBehind() || quick.isBehind() {
		t.Errorf("behind: slow %t, quick %t", slow.isBehind(), quick.isBehind())
	}
	slow.mu.Lock()
	size := slow.size
	slow.mu.Unlock()
	if size > queueAhead {
		t.Errorf("%d octets are in memory, want %d at most", size, queueAhead)
	}
	if _, got := takeFrom(t, slow, n); !slices.Equal(got, want) {
		t.Error("the batches did not all come, in order")
	}
	eventually(t, "the slow one has caught up", func() bool { return !slow.isBehind() })
	want = storeTexts(t, b, normalQueue, 0, 5)
	if _, got := takeFrom(t, slow, 5); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if held := slow.tail.held.Load(); held != 0 {
		t.Errorf("%d octets are counted as held when nothing is ready", held)
	}
}

// Many queues, opened and closed at random while their messages are stored, by readers of any speed: each message comes in order, and
// again only from where its queue was not done.
func TestQueuesUnderLoad(t *testing.T) {
	const queues, messages = 12, 300
	b := openBus(t, "")
	var names []string
	for i := range queues {
		names = append(names, fmt.Sprint("c", i))
	}
	check(t, b.Apply(timeout(t), Topology{Carriers: names}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var work sync.WaitGroup
	for i, name := range names {
		d := DispatchReader(name, sms.Normal)
		work.Go(func() {
			padding := noise(rand.N(20_000))
			for n := range messages {
				if err := b.Publish(ctx, d.Filter, message(fmt.Sprint(n, " ", padding)), func(_ Placed, err error) {
					if err != nil {
						t.Error(err)
					}
				}); err != nil {
					t.Error(err)
				}
			}
		})
		work.Go(func() { readToEnd(ctx, t, b, d, messages, i%3 == 0) })
	}
	work.Wait()
}

// readToEnd reads numbered messages until it has had the last, with a new reader from time to time.
func readToEnd(ctx context.Context, t *testing.T, b *Bus, d Durable, end int, slow bool) {
	done := 0 // the lowest that is not done
	for done < end {
		q, err := b.readQueue(ctx, d)
		if err != nil {
			t.Error(err)
			return
		}
		next := -1
		for range 1 + rand.N(60) {
			batch, err := q.Next(ctx)
			if err != nil {
				t.Errorf("%s: %v, %d done", d.Name, err, done)
				break
			}
			for _, rec := range batch.Records {
				var n int
				if _, err := fmt.Sscanf(rec.Message.Text, "%d ", &n); err != nil {
					t.Error(err)
				}
				if next >= 0 && n != next || n > done {
					t.Errorf("%s: got %d, want %d; %d done", d.Name, n, next, done)
				}
				next = n + 1
				done = max(done, next)
			}
			if slow {
				_ = pause(ctx, time.Millisecond)
			}
			if err := batch.Ack(); err != nil {
				t.Error(err)
			}
			if done == end {
				break
			}
		}
		q.Close()
		if ctx.Err() != nil {
			return
		}
	}
}

// A batch that nobody can read stops nobody.
func TestQueueSetsAside(t *testing.T) {
	b := openBus(t, "")
	q := openQueue(t, b, normalQueue)
	check(t, b.storeRaw(timeout(t), normalQueue.Filter, []byte("nonsense")))
	storeTexts(t, b, normalQueue, 0, 1)
	batches, got := takeFrom(t, q, 1)
	if got[0] != "0" {
		t.Errorf("got %v", got)
	}
	check(t, batches[0].Ack())
	if n := countSubject(t, b, undecodableSubject); n != 1 {
		t.Errorf("%d batches set aside, want 1", n)
	}
	if q.floor() != batches[0].Seq {
		t.Errorf("done up to %d, want %d", q.floor(), batches[0].Seq)
	}
}

// The trimmer removes what the reader of a queue has done, and nothing else.
func TestQueueIsTrimmed(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Shards = 1 })
	b.trimEvery = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	var trimming sync.WaitGroup
	trimming.Go(func() { _ = b.RunTrimmer(ctx) })
	defer trimming.Wait()
	defer cancel()
	q := openQueue(t, b, normalQueue)
	storeTexts(t, b, normalQueue, 0, 5)
	batches, _ := takeFrom(t, q, 5)
	for _, batch := range batches[:3] {
		check(t, batch.Ack())
	}
	eventually(t, "what is done is gone", func() bool { return countSubject(t, b, normalQueue.Filter) == 2 })
	check(t, batches[4].Ack())
	check(t, batches[3].Ack())
	eventually(t, "all is gone", func() bool { return countSubject(t, b, normalQueue.Filter) == 0 })
}

func TestQueueEnds(t *testing.T) {
	b := openBus(t, "")
	q := openQueue(t, b, normalQueue)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Next(ctx); err == nil {
		t.Error("Next did not end with its context")
	}
	if _, err := b.readQueue(ctx, DispatchReader("never", sms.Normal)); err == nil {
		t.Error("a queue without a durable was opened")
	}
	q.Close()
	q.Close()
	if _, err := q.Next(timeout(t)); err == nil {
		t.Error("Next of a closed queue did not end")
	}
	b.live.mu.Lock()
	tails := len(b.live.tails)
	b.live.mu.Unlock()
	if tails != 0 {
		t.Errorf("%d tails without a queue", tails)
	}
}

// A server that cannot be told how far a queue is worked hands the batches out.
func TestQueueOfAnOlderServer(t *testing.T) {
	for version, want := range map[string]bool{"2.15.2": true, "2.14.0": true, "2.14.0-RC.1": true, "3.0.1": true, "2.13.9": false, "1.20.0": false, "": false} {
		if takesMarks(version) != want {
			t.Errorf("%q: %t", version, !want)
		}
	}
}
