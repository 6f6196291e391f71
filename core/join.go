package core

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"tasman/smpp"
	"tasman/sms"
	"tasman/streams"
)

// join sends a segment of a message that its account wants joined to SCHEDULE, due at once: the node that reads what is
// due sees the segments of all edges and partitions.
func (c *Core) join(j *job) verdict {
	if !j.message.Join {
		return goOn
	}
	return j.holdUntil(j.now.Truncate(slotWidth), "one segment of several, to be joined")
}

// dueSegment gathers a segment with the others of its message, unless that went on already.
func (c *Core) dueSegment(ctx context.Context, js *joiner, rec *sms.Record, o *outputs) error {
	m, now := rec.Message, time.Now()
	p, err := c.index.Progress(m.ID)
	if err != nil {
		return err
	}
	joined := p.Joined || p.Message != nil && len(p.Message.Parts) > 0
	switch {
	case joined && !p.Told: // whoever joined it crashed before it said so
		js.forget(m.ID)
		return c.tellJoined(ctx, m, p.Message, o)
	case joined || p.Final || p.Withdrawn || p.Queued >= rec.Dispatch.Attempt:
		js.forget(m.ID)
		return nil
	case js.went(m.ID, now): // on its way, and not in the index yet
		o.hold(now.Add(joinGrace), m.Lane, rec, nil)
		return nil
	}
	ref, total, seq, _ := smpp.Concat(m.UDH)
	key := setKey{owner: m.Account, source: m.Source, destination: m.Destination, ref: ref, wide: smpp.UDH(m.UDH).WideConcat(), total: total, binary: m.Encoding == sms.Binary}
	timeout := time.Minute
	if a := c.live.Load().Accounts[m.Account]; a != nil {
		timeout = a.SMPP.JoinTimeout
	}
	g := &segment{id: m.ID, seq: seq, at: m.Accepted, encoding: m.Encoding, shift: m.Shift, octets: m.Data, udh: m.UDH, rec: rec}
	return c.release(ctx, js, js.add(key, g, timeout, now), o)
}

// settleJoins ends a batch: what is overdue goes on, and the segments that still wait are kept for SCHEDULE.
func (c *Core) settleJoins(ctx context.Context, js *joiner, o *outputs) error {
	now := time.Now()
	for _, g := range js.touched {
		if s := js.waiting[g.id]; s != nil && !now.Before(s.deadline) {
			js.take(s)
			if err := c.release(ctx, js, []*set{s}, o); err != nil {
				return err
			}
		}
	}
	for s := js.surplus(); s != nil; s = js.surplus() {
		s.deadline = now
		if err := c.release(ctx, js, []*set{s}, o); err != nil {
			return err
		}
	}
	for _, g := range js.touched {
		if s := js.waiting[g.id]; s != nil {
			o.hold(js.until(s, now), laneOf(g.rec), g.rec, nil)
		}
	}
	js.touched = nil
	return nil
}

func laneOf(rec *sms.Record) sms.Lane {
	if rec.Message != nil {
		return rec.Message.Lane
	}
	return sms.Normal
}

