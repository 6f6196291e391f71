package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// Tail reads all subjects of a stream in order from sequence from (0 or one below the first there is: from the first), then
// what comes, and calls fn for each batch until ctx ends or fn fails, whose error it returns. Markers come as batches
// without records, and so do batches that cannot be read, which are logged. After a disconnect it goes on where it was,
// without gap or repeat.
func (b *Bus) Tail(ctx context.Context, stream string, from uint64, fn func(*Batch) error) error {
	return b.follow(ctx, stream, from, func(m stored) error {
		return fn(b.batch(stream, m.subject, m.seq, m.at, m.data))
	})
}

// stored is a message of a stream as it lies there.
type stored struct {
	subject string
	seq     uint64
	at      time.Time // by the server's clock
	data    []byte
}

// follow is Tail without decoding.
func (b *Bus) follow(ctx context.Context, stream string, from uint64, fn func(stored) error) error {
	t := &tail{bus: b, stream: stream, next: max(1, from), fn: fn}
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		before := t.next
		err := t.read(ctx)
		switch {
		case t.failed != nil:
			return t.failed
		case ctx.Err() != nil:
			return ctx.Err()
		case b.ctx.Err() != nil:
			return fmt.Errorf("tail of %s: %w", stream, ErrClosed)
		}
		b.log.Debug("tail interrupted, going on", "stream", stream, "seq", t.next, "err", err)
		if t.next > before {
			wait = 20 * time.Millisecond
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

const (
	// tailHeartbeat is how often a tail is told that its reader at the server is there; without two of them it makes a new one.
	tailHeartbeat = 2 * time.Second
	// tailAhead is how many batches a tail asks for at once.
	tailAhead = 512
	// tailAheadBytes bounds that, in octets. A batch that is larger would never come: see largestBatch.
	tailAheadBytes = 4 << 20
	// tailIdle is how long nothing comes before a tail asks whether there is something: longer than it takes to miss heartbeats, which
	// are waited for anew with each call of Next.
	tailIdle = 5 * time.Second
)

type tail struct {
	bus    *Bus
	stream string
	filter []string // subjects; none for all
	ahead  int      // batches asked for at once; 0 for tailAhead
	next   uint64   // the lowest sequence not yet given to fn
	fn     func(stored) error
	idle   func() error // may be nil; called when nothing comes for tailIdle. It fails when nothing more is waited for
	failed error        // of fn or idle
	seen   uint64       // where the stream ended when the reader before was given up, 0 for none that was
	hollow uint64       // up to here nothing is left to read: it was removed
}

// read follows the stream over one reader at the server, until that ends. The library has readers that make themselves anew, but
// asks for that up to half a minute long, whatever becomes of ctx.
func (t *tail) read(ctx context.Context) error {
	consumer, err := t.make(ctx)
	if err != nil {
		return err
	}
	defer t.forget(consumer)
	t.judge(consumer.CachedInfo().NumPending)
	ahead := t.ahead
	if ahead == 0 {
		ahead = tailAhead
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(ahead, tailAheadBytes), jetstream.PullExpiry(30*time.Second),
		jetstream.PullHeartbeat(tailHeartbeat))
	if err != nil {
		return err
	}
	defer messages.Stop()
	stop := context.AfterFunc(t.bus.ctx, messages.Stop)
	defer stop()
	for given := uint64(1); ; given++ {
		m, err := t.await(ctx, messages)
		if err != nil {
			return err
		}
		if m == nil {
			if err := t.nothing(ctx); err != nil {
				return err
			}
			given--
			continue
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		t.bus.hear()
		if meta.Sequence.Consumer != given {
			return fmt.Errorf("a batch was lost on its way: the reader got number %d for %d", meta.Sequence.Consumer, given)
		}
		if meta.Sequence.Stream < t.next {
			continue
		}
		if t.failed = t.fn(stored{m.Subject(), meta.Sequence.Stream, meta.Timestamp, m.Data()}); t.failed != nil {
			return t.failed
		}
		t.next = meta.Sequence.Stream + 1
	}
}

// make makes a reader that lives in the memory of one server. A question that comes while a leader is elected is never answered: it is
// not waited for long.
func (t *tail) make(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	return t.bus.js.CreateConsumer(ctx, t.stream, jetstream.ConsumerConfig{
		FilterSubjects: t.filter, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: t.next,
		AckPolicy: jetstream.AckNonePolicy, MaxDeliver: 1, MemoryStorage: true, Replicas: 1, InactiveThreshold: 30 * time.Second,
	})
}

// forget lets the server drop a reader now, which it would do by itself later.
func (t *tail) forget(consumer jetstream.Consumer) {
	if err := t.bus.nc.Publish("$JS.API.CONSUMER.DELETE."+t.stream+"."+consumer.CachedInfo().Name, nil); err != nil {
		t.bus.log.Debug("a reader is left to the server", "stream", t.stream, "err", err)
	}
}

var errStalled = errors.New("the reader gives nothing of what there is")

// nothing is called when nothing came for tailIdle. Its error ends the reader: all was read (failed), or there is more. Readers were seen
// in a cell, after a server had lost its disk and got it back, that told that they were there and gave nothing for good.
func (t *tail) nothing(ctx context.Context) error {
	if t.idle != nil {
		if t.failed = t.idle(); t.failed != nil {
			return t.failed
		}
		return errStalled // it was told of more
	}
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	s, err := t.bus.js.Stream(ctx, t.stream)
	if err != nil {
		return nil //nolint:nilerr // nobody knows: the reader is as good as another
	}
	if state := s.CachedInfo().State; state.LastSeq >= max(t.next, state.FirstSeq, t.hollow+1) {
		t.seen = state.LastSeq
		return errStalled
	}
	return nil
}

// judge is told how much a new reader has before it. After one that was given up that says whether it had stood still, or whether there
// was nothing: what lies at the end of a stream may have been removed.
func (t *tail) judge(pending uint64) {
	switch {
	case t.seen == 0:
	case pending == 0:
		t.hollow = t.seen
	default:
		t.bus.log.Warn("a reader gave nothing of what there is, and was made anew", "stream", t.stream, "next", t.next, "batches", pending)
	}
	t.seen = 0
}

// await returns the next message, or nil when none comes for a while.
func (t *tail) await(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	waiting, cancel := context.WithTimeout(ctx, tailIdle)
	defer cancel()
	m, err := messages.Next(jetstream.NextContext(waiting))
	if errors.Is(err, context.DeadlineExceeded) && waiting.Err() != nil && ctx.Err() == nil {
		return nil, nil
	}
	return m, err
}

// batch decodes a message read without a durable. One that cannot be read has no records.
func (b *Bus) batch(stream, subject string, seq uint64, stored time.Time, data []byte) *Batch {
	out := &Batch{Stream: stream, Subject: subject, Seq: seq, Delivered: 1, Stored: stored, Size: len(data)}
	if subject == undecodableSubject {
		return out
	}
	out.decoded = b.shared.decode(stream, seq, stored, data)
	out.Records, out.Fences = out.decoded.records, out.decoded.fences
	if err := out.decoded.err; err != nil {
		b.metrics.undecodable.Inc()
		b.log.Error("a batch cannot be read and was skipped", "stream", stream, "seq", seq, "err", err)
	}
	return out
}

// Barrier publishes a marker to each stream and returns the sequence of each: a reader that has read past it knows all that
// was stored before the call. It gives up after five seconds without an answer, as while a leader is elected: call it again.
func (b *Bus) Barrier(ctx context.Context, streams ...string) (map[string]uint64, error) {
	ends := make([]uint64, len(streams))
	group, ctx := errgroup.WithContext(ctx) // at once: each is a way to a leader and to the copies in other regions
	for i, stream := range streams {
		group.Go(func() (err error) {
			ends[i], err = b.mark(ctx, stream)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	placed := make(map[string]uint64, len(streams))
	for i, stream := range streams {
		placed[stream] = ends[i]
	}
	return placed, nil
}

// mark publishes a marker to a stream and returns its sequence.
func (b *Bus) mark(ctx context.Context, stream string) (uint64, error) {
	subject, err := markerSubject(stream)
	if err != nil {
		return 0, fmt.Errorf("barrier: %w", err)
	}
	marker := &nats.Msg{Subject: subject, Data: encodeBatch(time.Now(), b.cfg.Node)}
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	ack, err := b.js.PublishMsg(ctx, marker)
	if err != nil {
		return 0, fmt.Errorf("barrier of %s: %w: %w", stream, ErrUnavailable, err)
	}
	return ack.Sequence, nil
}
