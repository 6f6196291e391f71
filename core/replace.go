package core

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

// replace answers a request to replace a message, or each of a group, while it waits here.
func (c *Core) replace(ctx context.Context, req index.ReplaceRequest) (index.ReplaceReply, error) {
	ctx, cancel := context.WithTimeout(ctx, operationTime)
	defer cancel()
	p, verdict, err := c.ask(ctx, req.ID, req.Account, req.Source)
	if verdict != "" || err != nil {
		return index.ReplaceReply{Verdict: verdict}, err
	}
	ids := []sms.ID{req.ID}
	if p.Message.Group == req.ID {
		if ids, err = c.members(ctx, req.ID); err != nil {
			return index.ReplaceReply{}, err
		}
	}
	if len(ids) > 1 { // all or none, but for what is taken up in these milliseconds
		for _, id := range ids {
			if p, err := c.index.Place(id); err != nil || late(&p) {
				return index.ReplaceReply{Verdict: index.VerdictLate}, err
			}
		}
	}
	for _, id := range ids {
		req.ID = id
		if verdict, err = c.replaceOne(ctx, req); err != nil || verdict != index.VerdictDone {
			return index.ReplaceReply{Verdict: verdict}, err
		}
	}
	return index.ReplaceReply{Verdict: index.VerdictDone}, nil
}

// late reports whether a message can no longer be replaced. A segment goes on with the others, unchanged.
func late(p *index.Place) bool {
	return p.Final || p.Started || p.Carrier != "" || p.Message.Join || !p.Into.IsZero()
}

// replaceOne asks the node that holds what waits. A message that was accepted a moment ago is waited for, shortly.
func (c *Core) replaceOne(ctx context.Context, req index.ReplaceRequest) (index.Verdict, error) {
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		p, err := c.index.Place(req.ID)
		if err == nil && p.Carrier != "" { // or handed back a moment ago
			if err = c.index.Barrier(ctx); err == nil {
				p, err = c.index.Place(req.ID)
			}
		}
		switch {
		case err != nil:
			return "", err
		case late(&p):
			return index.VerdictLate, nil
		case p.Waiting:
			reply, err := index.AskReplaceWaiting(ctx, c.bus, req)
			if err != nil {
				return "", fmt.Errorf("replace %s: %w", req.ID, err)
			}
			if reply.Verdict != index.VerdictBusy {
				return reply.Verdict, nil
			}
		}
		pause(ctx, wait)
		if ctx.Err() != nil {
			return index.VerdictBusy, nil
		}
	}
}

// replaceWaiting replaces a message that waits with core. Only the node that holds what waits does so.
func (c *Core) replaceWaiting(ctx context.Context, req index.ReplaceRequest) (index.ReplaceReply, error) {
	_, verdict, err := c.onWaiting(ctx, req.ID, func(ctx context.Context, p *index.Place) error {
		m, err := c.waitingMessage(ctx, p, &req.With)
		if err != nil {
			return err
		}
		req.With.Apply(m)
		return c.putBack(ctx, p, m)
	})
	if errors.Is(err, errNotFound) {
		return index.ReplaceReply{Verdict: index.VerdictBusy}, nil
	}
	return index.ReplaceReply{Verdict: verdict}, err
}

// putBack hands a changed message to those that wait, as its next attempt: what waits of it already is dropped at its time,
// since a higher attempt is queued then. Its revision is none, so that it is routed, or scheduled, at once.
func (c *Core) putBack(ctx context.Context, p *index.Place, m *sms.Message) error {
	now := time.Now()
	d := sms.Dispatch{Attempt: p.Attempt + 1, Rounds: max(p.Rounds, 1), Submits: p.Submits, Node: c.cfg.Node, Routed: now, Queued: now,
		Reason: "replaced by its submitter"}
	if err := c.matcher.StoreSure(ctx, streams.DispatchSubject(streams.HoldQueue, m.Lane), &sms.Record{Message: m, Dispatch: &d}); err != nil {
		return err
	}
	c.metrics.decided.WithLabelValues("replaced").Inc()
	e := c.fact(sms.EventReplaced, &job{now: now, message: m, dispatch: sms.Dispatch{Attempt: p.Attempt}})
	e.State, e.Reason, e.WantReceipt, e.Intermediate = sms.StateAccepted, "replaced by its submitter", m.WantReceipt, m.Intermediate
	e.NotBefore, e.Validity = m.NotBefore, m.Validity
	return c.matcher.StoreSure(ctx, streams.EventSubject(Role), &sms.Record{Event: e})
}
