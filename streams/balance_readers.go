package streams

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// alignAtOnce is how many readers Align moves in one call. Each is away for about 50 ms, and asks for its batches anew.
const alignAtOnce = 32

// Align moves the leaders of durables to the servers that lead their streams, some at a time, and returns how many it moved. The
// servers choose a leader for each durable by itself, at random: what a partition stores that answers would wait for an
// election nevertheless, when the durable that it is read by was led by the server that is lost. So a partition lives and dies
// with one server. It is done for the readers of MT, and for those of alerts where these have several partitions. It gives up at a
// question that gets no answer, as one that comes during an election.
func (b *Bus) Align(ctx context.Context) (moved int, err error) {
	ctx, cancel := b.perCall(ctx, time.Minute)
	defer cancel()
	placed, err := b.Placement(ctx)
	if err != nil {
		return 0, err
	}
	for _, stream := range b.alignedStreams() {
		copies := placed[stream]
		if len(copies) == 0 || slices.ContainsFunc(copies, func(c Copy) bool { return !c.Current }) {
			continue
		}
		have := make(map[Durable]*jetstream.ConsumerInfo)
		if err := b.streamDurables(ctx, stream, have); err != nil {
			return moved, fmt.Errorf("durables of %s: %w", stream, err)
		}
		for d, info := range have {
			if moved >= alignAtOnce {
				return moved, nil
			}
			if !misplaced(d, info, copies[0].Server) {
				continue
			}
			if err := b.stepDown(ctx, "CONSUMER", d.Stream+"."+d.Name, copies[0].Server); err != nil {
				return moved, fmt.Errorf("leader of %s: %w", d.Name, err)
			}
			moved++
		}
	}
	return moved, nil
}

// alignedStreams are those whose readers are to be where they are.
func (b *Bus) alignedStreams() (names []string) {
	for p := range b.cfg.Partitions {
		names = append(names, MTStream(p))
	}
	if b.cfg.Alerts > 1 {
		names = append(names, b.DispatchStreams()...)
	}
	return names
}

// misplaced reports whether a durable is to be led by another server: leader. Of DISPATCH only those of alerts are, and none while
// a copy of it lacks something, as that of a server that came back does for a moment.
func misplaced(d Durable, info *jetstream.ConsumerInfo, leader string) bool {
	if d.Stream == Dispatch && !d.Urgent() {
		return false
	}
	c := info.Cluster
	return c != nil && c.Leader != "" && c.Leader != leader &&
		!slices.ContainsFunc(c.Replicas, func(r *jetstream.PeerInfo) bool { return r.Offline || !r.Current })
}
