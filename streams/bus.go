package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"tasman/sms"
)

// Bus is a node's one connection to the streams. It is safe for concurrent use.
type Bus struct {
	cfg     Config
	log     *slog.Logger
	srv     *embedded // nil when the servers are elsewhere
	nc      *nats.Conn
	js      jetstream.JetStream
	pub     *publisher
	metrics *metrics
	ids     *sms.IDs // of schedules and lease holders

	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	owned  sync.WaitGroup // the goroutines of the bus

	heard    atomic.Int64             // Unix nanoseconds of the last word from the server
	topology atomic.Pointer[Topology] // nil before Apply

	mu        sync.Mutex
	consumers map[*Consumer]struct{}

	moves     chan serverMove // for followServers
	homes     *homes
	gauges    gauges
	leaseKV   atomic.Pointer[jetstream.KeyValue] // once it is as it stays
	disk      disk
	failed    chan error // see Failed
	avoid     avoided
	shared    shared
	positions positions
	live      liveQueues
	marks     marks

	trimEvery time.Duration // pause of the trimmer when nothing presses; shorter in tests
	closing   sync.Once
}

// Open starts the embedded server, unless cfg names others, and connects. It waits until there is a connection or ctx ends.
// The caller owns the Bus and must Close it. reg may be nil.
func Open(ctx context.Context, cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Bus, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Bus{cfg: cfg, log: log, consumers: make(map[*Consumer]struct{}), trimEvery: trimPause, ids: sms.NewIDs(nil), moves: make(chan serverMove, 1),
		positions: positions{writing: make(chan struct{}, 1)},
		failed:    make(chan error, 1), homes: newHomes(cfg)}
	b.avoid.until = make([]atomicTime, cfg.Partitions+cfg.Alerts)
	b.live.bus = b
	b.ctx, b.cancel = context.WithCancel(context.Background())
	if len(cfg.URLs) == 0 {
		var own string
		b.cfg.forgetLogin() // is for servers elsewhere
		if len(cfg.Peers) > 0 {
			if b.cfg.Seed, own, err = NewSeed(); err != nil {
				b.cancel()
				return nil, err
			}
		}
		if b.srv, err = newEmbedded(ctx, cfg, own, log); err != nil {
			b.cancel()
			return nil, err
		}
	}
	if err := b.connect(ctx, reg); err != nil {
		b.cancel()
		b.disconnect(ctx)
		return nil, err
	}
	b.owned.Go(b.keep)
	b.owned.Go(b.reclaim)
	b.owned.Go(b.followServers)
	b.owned.Go(b.leaveSilent)
	b.owned.Go(b.goHome)
	b.owned.Go(b.watchGauges)
	b.owned.Go(b.watchDisk)
	b.owned.Go(b.writePositions)
	b.owned.Go(b.writeMarks)
	return b, nil
}

// connect opens the connection and what lives on it.
func (b *Bus) connect(ctx context.Context, reg prometheus.Registerer) (err error) {
	options := []nats.Option{
		nats.Name("tasman " + b.cfg.Node),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a server may not know of this node yet, or of its new credentials
		nats.DontRandomize(),        // those of the own region are first
		nats.ReconnectToServer(b.homes.choose),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.RetryOnFailedConnect(true),
		// Nothing is kept while disconnected: a publish then fails at once as not stored.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ReconnectHandler(func(*nats.Conn) { b.reconnected() }),
		nats.LameDuckModeHandler(b.serverLeaves),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { b.log.Debug("nats connection", "err", err) }),
	}
	if err := b.identify(&options); err != nil {
		return err
	}
	if b.nc, err = nats.Connect(strings.Join(b.homes.first(b.cfg.URLs), ","), options...); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if err := b.awaitConnection(ctx); err != nil {
		return err
	}
	b.hear()
	b.homes.arrived(b.nc)
	if b.js, err = jetstream.New(b.nc); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if b.metrics, err = newMetrics(b, reg); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if err := b.hearOfDisks(); err != nil {
		return err
	}
	if err = b.followElections(); err != nil {
		return fmt.Errorf("elections: %w", err)
	}
	if b.pub, err = newPublisher(b); err != nil {
		return err
	}
	return b.answerServers()
}

// awaitConnection waits for the first connection, and says why there is none.
func (b *Bus) awaitConnection(ctx context.Context) error {
	var telling sync.WaitGroup
	defer telling.Wait()
	tellCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	telling.Go(func() { b.tellUnreached(tellCtx) })
	for !b.nc.IsConnected() {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("connect: %w: %w", ErrUnavailable, err)
		}
	}
	return nil
}