// release lets sets go on as messages. What the index knows to be over is left out; a set that is not complete then waits on
// until its time.
func (c *Core) release(ctx context.Context, js *joiner, ready []*set, o *outputs) error {
	now := time.Now()
	for _, s := range ready {
		whole := s.complete()
		if err := c.leaveOut(ctx, s, o); err != nil {
			return err
		}
		if len(s.segments) == 0 {
			continue
		}
		if whole && !s.complete() && now.Before(s.deadline) {
			js.keep(s)
			continue
		}
		for _, g := range s.segments {
			js.wentOn(g.id, now)
		}
		var err error
		if s.key.mo {
			err = c.releaseMO(ctx, s, o)
		} else {
			err = c.releaseMT(ctx, s, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// leaveOut drops segments that were withdrawn, cancelled or joined before. Those of messages it claims, so that none is cancelled
// from now on until what they become is stored.
func (c *Core) leaveOut(ctx context.Context, s *set, o *outputs) error {
	left := s.segments[:0]
	for _, g := range s.segments {
		if !s.key.mo {
			if err := o.claim(ctx, g.id); err != nil {
				return err
			}
		}
		p, err := c.index.Progress(g.id)
		if err != nil {
			return err
		}
		if over := p.Final || p.Withdrawn || p.Joined || p.Queued > 0 || s.key.mo && p.Known; !over {
			left = append(left, g)
		}
	}
	s.segments = left
	return nil
}

// releaseMT routes the message that the segments make, or each of them when they make none.
func (c *Core) releaseMT(ctx context.Context, s *set, o *outputs) error {
	parts, repeats := s.inOrder()
	m := joinMT(s, parts, repeats)
	if m == nil {
		for _, g := range s.segments {
			if err := c.carryOut(ctx, alone(g.rec.Message), *g.rec.Dispatch, o); err != nil {
				return err
			}
		}
		return nil
	}
	if o.queues == nil {
		o.queues = queues{}
	}
	d := sms.Dispatch{Attempt: parts[0].rec.Dispatch.Attempt}
	j := &job{now: time.Now(), snap: c.live.Load(), message: m, dispatch: d, queues: o.queues}
	subject := streams.DispatchSubject(streams.HoldQueue, m.Lane)
	if c.decide(j) == goOn {
		subject = c.queue(j, j.dispatch.Carrier(), m.Lane).subject
		c.metrics.routed.Inc()
	} else { // one record must say that these segments are joined: it takes the way of what a carrier handed back
		j.dispatch = d
		j.dispatch.Node, j.dispatch.Reason = c.cfg.Node, "joined"
	}
	j.dispatch.Queued, j.dispatch.Lease = j.now, o.stamp()
	c.metrics.decided.WithLabelValues(joinedLabel(m)).Inc()
	if err := o.publish(ctx, subject, &sms.Record{Message: m, Dispatch: &j.dispatch}); err != nil {
		return err
	}
	for _, g := range s.segments {
		if err := c.tellJoined(ctx, g.rec.Message, m, o); err != nil {
			return err
		}
	}
	return nil
}

func joinedLabel(m *sms.Message) string {
	if m.Incomplete {
		return "joined_incomplete"
	}
	return "joined"
}

// joinMT makes one message of segments in their order: the first, with the content of all. It returns nil when they have to
// go on as they are.
func joinMT(s *set, parts, repeats []*segment) *sms.Message {
	if !concatenated(parts) {
		return nil
	}
	m := *parts[0].rec.Message
	m.Join, m.Incomplete, m.UDH = false, len(parts) < int(s.key.total), nil
	whole := content(parts, s.key.binary)
	m.Encoding, m.Shift, m.Text, m.Data = whole.Encoding, whole.Shift, whole.Text, whole.Data
	m.Parts, m.Repeats, m.Known = idsOf(parts), idsOf(repeats), knownAs(parts)
	if m.Segments, _ = whole.Count(); m.Segments > sms.MaxSegments {
		return nil
	}
	return &m
}

func idsOf(segments []*segment) []sms.ID {
	var ids []sms.ID
	for _, g := range segments {
		ids = append(ids, g.id)
	}
	return ids
}

// knownAs returns the ids that the submitter has of segments: a group's where they came by submit_multi; nil when all are known
// by their own.
func knownAs(parts []*segment) (ids []sms.ID) {
	if !slices.ContainsFunc(parts, func(g *segment) bool { return !g.rec.Message.Group.IsZero() }) {
		return nil
	}
	for _, g := range parts {
		id := g.id
		if group := g.rec.Message.Group; !group.IsZero() {
			id = group
		}
		ids = append(ids, id)
	}
	return ids
}

// alone makes a message of one segment, as if nobody had asked to join it. Its octets stay where its text does not tell all.
func alone(segment *sms.Message) *sms.Message {
	m := *segment
	m.Join = false
	if m.Encoding != sms.Binary {
		m.Text = decode(m.Data, m.Encoding, m.Shift)
		again, err := (&sms.Content{Encoding: m.Encoding, Text: m.Text, Shift: m.Shift}).Encode()
		if err == nil && bytes.Equal(again, m.Data) {
			m.Data = nil
		}
	}
	return &m
}

// tellJoined stores what a segment became. whole is the message, nil when only the index knows that there is one.
func (c *Core) tellJoined(ctx context.Context, m, whole *sms.Message, o *outputs) error {
	e := c.fact(sms.EventJoined, &job{now: time.Now(), message: m})
	e.Reason = "part of a long message"
	if whole != nil && len(whole.Parts) > 0 {
		_, total, _, _ := smpp.Concat(m.UDH)
		e.Reason = fmt.Sprintf("joined: %d of %d segments", len(whole.Parts), total)
		if whole.Incomplete {
			e.Reason += ", the others did not come in time"
		}
		if whole.ID != m.ID {
			e.Into = whole.ID
		}
	}
	return o.publish(ctx, streams.EventSubject(Role), &sms.Record{Event: e})
}
