package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"tasman/sms"
)

const (
	dedupeWindow = 15 * time.Minute
	// maxAckPending bounds the batches of a durable that are open. Core has as many of MT open as their records allow, and they are
	// small when many carriers are busy.
	maxAckPending   = 64
	maxAckPendingMT = 512

	// maxConsumers of a stream: the server's own default is 1,000, which 500 carriers exceed. It cannot be changed later.
	maxConsumers = 100_000

	configBucket    = "config"
	blobBucket      = "blobs"
	leaseBucket     = "leases"
	positionBucket  = "positions"
	configRevisions = 64

	applyAtOnce = 8 // durables
)

// Topology is what the configuration adds to the fixed set of streams.
type Topology struct {
	Carriers  []string // each gets a queue per lane
	Reporting bool     // the trimmer keeps what reporting has not read
}

// Apply declares streams, durables and buckets, compares them with the server and creates or updates what differs. It
// never deletes data: the durables of carriers that are no longer declared stay until their queues are empty. Role streams
// calls it at start and after each change of the configuration, on several nodes at once if need be: what another has made
// is what this one wants. It waits, until ctx ends, for as many servers as there are to be copies.
func (b *Bus) Apply(ctx context.Context, t Topology) error {
	t.Carriers = slices.Clone(t.Carriers)
	b.giveWay(ctx, t)
	return b.patiently(ctx, "topology", func(ctx context.Context) error {
		ctx, cancel := b.perCall(ctx, 2*time.Minute)
		defer cancel()
		return b.apply(ctx, t)
	})
}

func (b *Bus) apply(ctx context.Context, t Topology) error {
	if b.cfg.Replicas > 1 {
		if err := b.leaderThere(ctx); err != nil {
			return err
		}
	}
	for _, want := range b.streamConfigs() {
		if err := b.applyStream(ctx, want); err != nil {
			return fmt.Errorf("stream %s: %w", want.Name, err)
		}
	}
	for _, want := range b.buckets() {
		if err := b.applyBucket(ctx, want); err != nil {
			return fmt.Errorf("bucket %s: %w", want.Bucket, err)
		}
	}
	if err := b.knowsAll(ctx); err != nil {
		return err
	}
	if err := b.checkPlacement(ctx); err != nil {
		return err
	}
	if err := b.applyDurables(ctx, b.durables(t)); err != nil {
		return err
	}
	b.topology.Store(&t)
	return b.retire(ctx, t)
}

// leaderThere asks what only the leader of a cell answers, with little patience: until there is one nobody does.
func (b *Bus) leaderThere(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	if _, err := b.js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("the cell has no leader yet: %w", err)
	}
	return nil
}

// readDirect says whether single batches and keys are read from any copy. Of several only the leader's has all that is
// acknowledged: another would say of what was stored a moment ago that it is not there.
func (b *Bus) readDirect() bool { return b.cfg.Replicas == 1 }

func (b *Bus) streamConfigs() []jetstream.StreamConfig {
	queue := func(name, subject string, limit int64) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: name, Subjects: []string{subject}, MaxBytes: limit,
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, Storage: jetstream.FileStorage,
			Replicas: b.cfg.Replicas, Duplicates: dedupeWindow, AllowDirect: b.readDirect(),
			MaxConsumers: maxConsumers,
		}
	}
	var list []jetstream.StreamConfig
	for p := range b.cfg.Partitions {
		list = append(list, queue(MTStream(p), fmt.Sprintf("mt.%d.>", p), b.cfg.Limits.MT))
	}
	list = append(list, queue(Dispatch, "dispatch.>", b.cfg.Limits.Dispatch))
	for q := 1; q < b.cfg.Alerts; q++ {
		list = append(list, queue(AlertStream(q), fmt.Sprintf("alert.%d.>", q), b.cfg.Limits.Dispatch))
	}
	list = append(list,
		queue(Events, "event.>", b.cfg.Limits.Events),
		queue(Inbound, "inbound.>", b.cfg.Limits.Inbound),
		queue(Deliver, "deliver.>", b.cfg.Limits.Deliver))
	// A limit here would make the server delete accepted messages.
	due := queue(Schedule, "schedule.>", -1)
	due.Discard = jetstream.DiscardOld
	due.AllowMsgSchedules = true
	return append(list, due)
}

func (b *Bus) applyStream(ctx context.Context, want jetstream.StreamConfig) error {
	s, err := b.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = b.js.CreateStream(ctx, want)
		return err
	}
	if err != nil {
		return err
	}
	have := s.CachedInfo().Config
	next := have
	next.Subjects, next.MaxBytes, next.Discard = want.Subjects, want.MaxBytes, want.Discard
	next.Replicas, next.Duplicates, next.AllowDirect = want.Replicas, want.Duplicates, want.AllowDirect
	next.AllowMsgSchedules = want.AllowMsgSchedules || have.AllowMsgSchedules
	if slices.Equal(have.Subjects, next.Subjects) && have.MaxBytes == next.MaxBytes && have.Discard == next.Discard &&
		have.Replicas == next.Replicas && have.Duplicates == next.Duplicates && have.AllowDirect == next.AllowDirect &&
		have.AllowMsgSchedules == next.AllowMsgSchedules {
		return nil
	}
	_, err = b.js.UpdateStream(ctx, next)
	return err
}

