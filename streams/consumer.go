package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	pullExpires   = 60 * time.Second
	pullHeartbeat = 15 * time.Second
	// cellHeartbeat is pullHeartbeat in a cell: a leader that ends there has pulls end in silence, while the connection holds.
	cellHeartbeat = 5 * time.Second
	// cellAhead is how many times as many batches are pulled ahead in a cell: each comes only when most of its servers have
	// stored that it was delivered, so a reader that asks for one at a time would get as many a second as that takes.
	cellAhead = 4
)

// Consumer reads a durable. It pulls no more batches than asked for, tells the server that the open ones are still being
// worked on, and outlives disconnects and leader changes. Next is for one goroutine at a time.
type Consumer struct {
	bus      *Bus
	durable  Durable
	prefetch int
	next     string // subject of pull requests
	inbox    string
	sub      *nats.Subscription

	mu       sync.Mutex
	seen     uint64      // the highest sequence that Next has returned
	ready    []*nats.Msg // pulled, not yet taken by Next
	arrived  chan struct{}
	open     map[string]time.Time // reply subject of each batch without answer -> when the server last heard of it
	pulls    []pull               // outstanding requests, oldest first
	pulled   uint64               // requests so far
	heard    time.Time            // last sign of life of the pulls
	retry    time.Time            // not before, after a refusal
	refusals int
	closed   chan struct{}
	shut     bool

	acked acked

	alone      bool // no other reads this durable
	reclaiming reclaiming
	// suspended says that the connection is about to move: nothing is asked for.
	suspended bool
}

type pull struct {
	subject string // where its status messages go
	left    int    // batches still to come
	expires time.Time
}

// Consume opens a reader of d that has up to prefetch (at least 1; in a cell four times that) batches pulled ahead of Next. It
// waits until the durable exists or ctx ends. Several consumers of one durable share its batches.
func (b *Bus) Consume(ctx context.Context, d Durable, prefetch int) (*Consumer, error) {
	return b.consume(ctx, d, prefetch, false)
}

func (b *Bus) consume(ctx context.Context, d Durable, prefetch int, alone bool) (*Consumer, error) {
	if _, err := b.awaitDurable(ctx, d); err != nil {
		return nil, err
	}
	c := &Consumer{
		bus: b, durable: d, prefetch: b.ahead(prefetch), alone: alone,
		next:    "$JS.API.CONSUMER.MSG.NEXT." + d.Stream + "." + d.Name,
		arrived: make(chan struct{}, 1), open: make(map[string]time.Time), closed: make(chan struct{}),
	}
	if err := c.listen(); err != nil {
		return nil, fmt.Errorf("consume %s: %w", d.Name, err)
	}
	b.mu.Lock()
	b.consumers[c] = struct{}{}
	b.mu.Unlock()
	c.repull()
	return c, nil
}

// awaitDurable waits until a durable exists, and returns what the server says of it.
func (b *Bus) awaitDurable(ctx context.Context, d Durable) (*jetstream.ConsumerInfo, error) {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		info, err := b.askDurable(ctx, d)
		if err == nil {
			return info, nil
		}
		if b.ctx.Err() != nil {
			return nil, fmt.Errorf("consume %s: %w", d.Name, ErrClosed)
		}
		if pause(ctx, wait) != nil {
			return nil, fmt.Errorf("consume %s: %w: %w", d.Name, ErrUnavailable, err)
		}
	}
}

// askDurable returns what the server says of a durable now. It does not wait long: a question that comes while a leader is elected
// is never answered.
func (b *Bus) askDurable(ctx context.Context, d Durable) (*jetstream.ConsumerInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	c, err := b.js.Consumer(ctx, d.Stream, d.Name)
	if err != nil {
		return nil, err
	}
	return c.CachedInfo(), nil
}

// ahead returns how many batches to pull ahead of a reader that asked for n.
func (b *Bus) ahead(n int) int {
	if b.cfg.Replicas > 1 {
		n *= cellAhead
	}
	return max(1, n)
}

