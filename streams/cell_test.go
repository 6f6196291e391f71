package streams_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// A cell of three goes on without one of its servers, loses nothing that it acknowledged, and the one that comes back has
// all of it.
func TestCellOutlivesAServer(t *testing.T) {
	cell := streamstest.NewCell(t)
	client := cell.Connect("client")
	load := startLoad(client)
	defer load.stop()

	load.awaitAcked(t, 300)
	leader := leaderOf(t, client)
	cell.Stop(leader)
	load.awaitAcked(t, load.count()+300)
	cell.Start(leader)
	load.awaitAcked(t, load.count()+300)
	acked := load.stop()
	awaitCurrent(t, client)

	// Now the one that came back is needed for any answer, and may be the one that gives it.
	cell.Stop((leader + 1) % 3)
	stored := storedTexts(t, client)
	for _, text := range acked {
		if stored[text] == 0 {
			t.Errorf("record %s was acknowledged and is not stored", text)
		}
	}
	for text, n := range stored {
		if n > 1 {
			t.Errorf("record %s is stored %d times", text, n)
		}
	}
}

// Every stream of a cell lies on every server, and a node that has not heard of the streams waits for them.
func TestCellPlacement(t *testing.T) {
	cell := streamstest.NewCell(t, streamstest.Carriers("one"), streamstest.With(func(c *streams.Config) {
		c.Partitions, c.Region = 3, "region"+c.Node[1:]
	}))
	placed := streamstest.Placement(t, cell.Node(1))
	if len(placed) != 9 {
		t.Errorf("%d streams, want 3 of MT, 2 of alerts and 4 others: %v", len(placed), placed)
	}
	for stream, copies := range placed {
		var on []string
		for _, c := range copies {
			on = append(on, c.Server)
		}
		slices.Sort(on)
		if !slices.Equal(on, []string{"s0", "s1", "s2"}) || !copies[0].Leader {
			t.Errorf("%s is on %v, leader first: %v", stream, on, copies)
		}
	}
	checkSurvey(t, cell.Connect("client"))
}

// However the servers chose the leaders, a few moves put those of MT on different servers, and those of alerts. On a busy machine
// servers elect others at times, and then it takes a few moves more.
func TestCellBalancesLeaders(t *testing.T) {
	cell := streamstest.NewCell(t, streamstest.Carriers("one"), streamstest.With(func(c *streams.Config) { c.Partitions = 3 }))
	until(t, "the leaders are on different servers", func() bool {
		cell.Balance() // ends only when the readers of partitions are beside their leaders
		placed := streamstest.Placement(t, cell.Node(0))
		leads := map[string]bool{}
		for p := range 3 {
			leads[placed[streams.MTStream(p)][0].Server] = true
		}
		return len(leads) == 3 && placed[streams.AlertStream(0)][0].Server != placed[streams.AlertStream(1)][0].Server
	})
}

// What the current leader of the configuration stored is seen by every node at once: none reads a copy that is behind.
func TestCellReadsWhatItStored(t *testing.T) {
	cell := streamstest.NewCell(t)
	for i := range 50 {
		hash, err := cell.Node(i%3).ConfigStore().PutBlob(t.Context(), []byte(strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			if _, err := cell.Node(n).ConfigStore().Blob(t.Context(), hash); err != nil {
				t.Fatalf("blob %d on node %d: %v", i, n, err)
			}
		}
	}
}

// load stores numbered messages one after the other until it is stopped, each anew when it is certainly not stored.
type load struct {
	bus    *streams.Bus
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu    sync.Mutex
	acked []string
	more  chan struct{} // closed at the next acknowledgement
}

func startLoad(bus *streams.Bus) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{bus: bus, cancel: cancel, more: make(chan struct{})}
	for w := range 4 {
		l.ended.Go(func() {
			for i := w; ctx.Err() == nil; i += 4 {
				l.store(ctx, strconv.Itoa(i))
			}
		})
	}
	return l
}

func (l *load) store(ctx context.Context, text string) {
	for ctx.Err() == nil {
		rec := &sms.Record{Message: &sms.Message{Account: "acme", Lane: sms.Normal, Encoding: sms.GSM7, Text: text, Segments: 1}}
		err := l.bus.Store(ctx, streams.MTSubject(0, sms.Normal), rec)
		if err == nil {
			l.mu.Lock()
			l.acked = append(l.acked, text)
			close(l.more)
			l.more = make(chan struct{})
			l.mu.Unlock()
			return
		}
		if !errors.Is(err, streams.ErrNotStored) {
			return // the test ends: not known
		}
	}
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

func (l *load) awaitAcked(t *testing.T, n int) {
	t.Helper()
	for deadline := time.After(time.Minute); ; {
		l.mu.Lock()
		have, more := len(l.acked), l.more
		l.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%d records acknowledged, want %d: the cell has stopped", have, n)
		}
	}
}

func (l *load) stop() []string {
	l.cancel()
	l.ended.Wait()
	return l.acked
}

// leaderOf returns which server leads MT-0.
func leaderOf(t *testing.T, bus *streams.Bus) int {
	t.Helper()
	n, err := strconv.Atoi(streamstest.Placement(t, bus)[streams.MTStream(0)][0].Server[1:])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// awaitCurrent waits until every copy of every stream is current.
func awaitCurrent(t *testing.T, bus *streams.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		placed, err := bus.Placement(ctx)
		current := err == nil
		for _, copies := range placed {
			for _, c := range copies {
				current = current && c.Current && len(copies) == 3
			}
		}
		if current {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the cell is not current: %v %v", placed, err)
		}
	}
}

// storedTexts returns how often each text is in MT-0.
func storedTexts(t *testing.T, bus *streams.Bus) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	name := streams.MTStream(0)
	ends, err := bus.Barrier(ctx, name)
	for err != nil && ctx.Err() == nil { // a leader is being elected
		ends, err = bus.Barrier(ctx, name)
	}
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]int{}
	done := errors.New("read to the end")
	err = bus.Tail(ctx, name, 0, func(b *streams.Batch) error {
		for _, r := range b.Records {
			stored[r.Message.Text]++
		}
		if b.Seq >= ends[name] {
			return done
		}
		return nil
	})
	if !errors.Is(err, done) {
		t.Fatalf("read %d records, not up to batch %d: %v", len(stored), ends[name], err)
	}
	return stored
}
