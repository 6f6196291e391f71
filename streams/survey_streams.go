package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// StreamState is a stream or bucket as it is, compared with what the configuration of this node would make.
type StreamState struct {
	Name     string
	Bucket   bool         // it keeps keys, not messages
	Missing  bool         // nobody made it
	Problem  string       `json:",omitempty"` // why nothing is known of it
	Wrong    []Difference `json:",omitempty"`
	Replicas int          // it is to have
	Copies   []Copy       `json:",omitempty"` // its leader first, without a leader its name is ""; none of a server that is alone
	Bytes    uint64
	Limit    uint64         // 0 = none
	Durables []DurableState `json:",omitempty"` // the declared ones

	clocks []Clock
}

// Difference is a setting that is not as it is to be.
type Difference struct {
	Setting, Have, Want string
	Mended              bool // role streams sets it at its next start
}

// DurableState is a declared reader as it is.
type DurableState struct {
	Name    string
	Missing bool
	Silent  bool         // it is there, and nobody can say how it is: it has no leader now
	Paused  bool         // the servers give it nothing for now
	Wrong   []Difference `json:",omitempty"`
	Pending uint64       // batches that it has not acknowledged
}

const (
	surveyAtOnce = 32
	surveyWait   = 2 * time.Second // for each question: one that comes while a leader is elected is never answered
)