// heartbeat is how often the server says that a pull is still known.
func (b *Bus) heartbeat() time.Duration {
	if b.cfg.Replicas > 1 {
		return cellHeartbeat
	}
	return pullHeartbeat
}

// Next returns the next batch, waiting for one. The error is that of ctx, or ErrClosed. The caller must Ack or Nak each
// batch; until then the consumer keeps it from being delivered again. A batch that cannot be read is set aside and skipped.
func (c *Consumer) Next(ctx context.Context) (*Batch, error) {
	for {
		if m := c.take(); m != nil {
			batch, err := c.decode(ctx, m)
			if batch != nil || err != nil {
				return batch, err
			}
			continue
		}
		select {
		case <-c.arrived:
		case <-c.closed:
			return nil, fmt.Errorf("consumer %s: %w", c.durable.Name, ErrClosed)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take removes the oldest pulled batch and asks for another in its place.
func (c *Consumer) take() *nats.Msg {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ready) == 0 || c.shut {
		return nil
	}
	m := c.ready[0]
	c.ready = c.ready[:copy(c.ready, c.ready[1:])]
	c.pullMore(time.Now())
	if len(c.ready) > 0 {
		c.signal()
	}
	return m
}

func (c *Consumer) signal() {
	select {
	case c.arrived <- struct{}{}:
	default:
	}
}

// receive runs on the subscription's goroutine, for batches and for words of the server about the pulls.
func (c *Consumer) receive(m *nats.Msg) {
	c.bus.hear()
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = now
	if status := m.Header.Get("Status"); status != "" && len(m.Data) == 0 {
		c.status(status, m.Subject, now)
		return
	}
	if c.shut {
		_ = c.bus.nc.Publish(m.Reply, []byte("-NAK")) // else AckWait does it
		return
	}
	for i := range c.pulls {
		if c.pulls[i].left > 0 {
			c.pulls[i].left--
			break
		}
	}
	c.refusals = 0
	c.dropDone()
	c.open[m.Reply] = now
	c.ready = append(c.ready, m)
	c.signal()
}

// status handles the end of a pull: 408 expired, 404 nothing there, 409 consumer or leader gone, 503 nobody there; 100 is a
// heartbeat.
func (c *Consumer) status(status, subject string, now time.Time) {
	if status == "100" {
		return
	}
	for i := range c.pulls {
		if c.pulls[i].subject == subject {
			c.pulls[i].left = 0
		}
	}
	c.dropDone()
	if status != "408" {
		c.refusals++
		c.retry = now.Add(min(50*time.Millisecond<<min(c.refusals, 6), 2*time.Second))
	}
	c.pullMore(now)
}

func (c *Consumer) dropDone() {
	kept := c.pulls[:0]
	for _, p := range c.pulls {
		if p.left > 0 {
			kept = append(kept, p)
		}
	}
	c.pulls = kept
}

// pullMore asks for as many batches as there is room for; in a cell, which stores each request, not before half of what may be
// ahead has been taken. The caller holds the lock.
func (c *Consumer) pullMore(now time.Time) {
	room := c.prefetch - len(c.ready)
	for _, p := range c.pulls {
		room -= p.left
	}
	if c.suspended || room <= 0 || c.bus.cfg.Replicas > 1 && room < c.prefetch/2 || c.shut || now.Before(c.retry) {
		return
	}
	request, err := json.Marshal(struct {
		Batch     int           `json:"batch"`
		Expires   time.Duration `json:"expires"`
		Heartbeat time.Duration `json:"idle_heartbeat"`
	}{room, pullExpires, c.bus.heartbeat()})
	if err != nil {
		return // numbers always have a JSON form
	}
	c.pulled++
	p := pull{subject: c.inbox + "." + strconv.FormatUint(c.pulled, 10), left: room, expires: now.Add(pullExpires + pullHeartbeat)}
	if c.bus.nc.PublishRequest(c.next, p.subject, request) != nil {
		return // not connected: repull comes
	}
	c.heard = now
	c.pulls = append(c.pulls, p)
}

// repull forgets the outstanding pulls, which ended with their connection, and asks anew.
func (c *Consumer) repull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return
	}
	if c.suspended && c.listen() != nil {
		return // the connection is closed
	}
	c.suspended = false
	c.pulls = nil
	c.retry = time.Time{}
	now := time.Now()
	c.suspect(now)
	c.pullMore(now)
}

