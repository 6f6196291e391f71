package core

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tasman/index"
	"tasman/sms"
)

const (
	// operationTime bounds a cancel or replace here, a little less than those who ask wait; ownerTime what of it goes to the
	// one who has the message.
	operationTime = 4 * time.Second
	ownerTime     = 2 * time.Second
	// maxAlike bounds the messages that a cancel by addresses looks at: so many between the addresses that were held, and so
	// many of the account's newest.
	maxAlike = 5000
	// maxGroup is the most messages of one submit_multi (SMPP 3.4 4.5.1).
	maxGroup = 254
	// cancelAtOnce bounds the messages that one request cancels at a time.
	cancelAtOnce = 8
)

// cancel answers a request to cancel messages.
func (c *Core) cancel(ctx context.Context, req index.CancelRequest) (index.CancelReply, error) {
	ctx, cancel := context.WithTimeout(ctx, operationTime)
	defer cancel()
	if req.ID.IsZero() {
		return c.cancelAlike(ctx, &req)
	}
	p, verdict, err := c.ask(ctx, req.ID, req.Account, req.Source)
	if verdict != "" || err != nil {
		return index.CancelReply{Verdict: verdict}, err
	}
	if req.Group && p.Message.Group == req.ID {
		return c.cancelGroup(ctx, req.ID)
	}
	reply := index.CancelReply{}
	if reply.Verdict, err = c.cancelOne(ctx, req.ID); err != nil || !req.Tell {
		return reply, err
	}
	if err := c.index.Barrier(ctx); err != nil {
		return reply, err
	}
	story, _, err := c.index.Story(req.ID)
	reply.Story = &story
	return reply, err
}

// ask finds the message that a request is about; a verdict says why it may not be touched.
func (c *Core) ask(ctx context.Context, id sms.ID, account string, source sms.Address) (index.Place, index.Verdict, error) {
	var p index.Place
	err := c.known(ctx, id, func() (_ bool, err error) {
		p, err = c.index.Place(id)
		return p.Complete, err
	})
	switch {
	case err != nil:
		return p, "", err
	case !p.Known || account != "" && p.Message.Account != account:
		return p, index.VerdictUnknown, nil
	case !source.IsZero() && p.Message.Source != source:
		return p, index.VerdictSource, nil
	}
	return p, "", nil
}

// cancelOne has the one who has a message end it. While the message moves it is followed, for a bounded time; then the verdict
// is busy.
func (c *Core) cancelOne(ctx context.Context, id sms.ID) (index.Verdict, error) {
	var failed error // of the last try
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		p, err := c.index.Place(id)
		if err != nil {
			return "", err
		}
		subject := ""
		switch { // what is final, joined or started stays so: this needs no barrier
		case !p.Into.IsZero():
			id = p.Into // a text without one of its segments is none
			continue
		case p.Canceled:
			return index.VerdictDone, nil
		case p.Final || p.Started:
			return index.VerdictLate, nil
		case p.Waiting:
			subject = index.WaitingSubject
		case p.Carrier != "":
			subject = index.CarrierCancelSubject(p.Carrier)
		}
		if subject != "" {
			verdict, err := index.AskWithdraw(ctx, c.bus, subject, id)
			if failed = err; err == nil && verdict != index.VerdictBusy {
				return verdict, nil
			}
		}
		pause(ctx, wait)
		if ctx.Err() != nil {
			if failed != nil {
				return "", fmt.Errorf("cancel %s: %w", id, failed)
			}
			return index.VerdictBusy, nil
		}
	}
}

// cancelGroup cancels all messages of a submit_multi, whose ids follow the first's. It is done when none of them will be
// submitted.
func (c *Core) cancelGroup(ctx context.Context, group sms.ID) (index.CancelReply, error) {
	ids, err := c.members(ctx, group)
	if err != nil {
		return index.CancelReply{}, err
	}
	reply, err := c.cancelAll(ctx, ids)
	if err == nil && reply.Canceled < len(ids) {
		reply.Verdict = index.VerdictLate
	}
	return reply, err
}

// members returns the messages of a group, in order.
func (c *Core) members(ctx context.Context, group sms.ID) (ids []sms.ID, err error) {
	if err := c.index.Barrier(ctx); err != nil { // they were accepted together, and may not have been read together
		return nil, err
	}
	for i := range maxGroup {
		p, err := c.index.Place(group.Add(i))
		if err != nil {
			return nil, err
		}
		if !p.Known || p.Message.Group != group {
			break
		}
		ids = append(ids, group.Add(i))
	}
	return ids, nil
}

