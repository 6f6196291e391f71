package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tasman/smpp"
)

// operator is a carrier that remembers every submit by its text, answers after a while, and sends receipts until they are
// taken, as operators do.
type operator struct {
	server   *smpp.Server
	addr     string
	ids      atomic.Uint64
	prefix   string
	mu       sync.Mutex
	seen     map[string]int // submits by text
	sessions map[*smpp.Session]bool
	owed     chan *smpp.DeliverSM
	wg       sync.WaitGroup
	stop     context.CancelFunc
}

func newOperator(t *testing.T, prefix string) *operator {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := &operator{addr: l.Addr().String(), prefix: prefix, seen: map[string]int{}, sessions: map[*smpp.Session]bool{},
		owed: make(chan *smpp.DeliverSM, 100_000), stop: cancel}
	o.server = &smpp.Server{Log: slog.New(slog.DiscardHandler), OnSession: o.bound, Options: smpp.Options{MaxPending: 1000, Window: 100},
		Bind: func(context.Context, *smpp.BindRequest, net.Addr) (smpp.Handler, error) {
			return smpp.HandlerFunc(o.serve), nil
		}}
	o.wg.Go(func() {
		if err := o.server.Serve(l); !errors.Is(err, smpp.ErrServerClosed) {
			t.Errorf("operator: %v", err)
		}
	})
	for range 8 {
		o.wg.Go(func() { o.sendReceipts(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		o.server.Close()
		o.wg.Wait()
	})
	return o
}

func (o *operator) bound(s *smpp.Session) {
	o.mu.Lock()
	o.sessions[s] = true
	o.mu.Unlock()
	o.wg.Go(func() {
		<-s.Done()
		o.mu.Lock()
		delete(o.sessions, s)
		o.mu.Unlock()
	})
}

func (o *operator) serve(r *smpp.Request) {
	m, ok := r.PDU().(*smpp.SubmitSM)
	if !ok {
		r.Reply(smpp.StatusInvalidCommandID, nil)
		return
	}
	o.mu.Lock()
	o.seen[string(m.ShortMessage)]++
	o.mu.Unlock()
	id := fmt.Sprintf("%s%08d", o.prefix, o.ids.Add(1))
	receipt := &smpp.DeliverSM{ESMClass: 0x04, Source: m.Destination, Destination: m.Source,
		ShortMessage: fmt.Appendf(nil, "id:%s sub:001 dlvrd:001 submit date:2611210500 done date:2611210500 stat:DELIVRD err:000 text:", id)}
	time.AfterFunc(15*time.Millisecond, func() { // an operator takes its time: a window is in flight whenever the worker dies
		r.Reply(smpp.StatusOK, &smpp.SubmitSMResp{MessageID: id})
		o.owed <- receipt
	})
}

// sendReceipts delivers on any session until the gateway says that it has the receipt.
func (o *operator) sendReceipts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-o.owed:
			for ctx.Err() == nil {
				if s := o.session(ctx); s != nil && s.Deliver(ctx, d) == nil {
					break
				}
			}
		}
	}
}

// session returns a bound session, or nil after waiting a little for one.
func (o *operator) session(ctx context.Context) *smpp.Session {
	o.mu.Lock()
	defer o.mu.Unlock()
	for s := range o.sessions {
		return s
	}
	o.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Millisecond):
	}
	o.mu.Lock()
	return nil
}

func (o *operator) submits() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := make(map[string]int, len(o.seen))
	for k, v := range o.seen {
		out[k] = v
	}
	return out
}