// tick keeps the open batches alive and notices pulls that died in silence.
func (c *Consumer) tick(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return
	}
	c.acked.forget(now)
	for reply, heard := range c.open {
		if now.Sub(heard) >= c.bus.ackWait(c.durable.Stream)/3-250*time.Millisecond && c.bus.nc.Publish(reply, []byte("+WPI")) == nil {
			c.open[reply] = now
		}
	}
	if len(c.pulls) > 0 && now.Sub(c.heard) > c.bus.heartbeat()*5/2 {
		c.pulls = nil
	}
	for i := range c.pulls {
		if now.After(c.pulls[i].expires) {
			c.pulls[i].left = 0
		}
	}
	c.dropDone()
	c.pullMore(now)
}

// decode makes a Batch of a message; nil and no error when it was set aside, or worked before.
func (c *Consumer) decode(ctx context.Context, m *nats.Msg) (*Batch, error) {
	meta, err := m.Metadata()
	if err != nil {
		c.bus.log.Warn("a batch without metadata was skipped", "stream", c.durable.Stream, "err", err)
		c.forget(m.Reply)
		return nil, nil
	}
	b := &Batch{
		Stream: meta.Stream, Subject: m.Subject, Seq: meta.Sequence.Stream, Delivered: c.deliveries(meta.Sequence.Stream, int(meta.NumDelivered)),
		Stored: meta.Timestamp, from: c, reply: m.Reply,
	}
	if c.isDone(b) {
		_ = b.Ack() // else it comes once more
		return nil, nil
	}
	b.decoded = c.bus.shared.decode(b.Stream, b.Seq, b.Stored, m.Data)
	b.Fences = b.decoded.fences
	if b.Records = b.decoded.records; b.decoded.err == nil {
		return b, nil
	}
	return nil, c.setAside(ctx, b, m.Data, b.decoded.err)
}

// deliveries is how often a batch was delivered: what the server says, but at least twice for one at or below those that this
// consumer has had. A server that crashed, or leads in place of one that did, may have forgotten.
func (c *Consumer) deliveries(seq uint64, said int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seq <= c.seen {
		return max(said, 2)
	}
	c.seen = seq
	return said
}

// setAside copies an undecodable batch to EVENTS and acks it, so that it stops nobody and is not lost.
func (c *Consumer) setAside(ctx context.Context, b *Batch, raw []byte, why error) error {
	c.bus.log.Error("a batch cannot be read and was set aside", "stream", b.Stream, "seq", b.Seq, "err", why)
	c.bus.metrics.undecodable.Inc()
	if err := c.bus.storeRaw(ctx, undecodableSubject, raw); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_ = b.Nak(time.Second) // it comes again in any case
		return nil
	}
	_ = b.Ack() // else it comes again and is copied again
	return nil
}

// storeRaw stores bytes as one message.
func (b *Bus) storeRaw(ctx context.Context, subject string, raw []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := b.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: raw})
	return err
}

func (c *Consumer) forget(reply string) {
	c.mu.Lock()
	delete(c.open, reply)
	c.mu.Unlock()
}

// Close ends the consumer: batches that Next has not returned are given back at once. Batches that the caller holds can
// still be acked; without that they are delivered again after AckWait.
func (c *Consumer) Close() {
	c.mu.Lock()
	if c.shut {
		c.mu.Unlock()
		return
	}
	c.shut = true
	close(c.closed)
	ready, sub := c.ready, c.sub
	c.ready, c.pulls = nil, nil
	c.mu.Unlock()
	_ = sub.Drain() // what is on its way is given back too; only fails when the connection is closed already
	for _, m := range ready {
		_ = c.bus.nc.Publish(m.Reply, []byte("-NAK")) // else AckWait does it
	}
	b := c.bus
	b.mu.Lock()
	delete(b.consumers, c)
	b.mu.Unlock()
}
