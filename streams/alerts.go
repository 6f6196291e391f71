package streams

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tasman/sms"
)

// Alerts on their way to carriers are partitioned: what of them DISPATCH would hold goes to one of a few streams, of which
// DISPATCH itself is partition 0. Each carrier's queue of alerts has a subject and a durable in each of them. Who publishes
// names the queue in DISPATCH, and the publisher chooses the partition: of those that answer the carrier's home, which is the
// same for all nodes, so that the order of a queue is kept while nothing fails. DISPATCH, which campaigns share, comes last.

const alertPrefix = Dispatch + "-A-"

// AlertStream returns the name of the stream of a partition of alerts on their way to carriers: DISPATCH for 0.
func AlertStream(q int) string {
	if q == 0 {
		return Dispatch
	}
	return alertPrefix + strconv.Itoa(q)
}

// alertSubject returns the queue of a carrier's alerts in partition q.
func alertSubject(q int, carrier string) string {
	if q == 0 {
		return DispatchSubject(carrier, sms.Alert)
	}
	return "alert." + strconv.Itoa(q) + "." + token(carrier) + "." + sms.Alert.String()
}

// alertReader is the reader of a carrier's alerts in partition q.
func alertReader(q int, carrier string) Durable {
	return Durable{AlertStream(q), DispatchReader(carrier, sms.Alert).Name, alertSubject(q, carrier)}
}

// alertCarrier returns whose queue a subject of a partition beyond the first is, "" when it is none.
func alertCarrier(subject string) string {
	rest, ok := strings.CutPrefix(subject, "alert.")
	if !ok {
		return ""
	}
	_, rest, _ = strings.Cut(rest, ".")
	name, lane, _ := strings.Cut(rest, ".")
	if lane == "" {
		return ""
	}
	return name
}

// ErrMoreAlerts is returned when the cell has more partitions of alerts than this node is told of: it would not read them all.
var ErrMoreAlerts = errors.New("the cell has more partitions of alerts (nats.alert_partitions)")

// knowsAll compares the partitions of alerts that there are with those that this node knows of.
func (b *Bus) knowsAll(ctx context.Context) error {
	_, err := b.js.Stream(ctx, AlertStream(b.cfg.Alerts))
	switch {
	case isGone(err):
		return nil
	case err != nil:
		return fmt.Errorf("stream %s: %w", AlertStream(b.cfg.Alerts), err)
	}
	return fmt.Errorf("%w: %s is there; to do without it, delete it when its readers have nothing left", ErrMoreAlerts,
		AlertStream(b.cfg.Alerts))
}

// isDispatch reports whether a stream holds what is on its way to carriers.
func isDispatch(stream string) bool {
	return stream == Dispatch || strings.HasPrefix(stream, alertPrefix)
}

// DispatchStreams returns the streams that hold what is on its way to carriers: DISPATCH, then the other partitions of alerts.
func (b *Bus) DispatchStreams() []string {
	names := make([]string, b.cfg.Alerts)
	for q := range names {
		names[q] = AlertStream(q)
	}
	return names
}

// DispatchReaders returns the readers of a carrier's lane, each of which has a part of the queue: one, or for alerts one in each
// of their partitions.
func (b *Bus) DispatchReaders(carrier string, l sms.Lane) []Durable {
	if l != sms.Alert {
		return []Durable{DispatchReader(carrier, l)}
	}
	list := make([]Durable, b.cfg.Alerts)
	for q := range list {
		list[q] = alertReader(q, carrier)
	}
	return list
}

// HomeOf returns the stream that a carrier's lane is queued in while nothing fails.
func (b *Bus) HomeOf(carrier string, l sms.Lane) string {
	if l != sms.Alert {
		return Dispatch
	}
	return AlertStream(b.alertOrder(carrier)[0])
}

// Queued returns how many batches wait in the queues of each carrier now, the held ones under HoldQueue, also of carriers that
// are not declared any more. It reads no message, for which most roles have no right.
func (b *Bus) Queued(ctx context.Context) (map[string]uint64, error) {
	waiting := make(map[string]uint64)
	for _, stream := range b.DispatchStreams() {
		have, err := b.Waiting(ctx, stream)
		if err != nil {
			return nil, err
		}
		for d, n := range have {
			if name, ok := CarrierOf(d); ok {
				waiting[name] += n
			}
		}
	}
	return waiting, nil
}

// alertOrder returns the partitions for a carrier's alerts, the best first.
func (b *Bus) alertOrder(carrier string) []int {
	own := b.cfg.Alerts - 1 // those for alerts alone
	order := make([]int, 0, b.cfg.Alerts)
	for i := range own {
		order = append(order, 1+(bucket(carrier, own)+i)%own)
	}
	return append(order, 0)
}

// spread is the queue of a carrier's alerts over its partitions: the lanes of the same queue, the best first.
type spread []*lane

// spreadOf makes the lanes of a queue of alerts, nil for any other subject and where DISPATCH is the only partition. The caller
// holds the publisher's lock; own is the lane of the queue in DISPATCH.
func (p *publisher) spreadOf(own *lane) spread {
	if p.bus.cfg.Alerts < 2 || own.stream != Dispatch {
		return nil
	}
	d := Durable{Stream: Dispatch, Filter: own.subject}
	carrier, ok := CarrierOf(d)
	if !ok || !d.Urgent() {
		return nil
	}
	var all spread
	for _, q := range p.bus.alertOrder(carrier) {
		l := own
		if q > 0 {
			l = p.newLane(alertSubject(q, carrier))
		}
		all = append(all, l)
	}
	for _, l := range all {
		l.spread = all
	}
	return all
}

// pick returns the lane that records are given to now.
func (s spread) pick(now time.Time) *lane {
	avoid := &s[0].p.bus.avoid
	for _, l := range s {
		if !avoid.has(l.slot, now) {
			return l
		}
	}
	return s[0]
}

// choose returns the lane that a record for l's queue is given to.
func (l *lane) choose() *lane {
	if l.spread == nil {
		return l
	}
	if l.p.bus.avoid.latest.Load() == 0 {
		return l.spread[0]
	}
	return l.spread.pick(time.Now())
}

// moveOn gives all that is certainly not stored to a partition that answers, and reports whether there is one. It is called with
// the lock, and gives it back when it does.
func (l *lane) moveOn(now time.Time) bool {
	if l.spread == nil || l.telling || l.closed {
		return false
	}
	to := l.spread.pick(now)
	if to == l {
		return false
	}
	var moved []*outgoing
	if b := l.flight; b != nil && b.unheard == 0 {
		moved, l.flight = append(moved, b), nil
	}
	moved, l.queue = append(moved, l.queue...), nil
	l.makeRoom()
	sure := l.sure
	l.mu.Unlock()
	to.adopt(moved, sure, now)
	return true
}

// adopt takes batches over that another lane of the same queue has not stored.
func (l *lane) adopt(moved []*outgoing, sure bool, now time.Time) {
	if len(moved) == 0 {
		return
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		for _, b := range moved {
			l.report(b, 0, fmt.Errorf("%w: %w", ErrNotStored, ErrClosed))
			l.recycle(b)
			l.p.finished()
		}
		return
	}
	for _, b := range moved {
		b.full, b.wire, b.rejected, b.unheard = true, b.wire[:0], nil, 0
	}
	l.sure = sure
	l.queue = append(l.queue, moved...)
	l.sendNext(now)
	if !l.active {
		l.active = true
		l.p.activate(l)
	}
	l.mu.Unlock()
}
