package streams

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// regionTag begins the tag that says where a server stands. Its uniqueness is asked of the servers, not of the streams: a
// stream that asks for a region by tag would switch it off.
const regionTag = "region:"

// joinCell makes the server one of a cell, when the configuration says so.
func joinCell(opts *server.Options, cfg Config, secure *tls.Config) error {
	if cfg.Cluster.Listen == "" {
		return nil
	}
	host, port, err := splitListen(cfg.Cluster.Listen)
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	opts.Cluster = server.ClusterOpts{Name: cfg.Cluster.Name, Host: host, Port: port}
	leaveSoon(opts)
	if secure != nil {
		opts.Cluster.TLSConfig, opts.Cluster.TLSTimeout = secure.Clone(), tlsTimeout.Seconds()
	}
	for _, r := range cfg.Cluster.Routes {
		opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats-route", Host: r})
	}
	if cfg.Region != "" {
		opts.Tags.Add(regionTag + cfg.Region)
		opts.JetStreamUniqueTag = regionTag
	}
	return nil
}

// waitLong is how often it is told that the cell is still waited for.
const waitLong = time.Minute

// patiently calls fn until it succeeds, fails for good, or ctx ends: a cell answers only when most of its servers run and
// have elected a leader, and places copies only when enough of them do.
func (b *Bus) patiently(ctx context.Context, what string, fn func(context.Context) error) error {
	var told time.Time
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := fn(ctx)
		if err == nil || !mayPass(err) || ctx.Err() != nil {
			return err
		}
		if b.ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, ErrClosed)
		}
		if time.Since(told) > waitLong {
			b.log.Info("waiting for the servers of the cell", "for", what, "err", err)
			told = time.Now()
		}
		if perr := pause(ctx, wait); perr != nil {
			return fmt.Errorf("%s: %w: %w", what, perr, err)
		}
	}
}

// firstTurn is how long the others leave it to the leader of a new cell to make the streams.
const firstTurn = 10 * time.Second

// giveWay lets the node whose server leads the cell make streams and durables first: several that make them at once get there
// too, but a question about a stream that has no leader yet is never answered. It ends when there are as many as there are to
// be, this server leads, or it is time to help.
func (b *Bus) giveWay(ctx context.Context, t Topology) {
	if b.srv == nil || b.cfg.Replicas == 1 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, firstTurn)
	defer cancel()
	streams, consumers := len(b.streamConfigs())+len(b.buckets()), len(b.durables(t))
	for !b.srv.server().JetStreamIsLeader() {
		if account := b.srv.server().GlobalAccount(); account != nil {
			if have := account.JetStreamUsage(); have.Streams >= streams && have.Consumers >= consumers {
				return
			}
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return
		}
	}
}

// perCall returns a context for several questions to the servers that together may take up to d. Of a cell it has no deadline,
// so that the library gives each question one of five seconds: one that comes while a leader is being elected is never
// answered. A server that is alone answers them all, but may be slow.
func (b *Bus) perCall(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if b.cfg.Replicas == 1 {
		return context.WithTimeout(ctx, d)
	}
	free, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	return free, func() { stop(); cancel() }
}

// codeNoPeers is the server's error when fewer servers run than a stream wants copies.
const codeNoPeers = 10005

// mayPass says that an error of the servers ends by itself: when servers come up or elect a leader, or when the one that
// answers has heard of what was made a moment ago.
func mayPass(err error) bool {
	for _, e := range []error{context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionReconnecting,
		jetstream.ErrJetStreamNotEnabled, ErrUnavailable, errPlacement} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api *jetstream.APIError
	return isGone(err) || errors.As(err, &api) && (api.Code == http.StatusServiceUnavailable || api.ErrorCode == codeNoPeers)
}

// Await waits until the streams and buckets are there, which role streams makes on its nodes, or ctx ends.
func (b *Bus) Await(ctx context.Context) error {
	return b.patiently(ctx, "streams", func(ctx context.Context) error {
		ctx, cancel := b.perCall(ctx, askWait)
		defer cancel()
		for _, c := range b.streamConfigs() {
			if err := b.there(ctx, c.Name); err != nil {
				return err
			}
		}
		if err := b.knowsAll(ctx); err != nil {
			return err
		}
		for _, c := range b.buckets() {
			if err := b.there(ctx, bucketStream(c.Bucket)); err != nil {
				return err
			}
		}
		_, _, err := b.ConfigStore().Current(ctx) // there is a leader that answers
		return err
	})
}

func (b *Bus) there(ctx context.Context, stream string) error {
	_, err := b.js.Stream(ctx, stream)
	if isGone(err) {
		return fmt.Errorf("stream %s: %w: %w", stream, ErrUnavailable, err)
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", stream, err)
	}
	return nil
}

// bucketStream returns the stream that a bucket is.
func bucketStream(bucket string) string { return "KV_" + bucket }

// errPlacement is returned when a stream does not have its copies on as many servers (yet).
var errPlacement = errors.New("not on as many servers as it has copies")

// Copy is one copy of a stream.
type Copy struct {
	Server  string
	Leader  bool
	Current bool          // it has all that is stored, but for what is on its way
	Silent  time.Duration // since its leader heard of it
	Behind  uint64        // batches that it lacks, as of its last word
}

// Placement returns the copies of each stream, its leader first. A stream without a leader is an error, after five seconds.
func (b *Bus) Placement(ctx context.Context) (map[string][]Copy, error) {
	placed := make(map[string][]Copy)
	for _, c := range b.streamConfigs() {
		asking, cancel := context.WithTimeout(ctx, askWait)
		s, err := b.js.Stream(asking, c.Name)
		cancel()
		if err != nil {
			return nil, fmt.Errorf("placement of %s: %w", c.Name, err)
		}
		placed[c.Name] = copiesOf(s.CachedInfo())
	}
	return placed, nil
}

// copiesOf reads where a stream lies; a server that is alone does not say.
func copiesOf(info *jetstream.StreamInfo) []Copy {
	if info.Cluster == nil {
		return nil
	}
	copies := []Copy{{Server: info.Cluster.Leader, Leader: true, Current: true}}
	for _, r := range info.Cluster.Replicas {
		copies = append(copies, Copy{Server: r.Name, Current: r.Current && !r.Offline, Silent: r.Active, Behind: r.Lag})
	}
	return copies
}

// checkPlacement reads back where the streams are: it fails when one has not as many copies, on different servers, as it was
// asked to have. Copies that are behind or away for the moment count.
func (b *Bus) checkPlacement(ctx context.Context) error {
	if b.cfg.Replicas < 2 {
		return nil
	}
	placed, err := b.Placement(ctx)
	if err != nil {
		return err
	}
	for stream, copies := range placed {
		var on []string
		for _, c := range copies {
			on = append(on, c.Server)
		}
		slices.Sort(on)
		if n := len(slices.Compact(slices.Clone(on))); n < b.cfg.Replicas || n != len(on) {
			return fmt.Errorf("stream %s: %w: %d wanted, it is on %v", stream, errPlacement, b.cfg.Replicas, on)
		}
	}
	return nil
}
