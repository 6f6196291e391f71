package streams

import (
	"context"
	"encoding/json"
	"fmt"

	"tasman/sms"
)

// drainRecords is from how many records on DrainParked hands over: what was parked one by one goes together, enough to fill
// the windows of several sessions.
const drainRecords = 400

// DrainParked gives fn what waits for an account, in order, up to what is there now: whole batches, small ones together, some
// hundred records at a time. When fn returns nil they are removed. It stops at the first error of fn, returns it, and keeps
// all that this call was about; so after an error or a crash some come again. It returns how many records fn took. One caller
// per account at a time.
func (b *Bus) DrainParked(ctx context.Context, account string, fn func(recs []sms.Record) error) (int, error) {
	subject := ParkedSubject(account)
	var recs []sms.Record
	var upTo uint64 // 0: nothing was read since the last hand-over
	taken := 0
	hand := func() error {
		if len(recs) > 0 {
			if err := fn(recs); err != nil {
				return err
			}
		}
		if upTo == 0 {
			return nil
		}
		taken += len(recs)
		err := b.drained(ctx, account, upTo)
		recs, upTo = nil, 0
		return err
	}
	err := b.scan(ctx, Deliver, subject, 0, func(batch *Batch, raw []byte) error {
		if len(batch.Records) == 0 { // cannot be read: stops nobody and is not lost
			if err := b.storeRaw(ctx, undecodableSubject, raw); err != nil {
				return err
			}
		}
		recs, upTo = append(recs, batch.Records...), batch.Seq
		if len(recs) < drainRecords {
			return nil
		}
		return hand()
	})
	if err == nil {
		err = hand()
	}
	if err != nil {
		return taken, fmt.Errorf("drain parked: %w", err)
	}
	return taken, nil
}

// drainedSubject is the question by which a node that may not purge has removed what it drained.
const drainedSubject = "drained"

// drainedRequest says what of an account's parked deliveries was handed over: those up to a sequence of DELIVER.
type drainedRequest struct {
	Account string `json:"account"`
	UpTo    uint64 `json:"up_to"`
}

// drained removes what was handed over: itself where the server is this process's or everybody may do all, else by way of role
// streams.
func (b *Bus) drained(ctx context.Context, account string, upTo uint64) error {
	if b.srv != nil || b.cfg.anonymous() {
		_, err := b.purge(ctx, Deliver, ParkedSubject(account), upTo)
		return err
	}
	req, err := json.Marshal(drainedRequest{account, upTo})
	if err != nil {
		return err
	}
	_, err = b.Ask(ctx, drainedSubject, req)
	return err
}

// RunDrains removes what nodes without the right to purge have drained, until ctx ends, whose error it returns. Role streams
// runs it.
func (b *Bus) RunDrains(ctx context.Context) error {
	return b.Serve(ctx, drainedSubject, func(ctx context.Context, raw []byte) ([]byte, error) {
		var req drainedRequest
		if err := json.Unmarshal(raw, &req); err != nil {
			return nil, fmt.Errorf("drained: %w", err)
		}
		if req.Account == "" || req.UpTo == 0 {
			return nil, fmt.Errorf("drained: an account and a sequence are needed")
		}
		_, err := b.purge(ctx, Deliver, ParkedSubject(req.Account), req.UpTo)
		return nil, err
	})
}