// cancelAlike cancels what waits of an account with the given addresses and service type (SMPP 3.4 4.9): of what core has
// held, and among the account's newest messages. It is done when any was cancelled.
func (c *Core) cancelAlike(ctx context.Context, req *index.CancelRequest) (index.CancelReply, error) {
	if err := c.index.Barrier(ctx); err != nil {
		return index.CancelReply{}, err
	}
	held, err := c.index.Held(req.Source, req.Destination, maxAlike)
	if err != nil {
		return index.CancelReply{}, err
	}
	ids := map[sms.ID]struct{}{}
	take := func(m *sms.Message, state sms.State) {
		if state == sms.StateAccepted && m.Account == req.Account && m.Source == req.Source && m.Destination == req.Destination &&
			m.ServiceType == req.ServiceType {
			ids[m.ID] = struct{}{}
		}
	}
	for _, id := range held {
		p, err := c.index.Place(id)
		if err != nil {
			return index.CancelReply{}, err
		}
		if p.Into.IsZero() { // else the whole is looked at
			take(&p.Message, p.State)
		}
	}
	var before sms.ID
	for looked := 0; looked < maxAlike; {
		stories, err := c.index.Recent(200, before, req.Account)
		if err != nil {
			return index.CancelReply{}, err
		}
		if len(stories) == 0 {
			break
		}
		for i := range stories {
			take(&stories[i].Message, stories[i].State)
		}
		looked += len(stories)
		before = stories[len(stories)-1].Message.ID
	}
	return c.cancelAll(ctx, slices.Collect(maps.Keys(ids)))
}

// cancelAll cancels messages side by side: done when any was, late when none. An error means that of some the fate is not
// known.
func (c *Core) cancelAll(ctx context.Context, ids []sms.ID) (index.CancelReply, error) {
	verdicts := make([]index.Verdict, len(ids))
	var g errgroup.Group
	g.SetLimit(cancelAtOnce)
	for i, id := range ids {
		g.Go(func() (err error) {
			verdicts[i], err = c.cancelOne(ctx, id)
			return err
		})
	}
	err := g.Wait()
	reply := index.CancelReply{Verdict: index.VerdictLate}
	for _, v := range verdicts {
		if v == index.VerdictDone {
			reply.Verdict = index.VerdictDone
			reply.Canceled++
		}
	}
	return reply, err
}

// withdrawWaiting ends a message that waits with core. Only the node that holds what waits does so; a message that is just
// being taken up is waited for.
func (c *Core) withdrawWaiting(ctx context.Context, req index.Withdraw) (index.Withdrawn, error) {
	p, verdict, err := c.onWaiting(ctx, req.ID, func(ctx context.Context, p *index.Place) error {
		c.metrics.decided.WithLabelValues("canceled").Inc()
		return c.matcher.EndCanceled(ctx, &p.Message, sms.Event{Time: time.Now(), Node: c.cfg.Node, Attempt: p.Attempt})
	})
	if p.Canceled { // before
		verdict = index.VerdictDone
	}
	return index.Withdrawn{Verdict: verdict}, err
}

// onWaiting claims a message, makes sure that it waits, and then changes it. lease ends when this node may not decide any
// more: done is only said of a change that was stored before.
func (c *Core) onWaiting(lease context.Context, id sms.ID, change func(context.Context, *index.Place) error) (index.Place, index.Verdict, error) {
	ctx, cancel := context.WithTimeout(lease, ownerTime)
	defer cancel()
	if err := c.claims.take(ctx, id); err != nil {
		return index.Place{}, index.VerdictBusy, nil //nolint:nilerr // still being taken up: nothing was changed
	}
	defer c.claims.give(id)
	if err := c.index.Barrier(ctx); err != nil {
		return index.Place{}, "", err
	}
	p, err := c.index.Place(id)
	switch {
	case err != nil:
		return p, "", err
	case !p.Into.IsZero(): // joined a moment ago: whoever asks looks where it is now
		return p, index.VerdictBusy, nil
	case p.Final || p.Started:
		return p, index.VerdictLate, nil
	case !p.Waiting:
		return p, index.VerdictBusy, nil
	}
	// Until what changes it is stored nobody else may take it up, however long that takes.
	if err := change(context.WithoutCancel(lease), &p); err != nil {
		return p, "", err
	}
	return p, index.VerdictDone, lease.Err()
}