func (b *Bus) buckets() []jetstream.KeyValueConfig {
	bucket := func(name string, history uint8) jetstream.KeyValueConfig {
		return jetstream.KeyValueConfig{Bucket: name, History: history, Storage: jetstream.FileStorage, Replicas: b.cfg.Replicas}
	}
	// Blobs have a bucket of their own so that the revisions of config count 1, 2, 3.
	return []jetstream.KeyValueConfig{bucket(configBucket, configRevisions), bucket(blobBucket, 1), bucket(leaseBucket, 1), bucket(positionBucket, 1)}
}

func (b *Bus) applyBucket(ctx context.Context, want jetstream.KeyValueConfig) error {
	s, err := b.js.Stream(ctx, bucketStream(want.Bucket))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		// Another node may be making it, and be further: then this says that it exists, and there is nothing to do but look.
		if _, err = b.js.CreateKeyValue(ctx, want); err != nil && !errors.Is(err, jetstream.ErrBucketExists) {
			return err
		}
		s, err = b.js.Stream(ctx, bucketStream(want.Bucket))
	}
	if err != nil {
		return err
	}
	have := s.CachedInfo().Config
	next := have
	next.MaxMsgsPerSubject, next.Replicas, next.AllowDirect = int64(want.History), want.Replicas, b.readDirect()
	next.AllowRollup = false // a bucket is made with it: who may write one key could wipe all of them
	if have.MaxMsgsPerSubject == next.MaxMsgsPerSubject && have.Replicas == next.Replicas && have.AllowDirect == next.AllowDirect &&
		have.AllowRollup == next.AllowRollup {
		return nil
	}
	_, err = b.js.UpdateStream(ctx, next)
	return err
}

// durables returns the readers that the topology asks for.
func (b *Bus) durables(t Topology) []Durable {
	list := []Durable{InboundReader()}
	for _, l := range sms.Lanes() {
		for p := range b.cfg.Partitions {
			list = append(list, MTReader(p, l))
		}
		for _, carrier := range t.Carriers {
			list = append(list, b.DispatchReaders(carrier, l)...)
		}
		for shard := range b.cfg.Shards {
			list = append(list, DeliverReader(shard, l))
		}
		list = append(list, DueReader(l))
	}
	return list
}

func (b *Bus) durableConfig(d Durable) jetstream.ConsumerConfig {
	most := maxAckPending
	if isMT(d.Stream) {
		most = maxAckPendingMT
	}
	return jetstream.ConsumerConfig{
		Durable: d.Name, FilterSubject: d.Filter, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: b.ackWait(d.Stream), MaxAckPending: most, MaxDeliver: -1,
	}
}

func (b *Bus) applyDurables(ctx context.Context, want []Durable) error {
	have, err := b.serverDurables(ctx)
	if err != nil {
		return err
	}
	// In a cell each waits for the election of its leader, about 60 ms: so several at once.
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(applyAtOnce)
	for _, d := range want {
		config := b.durableConfig(d)
		if info := have[d]; info != nil && info.Config.AckWait == config.AckWait && info.Config.MaxAckPending == config.MaxAckPending {
			continue
		}
		group.Go(func() error {
			if _, err := b.js.CreateOrUpdateConsumer(ctx, d.Stream, config); err != nil {
				return fmt.Errorf("durable %s: %w", d.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// durableStreams are the streams with durables.
func (b *Bus) durableStreams() []string {
	return append(b.StreamNames(), Inbound, Schedule)
}

// serverDurables asks the server for all durables and where they stand.
func (b *Bus) serverDurables(ctx context.Context) (map[Durable]*jetstream.ConsumerInfo, error) {
	have := make(map[Durable]*jetstream.ConsumerInfo)
	for _, stream := range b.durableStreams() {
		if stream == Events {
			continue
		}
		if err := b.streamDurables(ctx, stream, have); err != nil {
			return nil, fmt.Errorf("durables of %s: %w", stream, err)
		}
	}
	return have, nil
}

func (b *Bus) streamDurables(ctx context.Context, stream string, into map[Durable]*jetstream.ConsumerInfo) error {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	lister := s.ListConsumers(ctx)
	for info := range lister.Info() {
		if info.Config.Durable != "" {
			into[Durable{stream, info.Name, info.Config.FilterSubject}] = info
		}
	}
	return lister.Err()
}

// retire deletes the durables of carriers that are not declared any more, once their queues are empty.
func (b *Bus) retire(ctx context.Context, t Topology) error {
	declared := make(map[Durable]bool)
	for _, d := range b.durables(t) {
		declared[d] = true
	}
	have := make(map[Durable]*jetstream.ConsumerInfo)
	for _, stream := range b.DispatchStreams() {
		if err := b.streamDurables(ctx, stream, have); err != nil {
			return fmt.Errorf("durables of %s: %w", stream, err)
		}
	}
	for d, info := range have {
		if declared[d] || !strings.HasPrefix(d.Name, "dispatch-") || info.NumPending > 0 || info.NumAckPending > 0 {
			continue
		}
		if left, err := b.countOf(ctx, d.Stream, d.Filter); err != nil || left > 0 {
			continue // the trimmer takes what is left first
		}
		if err := b.js.DeleteConsumer(ctx, d.Stream, d.Name); err != nil && !isGone(err) {
			return fmt.Errorf("durable %s: %w", d.Name, err)
		}
	}
	return nil
}

// countOf returns how many batches a stream has on a subject.
func (b *Bus) countOf(ctx context.Context, stream, subject string) (uint64, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, err
	}
	var n uint64
	for _, count := range info.State.Subjects {
		n += count
	}
	return n, nil
}
