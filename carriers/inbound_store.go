package carriers

import (
	"context"
	"errors"

	"tasman/smpp"
	"tasman/sms"
	"tasman/streams"
)

// arrival is a request of the carrier and what it brings.
type arrival struct {
	request *smpp.Request
	in      *sms.Inbound
}

// atOnce has ended: what gets it does not wait for room.
var atOnce = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// arrived stores what came without waiting, and has it wait its turn elsewhere where there is no room: on the session's reader it
// would keep the carrier's enquire_link and the answers to our submits waiting too, until these count as unknown and are sent
// twice.
func (h *inbound) arrived(a arrival) {
	h.mu.Lock()
	behind := h.storing
	h.mu.Unlock()
	if behind {
		h.later(a)
		return
	}
	h.store(atOnce, a.in, func(err error) {
		if errors.Is(err, context.Canceled) {
			h.later(a)
			return
		}
		h.answer(a.request, err)
	})
}

// later stores in order what found no room, each for as long as its carrier may wait. The worker waits for it at its end.
func (h *inbound) later(a arrival) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		h.answer(a.request, h.ctx.Err())
		return
	}
	h.waiting = append(h.waiting, a)
	if !h.storing {
		h.storing = true
		h.w.writers.Go(h.storeWaiting)
	}
}

func (h *inbound) storeWaiting() {
	for {
		h.mu.Lock()
		if len(h.waiting) == 0 {
			h.waiting, h.storing = nil, false
			h.mu.Unlock()
			return
		}
		a := h.waiting[0]
		h.waiting[0] = arrival{}
		h.waiting = h.waiting[1:]
		h.mu.Unlock()
		ctx, cancel := context.WithDeadline(h.ctx, a.in.Received.Add(storeWait))
		h.store(ctx, a.in, func(err error) { h.answer(a.request, err) })
		cancel()
	}
}

// store passes a receipt on whose message the index knows, and leaves an MO, or a receipt of an unknown message, to core. done is
// called once; it gets ctx's error when there was no room for as long as ctx lived.
func (h *inbound) store(ctx context.Context, in *sms.Inbound, done func(error)) {
	if in.Receipt != nil && h.w.index.Ready() == nil && h.w.matcher.ReceiptWithin(ctx, in, done) { // else core matches it
		return
	}
	err := h.w.bus.Publish(ctx, streams.InboundSubject(h.w.name), &sms.Record{Inbound: in}, func(_ streams.Placed, err error) { done(err) })
	if err != nil {
		done(err)
	}
}

// answer tells the carrier that what it sent is stored, or that it must come again.
func (h *inbound) answer(r *smpp.Request, err error) {
	switch {
	case err == nil:
		r.Reply(smpp.StatusOK, nil)
	case errors.Is(err, context.DeadlineExceeded):
		r.Reply(smpp.StatusMessageQueueFull, nil)
	default:
		h.w.log.Warn("not stored: the carrier is asked to repeat it", "link", h.link, "err", err)
		r.Reply(smpp.StatusTemporaryAppError, nil)
	}
}
