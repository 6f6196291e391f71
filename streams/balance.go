package streams

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	balanceLease = 15 * time.Second
	// balancePause is between two moves: long enough for the copies of a stream that moved to be current again.
	balancePause = 15 * time.Second
)

// RunBalancer keeps the leaders of the streams on different servers of a cell, and those of the readers of partitions beside them,
// until ctx ends, whose error it returns. The servers choose leaders at random and never move one back, so that after a failure
// one server may lead all partitions of MT, and its loss would stop acceptance everywhere. One stream moves at a time, which takes
// about 50 ms of its writes. Role streams runs it; of several nodes one balances at a time.
func (b *Bus) RunBalancer(ctx context.Context) error {
	if b.cfg.Replicas < 2 {
		<-ctx.Done()
		return ctx.Err()
	}
	for {
		lease, err := b.Lease(ctx, "streams.balancer", balanceLease)
		if err != nil {
			return firstError(ctx.Err(), err)
		}
		err = b.whileHeld(ctx, lease, b.balanceAll)
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		if rerr := lease.Release(release); rerr != nil {
			b.log.Debug("another node balances when the lease lapses", "err", rerr)
		}
		cancel()
		if err != nil {
			return err
		}
	}
}

func (b *Bus) balanceAll(ctx context.Context) error {
	for {
		moved, err := b.Balance(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			b.log.Warn("leaders of the streams not balanced, trying again", "err", err)
		case moved.Stream != "":
			b.log.Info("leader of a stream moved", "stream", moved.Stream, "from", moved.From, "to", moved.To)
		default: // only now: readers follow their streams
			b.alignSome(ctx)
		}
		if err := pause(ctx, balancePause); err != nil {
			return err
		}
		if b.ctx.Err() != nil {
			return fmt.Errorf("balancer: %w", ErrClosed)
		}
	}
}

// alignSome moves readers to the leaders of their streams.
func (b *Bus) alignSome(ctx context.Context) {
	moved, err := b.Align(ctx)
	if err != nil && ctx.Err() == nil {
		b.log.Warn("readers not moved to the leaders of their streams, trying again", "err", err)
	}
	if moved > 0 {
		b.log.Info("readers moved to the leaders of their streams", "count", moved)
	}
}

// Move is the move of a stream's leader between two servers.
type Move struct{ Stream, From, To string }

// Balance moves one leader, if that makes the servers more equal, and returns what it moved: the zero Move when nothing is to
// be moved.
func (b *Bus) Balance(ctx context.Context) (Move, error) {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	placed, err := b.Placement(ctx)
	if err != nil {
		return Move{}, err
	}
	m := nextMove(placed)
	if m.Stream == "" {
		return m, nil
	}
	if err := b.stepDown(ctx, "STREAM", m.Stream, m.To); err != nil {
		return Move{}, fmt.Errorf("leader of %s: %w", m.Stream, err)
	}
	return m, nil
}

// nextMove returns the move that balances best: first the partitions of MT among themselves, then those of alerts, then all
// streams, for which no partition is moved.
func nextMove(placed map[string][]Copy) Move {
	var partitions, alerts, others []string
	for _, name := range slices.Sorted(maps.Keys(placed)) {
		switch {
		case isMT(name):
			partitions = append(partitions, name)
		case isDispatch(name):
			alerts = append(alerts, name)
		default:
			others = append(others, name)
		}
	}
	for _, group := range [][]string{partitions, alerts} {
		if m := moveAmong(placed, group, leaders(placed, group)); m.Stream != "" {
			return m
		}
	}
	if len(alerts) == 1 { // not partitioned
		others = append(others, alerts...)
	}
	return moveAmong(placed, others, leaders(placed, slices.Sorted(maps.Keys(placed))))
}

// leaders counts, for each server that has a copy of anything, how many of the streams it leads.
func leaders(placed map[string][]Copy, streams []string) map[string]int {
	count := make(map[string]int)
	for _, copies := range placed {
		for _, c := range copies {
			count[c.Server] += 0
		}
	}
	for _, name := range streams {
		if copies := placed[name]; len(copies) > 0 {
			count[copies[0].Server]++
		}
	}
	return count
}

// moveAmong returns a move of one of the streams from a server that leads more to one that leads at least two fewer. A stream
// with a copy that lacks something stays where it is.
func moveAmong(placed map[string][]Copy, streams []string, count map[string]int) Move {
	var best Move
	gain := 1
	for _, name := range streams {
		copies := placed[name]
		if slices.ContainsFunc(copies, func(c Copy) bool { return !c.Current }) {
			continue
		}
		for _, to := range slices.SortedFunc(slices.Values(copies), func(a, b Copy) int { return cmp.Compare(a.Server, b.Server) }) {
			if d := count[copies[0].Server] - count[to.Server]; !to.Leader && d > gain {
				best, gain = Move{name, copies[0].Server, to.Server}, d
			}
		}
	}
	return best
}

// stepDown has the leader of a stream, or of a durable (kind CONSUMER, name STREAM.DURABLE), hand over to the server. One that has
// just lost the lead does not answer.
func (b *Bus) stepDown(ctx context.Context, kind, name, to string) error {
	ask := map[string]any{"placement": map[string]string{"preferred": to}}
	body, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, "$JS.API."+kind+".LEADER.STEPDOWN."+name, body)
	if err != nil {
		return err
	}
	var reply struct {
		Success bool `json:"success"`
		Error   *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return fmt.Errorf("answer not understood: %w", err)
	}
	if reply.Error != nil {
		return errors.New(reply.Error.Description)
	}
	if !reply.Success {
		return errors.New("the server did not do it")
	}
	return nil
}