// unreachedEvery is how often a node says which servers it does not reach; the first time after a tenth of it.
const unreachedEvery = 10 * time.Second

// tellUnreached logs until ctx ends what is wrong with each of the servers. The connection itself keeps no reason.
func (b *Bus) tellUnreached(ctx context.Context) {
	for wait := b.cfg.unreachedEvery / 10; pause(ctx, wait) == nil; wait = b.cfg.unreachedEvery {
		for _, u := range b.cfg.URLs {
			if s := ProbeServer(ctx, b.cfg, u); s.Problem != "" && ctx.Err() == nil {
				b.log.Warn("no connection to NATS yet: a server cannot be used", "url", s.URL, "err", s.Problem)
			}
		}
	}
}

// identify adds how the connection is made: to the embedded server from within, or to others with TLS and this node's key.
func (b *Bus) identify(options *[]nats.Option) error {
	*options = append(*options, nats.CustomInboxPrefix(inboxOf(b.cfg.Node)))
	if b.srv != nil {
		*options = append(*options, nats.InProcessServer(b.srv))
	} else {
		secure, err := b.cfg.TLS.config()
		if err != nil {
			return err
		}
		if secure != nil {
			*options = append(*options, nats.Secure(secure))
		}
	}
	proof, err := b.cfg.login()
	if err != nil {
		return err
	}
	if proof != nil {
		*options = append(*options, proof)
	}
	return nil
}

// Close flushes what was given to Publish, for as long as ctx allows, tells every waiting caller, closes the connection and
// stops the embedded server; one of a cell hands over what it leads first. What is not answered by then is told as ErrUnknownFate or ErrClosed.
func (b *Bus) Close(ctx context.Context) (err error) {
	b.closing.Do(func() {
		err = b.pub.close(ctx)
		_ = b.FlushReports(ctx) // else the next run reads some of it again
		for _, c := range b.readers() {
			c.Close()
		}
		for _, q := range b.marks.open() {
			q.Close()
		}
		if b.nc.IsConnected() {
			// The consumers' last words are in the connection's buffer still. A failure only means that batches come again.
			flush, cancel := context.WithTimeout(ctx, time.Second)
			_ = b.nc.FlushWithContext(flush)
			cancel()
		}
		b.cancel()
		b.owned.Wait()
		b.disconnect(ctx)
		b.metrics.unregister()
	})
	return err
}

func (b *Bus) disconnect(ctx context.Context) {
	if b.nc != nil {
		b.nc.Close()
	}
	if b.srv != nil {
		b.leave(ctx)
	}
}

// ClientURL returns where other nodes reach the embedded server, "" when it is in-process only or elsewhere.
func (b *Bus) ClientURL() string {
	if b.srv == nil || b.cfg.Listen == "" {
		return ""
	}
	return b.srv.server().ClientURL()
}

// AckWait returns after how long a batch that nobody answers comes again.
func (b *Bus) AckWait() time.Duration { return b.cfg.AckWait }

// Connected reports whether there is a connection to a server now.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// Heard returns when the last word came from the server. While connected it is at most about two seconds old.
func (b *Bus) Heard() time.Time { return time.Unix(0, b.heard.Load()) }

func (b *Bus) hear() { b.heard.Store(time.Now().UnixNano()) }

// reconnected is called by the connection after it came back: what was asked of the old one must be asked again.
func (b *Bus) reconnected() {
	b.hear()
	b.homes.arrived(b.nc)
	b.avoid.forget()
	b.pub.repeatAll()
	for _, c := range b.readers() {
		c.repull()
	}
}

// keep pings the server each second when it is silent, and lets the consumers do what is due.
func (b *Bus) keep() {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case now := <-tick.C:
			b.mu.Lock()
			for c := range b.consumers {
				c.tick(now)
			}
			b.mu.Unlock()
			if now.Sub(b.Heard()) > time.Second {
				b.ping()
			}
		}
	}
}

// ping waits for an answer of the server for a short moment only, so that the consumers are not kept waiting.
func (b *Bus) ping() {
	ctx, cancel := context.WithTimeout(b.ctx, 200*time.Millisecond)
	defer cancel()
	if b.nc.FlushWithContext(ctx) == nil {
		b.hear()
	}
}

func reconnectDelay(attempts int) time.Duration {
	return min(50*time.Millisecond<<min(attempts, 6), 2*time.Second)
}

// pause waits for d or until ctx ends, whose error it returns.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// isGone says whether the thing asked for does not exist (yet).
func isGone(err error) bool {
	return errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) ||
		errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrBucketNotFound) || errors.Is(err, jetstream.ErrMsgNotFound)
}