// surveyStreams asks about all declared streams and buckets, and their durables.
func (b *Bus) surveyStreams(ctx context.Context, t Topology) []StreamState {
	declared := map[string][]Durable{}
	for _, d := range b.durables(t) {
		declared[d.Stream] = append(declared[d.Stream], d)
	}
	var (
		list  []StreamState
		mu    sync.Mutex
		group errgroup.Group
	)
	group.SetLimit(surveyAtOnce)
	look := func(name string, bucket bool, compare func(jetstream.StreamConfig) []Difference) {
		group.Go(func() error {
			s := b.surveyStream(ctx, name, compare, declared[name])
			s.Bucket = bucket
			mu.Lock()
			defer mu.Unlock()
			list = append(list, s)
			return nil
		})
	}
	for _, want := range b.streamConfigs() {
		look(want.Name, false, func(have jetstream.StreamConfig) []Difference { return compareStream(have, want) })
	}
	for _, want := range b.buckets() {
		look(bucketStream(want.Bucket), true, func(have jetstream.StreamConfig) []Difference { return b.compareBucket(have, want) })
	}
	_ = group.Wait() // each tells in its place
	slices.SortFunc(list, func(a, b StreamState) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (b *Bus) surveyStream(ctx context.Context, name string, compare func(jetstream.StreamConfig) []Difference, declared []Durable) StreamState {
	state := StreamState{Name: name, Replicas: b.cfg.Replicas}
	asking, cancel := context.WithTimeout(ctx, surveyWait)
	defer cancel()
	asked := time.Now()
	s, err := b.js.Stream(asking, name)
	answered := time.Now()
	switch {
	case isGone(err):
		state.Missing = true
		return state
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		state.Problem = "no answer: it has no leader now, or the servers do not store"
		return state
	case err != nil:
		state.Problem = err.Error()
		return state
	}
	info := s.CachedInfo()
	state.Wrong, state.Copies, state.Bytes = compare(info.Config), copiesOf(info), info.State.Bytes
	if info.Config.MaxBytes > 0 {
		state.Limit = uint64(info.Config.MaxBytes)
	}
	teller := b.nc.ConnectedServerName()
	if info.Cluster != nil {
		teller = info.Cluster.Leader
	}
	state.clocks = []Clock{clockOf(teller, asked, answered, info.TimeStamp)}
	if len(declared) == 0 {
		return state
	}
	listing, cancel := context.WithTimeout(ctx, 10*surveyWait) // hundreds of carriers
	defer cancel()
	have, silent, err := b.listDurables(listing, name)
	if err != nil {
		state.Problem = fmt.Sprintf("its durables: %v", err)
		return state
	}
	for _, d := range declared {
		if silent[d.Name] {
			state.Durables = append(state.Durables, DurableState{Name: d.Name, Silent: true})
			continue
		}
		state.Durables = append(state.Durables, b.compareDurable(d, have[d]))
	}
	return state
}

// listDurables returns the durables of a stream and the names of those that are there and have no leader that answers, which
// the library's own list leaves out.
func (b *Bus) listDurables(ctx context.Context, stream string) (have map[Durable]*jetstream.ConsumerInfo, silent map[string]bool, err error) {
	have, silent = map[Durable]*jetstream.ConsumerInfo{}, map[string]bool{}
	for offset := 0; ; {
		m, err := b.nc.RequestWithContext(ctx, "$JS.API.CONSUMER.LIST."+stream, fmt.Appendf(nil, `{"offset":%d}`, offset))
		if err != nil {
			return nil, nil, err
		}
		var page struct {
			Total     int                       `json:"total"`
			Consumers []*jetstream.ConsumerInfo `json:"consumers"`
			Missing   []string                  `json:"missing"`
			Error     *jetstream.APIError       `json:"error"`
		}
		if err := json.Unmarshal(m.Data, &page); err != nil {
			return nil, nil, fmt.Errorf("answer not understood: %w", err)
		}
		if page.Error != nil {
			return nil, nil, page.Error
		}
		for _, info := range page.Consumers {
			have[Durable{stream, info.Name, info.Config.FilterSubject}] = info
		}
		for _, name := range page.Missing {
			silent[name] = true
		}
		n := len(page.Consumers) + len(page.Missing)
		if offset += n; n == 0 || offset >= page.Total {
			return have, silent, nil
		}
	}
}

// compareStream returns what of a stream is not as wanted. What applyStream sets is mended by it.
func compareStream(have, want jetstream.StreamConfig) []Difference {
	var d differences
	add(&d, true, "subjects", strings.Join(have.Subjects, " "), strings.Join(want.Subjects, " "))
	add(&d, true, "max_bytes", have.MaxBytes, want.MaxBytes)
	add(&d, true, "discard", have.Discard, want.Discard)
	add(&d, true, "num_replicas", have.Replicas, want.Replicas)
	add(&d, true, "duplicate_window", have.Duplicates, want.Duplicates)
	add(&d, true, "allow_direct", have.AllowDirect, want.AllowDirect)
	if want.AllowMsgSchedules {
		add(&d, true, "allow_msg_schedules", have.AllowMsgSchedules, true)
	}
	d.same(have, want)
	add(&d, false, "max_msgs_per_subject", have.MaxMsgsPerSubject, -1)
	add(&d, false, "max_consumers", have.MaxConsumers, want.MaxConsumers)
	add(&d, false, "allow_rollup_hdrs", have.AllowRollup, want.AllowMsgSchedules) // which need it
	return d
}

func (b *Bus) compareBucket(have jetstream.StreamConfig, want jetstream.KeyValueConfig) []Difference {
	var d differences
	add(&d, true, "max_msgs_per_subject", have.MaxMsgsPerSubject, int64(want.History))
	add(&d, true, "num_replicas", have.Replicas, want.Replicas)
	add(&d, true, "allow_direct", have.AllowDirect, b.readDirect())
	d.same(have, jetstream.StreamConfig{Storage: want.Storage})
	add(&d, false, "max_bytes", have.MaxBytes, -1)
	return d
}

func (b *Bus) compareDurable(d Durable, have *jetstream.ConsumerInfo) DurableState {
	state := DurableState{Name: d.Name}
	if have == nil { // a filter that differs makes it another
		state.Missing = true
		return state
	}
	state.Paused, state.Pending = have.Paused, have.NumPending+uint64(have.NumAckPending)
	want := b.durableConfig(d)
	var list differences
	add(&list, true, "ack_wait", have.Config.AckWait, want.AckWait)
	add(&list, true, "max_ack_pending", have.Config.MaxAckPending, want.MaxAckPending)
	add(&list, false, "max_deliver", have.Config.MaxDeliver, want.MaxDeliver)
	add(&list, false, "ack_policy", have.Config.AckPolicy, want.AckPolicy)
	state.Wrong = list
	return state
}

type differences []Difference

// same compares what streams and buckets have in common: what would drop messages, or not keep them on disk.
func (d *differences) same(have, want jetstream.StreamConfig) {
	add(d, false, "storage", have.Storage, want.Storage)
	add(d, false, "retention", have.Retention, jetstream.LimitsPolicy)
	add(d, false, "max_age", have.MaxAge, 0)
	add(d, false, "max_msgs", have.MaxMsgs, -1)
	add(d, false, "max_msg_size", have.MaxMsgSize, -1)
	add(d, false, "no_ack", have.NoAck, false)
	add(d, false, "sealed", have.Sealed, false)
}

func add[T comparable](d *differences, mended bool, setting string, have, want T) {
	if have != want {
		*d = append(*d, Difference{setting, fmt.Sprint(have), fmt.Sprint(want), mended})
	}
}
