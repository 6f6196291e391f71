package core

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

// answer serves questions about messages.
func (c *Core) answer(ctx context.Context) error {
	g, ctx := groupOf(ctx)
	g.Go(func() error { return c.bus.Serve(ctx, index.StatusSubject, replyIn(c.status)) })
	g.Go(func() error { return c.bus.Serve(ctx, index.RecentSubject, reply(c.recent)) })
	g.Go(func() error { return c.bus.Serve(ctx, index.CancelSubject, replyIn(c.cancel)) })
	g.Go(func() error { return c.bus.Serve(ctx, index.ReplaceSubject, replyIn(c.replace)) })
	return g.Wait()
}

// answerKeys serves questions about idempotency keys; one node does, so that a claim is a claim.
func (c *Core) answerKeys(ctx context.Context, _ *streams.Lease) error {
	if err := c.barrier(ctx); err != nil { // keys accepted before must be known
		return err
	}
	return c.bus.Serve(ctx, index.KeySubject, reply(c.key))
}

// reply turns a typed answer into one over bytes.
func reply[Request, Reply any](fn func(Request) (Reply, error)) func(context.Context, []byte) ([]byte, error) {
	return replyIn(func(_ context.Context, req Request) (Reply, error) { return fn(req) })
}

// replyIn is reply for an answer that takes time.
func replyIn[Request, Reply any](fn func(context.Context, Request) (Reply, error)) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, body []byte) ([]byte, error) {
		var req Request
		if err := json.Unmarshal(body, &req); err != nil {
			return nil, fmt.Errorf("decode question: %w", err)
		}
		out, err := fn(ctx, req)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

// fresh is how young a message is that this node's index may not know yet, though it was accepted.
const fresh = time.Minute

// known looks for a message, and looks again behind a barrier when it is not known, or not all of it, and it may be new: an edge may
// have had it accepted a moment ago, and the streams are read side by side. look reports whether it is known.
func (c *Core) known(ctx context.Context, id sms.ID, look func() (bool, error)) error {
	found, err := look()
	if err != nil || found || time.Since(id.Time()).Abs() > fresh {
		return err
	}
	if err := c.index.Barrier(ctx); err != nil {
		return err
	}
	_, err = look()
	return err
}

func (c *Core) status(ctx context.Context, req index.StatusRequest) (index.StatusReply, error) {
	var story index.Story
	var ok bool
	err := c.known(ctx, req.ID, func() (_ bool, err error) {
		story, ok, err = c.index.Story(req.ID)
		return story.Message.Account != "" && !story.Partial, err
	})
	if err != nil || !ok || (req.Account != "" && story.Message.Account != req.Account) {
		return index.StatusReply{}, err
	}
	return index.StatusReply{Found: true, Story: story}, nil
}

func (c *Core) recent(req index.RecentRequest) (index.RecentReply, error) {
	stories, err := c.index.Recent(min(max(req.Limit, 1), 200), req.Before, req.Account)
	return index.RecentReply{Stories: stories}, err
}

// key decides about a request with an idempotency key. Known beats claimed: an accepted request is in the index soon.
func (c *Core) key(req index.KeyRequest) (index.KeyReply, error) {
	if req.Release {
		c.keys.release(req.Account, req.Key)
		return index.KeyReply{Verdict: index.KeyGo}, nil
	}
	entry, ok, err := c.index.Key(req.Account, req.Key)
	if err != nil {
		return index.KeyReply{}, err
	}
	if ok && len(entry.IDs) == entry.Count {
		if !bytes.Equal(entry.Hash, req.Hash) {
			return index.KeyReply{Verdict: index.KeyConflict}, nil
		}
		messages, err := c.messages(entry.IDs)
		return index.KeyReply{Verdict: index.KeyKnown, Messages: messages}, err
	}
	if ok || !c.keys.claim(req.Account, req.Key, req.By) {
		return index.KeyReply{Verdict: index.KeyInFlight}, nil
	}
	return index.KeyReply{Verdict: index.KeyGo}, nil
}

func (c *Core) messages(ids []sms.ID) ([]sms.Message, error) {
	out := make([]sms.Message, 0, len(ids))
	for _, id := range ids {
		story, ok, err := c.index.Story(id)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("message %s of a known key is not in the index", id)
		}
		out = append(out, story.Message)
	}
	return out, nil
}

// keyClaims holds the keys of requests that are being accepted. A claim lapses by itself when its edge dies.
type keyClaims struct {
	now    func() time.Time
	mu     sync.Mutex
	claims map[string]keyClaim
	swept  time.Time
}

// keyClaim is a claim of one asker, who may not have heard that it is his.
type keyClaim struct {
	until time.Time
	by    string
}

const claimFor = 30 * time.Second // longer than any accept takes

func newKeyClaims(now func() time.Time) *keyClaims {
	return &keyClaims{now: now, claims: map[string]keyClaim{}}
}

func (k *keyClaims) claim(account, key, by string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if now.Sub(k.swept) > claimFor {
		k.swept = now
		for name, held := range k.claims {
			if now.After(held.until) {
				delete(k.claims, name)
			}
		}
	}
	name := account + "\x00" + key
	if held, ok := k.claims[name]; ok && now.Before(held.until) && (by == "" || held.by != by) {
		return false
	}
	k.claims[name] = keyClaim{now.Add(claimFor), by}
	return true
}

func (k *keyClaims) release(account, key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.claims, account+"\x00"+key)
}
