package streams

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protowire"
)

// A node that is cut off may have given the wire, or the server, what is stored only after another node has taken its lease
// over: no clock bounds that. So a record of DISPATCH carries the stamp of the lease that it was written under, and who takes
// a lease over from a holder that did not release it stores a fence into each queue: in that queue, records with a fenced stamp
// behind the fence do not count, for nobody who reads them. What is before the fence the new holder finds behind a barrier.

const (
	// fenceField of a batch holds the stamps that it fences off. Such a batch has no records: older nodes only ack it.
	fenceField = 5
	// unfencedMost bounds the holders that a lease remembers, of which each one crashed before it had fenced.
	unfencedMost = 16
	fencesAtOnce = 64
)

// Stamp returns what tells the writes of this holder of the lease from those of any other; never 0.
func (l *Lease) Stamp() uint64 { return stampOf(l.name) }

func stampOf(holder string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(holder)) // a hash never fails
	return max(1, h.Sum64())
}

// unfenced returns the holders that whoever takes the lease now has to fence off.
func (v leaseValue) unfenced() []string {
	before := slices.Clone(v.Before)
	if v.Node != "" && v.Holder != "" {
		before = append(before, v.Holder)
	}
	return before[max(0, len(before)-unfencedMost):]
}

// FenceOff keeps what earlier holders of the lease, who did not release it, wrote into the queues of carriers from counting
// when it is stored from now on. It returns when that is certain; what they stored before can then be read.
func (b *Bus) FenceOff(ctx context.Context, l *Lease) error {
	l.mu.Lock()
	before := l.value.Before
	l.mu.Unlock()
	if len(before) == 0 {
		return nil
	}
	stamps := make([]uint64, len(before))
	for i, holder := range before {
		stamps[i] = stampOf(holder)
	}
	if err := b.fence(ctx, stamps); err != nil {
		return fmt.Errorf("fence of lease %s: %w", l.key, err)
	}
	l.mu.Lock()
	l.value.Before = nil // nobody else changes it; the next renewal tells
	l.mu.Unlock()
	return nil
}

// fence stores a fence into each queue of a carrier that a durable reads, in each partition of alerts: what lies in no queue nobody
// reads.
func (b *Bus) fence(ctx context.Context, stamps []uint64) error {
	queues, err := b.dispatchQueues(ctx)
	if err != nil {
		return err
	}
	batch := putStamps(encodeBatch(time.Now(), b.cfg.Node), fenceField, stamps...)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fencesAtOnce)
	for _, subject := range queues {
		group.Go(func() error {
			return b.publishUntilAnswered(ctx, &nats.Msg{Subject: subject, Data: batch, Header: nats.Header{nats.MsgIdHdr: {messageID(subject, batch)}}})
		})
	}
	return group.Wait()
}

func (b *Bus) dispatchQueues(ctx context.Context) (subjects []string, err error) {
	ctx, cancel := b.perCall(ctx, askWait)
	defer cancel()
	have := make(map[Durable]*jetstream.ConsumerInfo)
	for _, stream := range b.DispatchStreams() {
		if err := b.streamDurables(ctx, stream, have); err != nil {
			return nil, fmt.Errorf("durables of %s: %w", stream, err)
		}
	}
	for d := range have {
		if _, queue := CarrierOf(d); queue {
			subjects = append(subjects, d.Filter)
		}
	}
	return subjects, nil
}

// putStamps appends stamps, each as a field of fixed size.
func putStamps(dst []byte, n protowire.Number, stamps ...uint64) []byte {
	for _, s := range stamps {
		if s != 0 {
			dst = protowire.AppendFixed64(protowire.AppendTag(dst, n, protowire.Fixed64Type), s)
		}
	}
	return dst
}

// fencesOf returns the stamps that a batch fences off, nil for one with records.
func fencesOf(b []byte) (stamps []uint64) {
	for c := (cursor{rest: b}); c.next(); {
		if c.num == fenceField {
			stamps = append(stamps, c.u)
		}
	}
	return stamps
}
