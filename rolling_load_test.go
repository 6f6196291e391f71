package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tasman/smpp"
)

// rollingLoad are the customers of a mesh that restarts: SMPP clients with a bind on each edge, which bind again when it
// ends, and HTTP clients that keep their connections.
type rollingLoad struct {
	t *testing.T
	m *rolling
	tally
	patient         bool // who is told "not now" tries again, instead of complaining
	binds           []*rollingBind
	cancel          context.CancelFunc // of binds
	quit            chan struct{}      // ends the senders
	once            sync.Once
	senders, others sync.WaitGroup
	open            sync.WaitGroup // submits without an answer
	turn            atomic.Int64
}

// throttlePause is how long a patient customer waits before it tries again.
const throttlePause = 100 * time.Millisecond

// rollingBind is one bind, now and then without a session.
type rollingBind struct {
	addr    string
	session atomic.Pointer[smpp.Session]
}

func newRollingLoad(t *testing.T, m *rolling) *rollingLoad {
	l := &rollingLoad{t: t, m: m, quit: make(chan struct{}),
		tally: tally{accepted: map[string]string{}, receipts: map[string]int{}, more: make(chan struct{})}}
	for _, n := range m.nodes {
		if n.smpp != "" {
			l.binds = append(l.binds, &rollingBind{addr: n.smpp})
		}
	}
	return l
}

// run starts the load; it ends with the test at the latest.
func (l *rollingLoad) run() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for _, b := range l.binds {
		l.others.Go(func() { l.keepBound(ctx, b) })
	}
	const each = rollingRate / 4
	for i := range 2 {
		l.senders.Go(func() { l.pace(each, func(n int) { l.submit(ctx, fmt.Sprintf("s%d-%06d", i, n)) }) })
		l.senders.Go(func() { l.postAll(each, i) })
	}
	l.t.Cleanup(func() { l.end() })
}

func (l *rollingLoad) end() {
	l.once.Do(func() { close(l.quit) })
	l.cancel()
	l.senders.Wait()
	l.others.Wait()
}

// pace calls fn so many times a second.
func (l *rollingLoad) pace(rate int, fn func(n int)) {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-l.quit:
			return
		case <-tick.C:
			fn(n)
		}
	}
}

// keepBound binds, and binds again when the session ends.
func (l *rollingLoad) keepBound(ctx context.Context, b *rollingBind) {
	for ctx.Err() == nil {
		s, err := smpp.Dial(ctx, b.addr, smpp.BindRequest{Mode: smpp.BindTransceiver, SystemID: "acme", Password: "secret12", InterfaceVersion: smpp.Version34},
			smpp.Options{Window: 50, Handler: smpp.HandlerFunc(l.receive)})
		var refused smpp.Status
		if errors.As(err, &refused) {
			l.complain("bind refused: %v", err)
		}
		if err != nil { // nobody listens: it comes back
			pauseFor(ctx, 50*time.Millisecond)
			continue
		}
		b.session.Store(s)
		select {
		case <-s.Done():
			if !errors.Is(s.Err(), smpp.ErrUnbound) {
				l.complain("session ended with %v", s.Err())
			}
		case <-ctx.Done():
			s.Close()
			<-s.Done()
		}
		b.session.CompareAndSwap(s, nil)
	}
}

// receive takes receipts.
func (l *rollingLoad) receive(r *smpp.Request) {
	d, ok := r.PDU().(*smpp.DeliverSM)
	if receipt, is := d.Receipt(); ok && is {
		l.mu.Lock()
		l.receipts[receipt.MessageID]++
		l.mu.Unlock()
	}
	r.Reply(smpp.StatusOK, nil)
}

// submit sends one message on any session; one that is about to end passes it on.
func (l *rollingLoad) submit(ctx context.Context, text string) {
	pdu := &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"},
		RegisteredDelivery: 1, ShortMessage: []byte(text)}
	l.open.Add(1)
	for ctx.Err() == nil {
		s := l.binds[int(l.turn.Add(1))%len(l.binds)].session.Load()
		if s == nil {
			pauseFor(ctx, time.Millisecond)
			continue
		}
		if err := s.Send(ctx, pdu, nil, func(o smpp.Outcome) { l.answered(ctx, text, o) }); err == nil {
			return
		}
	}
	l.open.Done()
}

func (l *rollingLoad) answered(ctx context.Context, text string, o smpp.Outcome) {
	defer l.open.Done()
	if l.patient && o.Kind == smpp.Answered && o.Status == smpp.StatusThrottled {
		l.open.Go(func() { // not on the session's goroutine
			pauseFor(ctx, throttlePause)
			l.submit(ctx, text)
		})
		return
	}
	resp, ok := o.Resp.(*smpp.SubmitSMResp)
	if o.Kind != smpp.Answered || o.Status != smpp.StatusOK || !ok {
		l.complain("submit_sm %s: %v %v %v", text, o.Kind, o.Status, o.Err)
		return
	}
	l.accept(text, resp.MessageID, true)
}

// postAll is one HTTP client.
func (l *rollingLoad) postAll(rate, i int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	var doors []string
	for _, n := range l.m.nodes {
		if n.http != "" {
			doors = append(doors, n.http)
		}
	}
	l.pace(rate, func(n int) {
		text := fmt.Sprintf("h%d-%06d", i, n)
		for try := n; ; try++ {
			again, err := l.post(client, doors[try%len(doors)], text)
			if again {
				continue
			}
			if err != nil {
				l.complain("POST %s: %v", text, err)
			}
			return
		}
	})
}

// post submits one message. again says that nobody listened at this door, or that the door did not answer: as a message goes
// under an idempotency key it may be submitted again.
func (l *rollingLoad) post(client *http.Client, addr, text string) (again bool, err error) {
	return l.postBody(client, addr, text, fmt.Sprintf(`{"from":"TASMAN","to":"+64211234567","text":%q,"receipt":"none"}`, text))
}

// postBody is post of a request of one's own.
func (l *rollingLoad) postBody(client *http.Client, addr, text, body string) (again bool, err error) {
	req, err := http.NewRequest(http.MethodPost, "http://"+addr+"/v1/messages", bytes.NewReader([]byte(body)))
	if err != nil {
		return false, err
	}
	for k, v := range map[string]string{"Authorization": "Bearer 0123456789abcdef-rolling", "Content-Type": "application/json", "Idempotency-Key": text} {
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		var op *net.OpError
		if !errors.As(err, &op) || op.Op != "dial" {
			l.t.Logf("POST %s: again elsewhere after %v", text, err)
		}
		return true, nil
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return true, nil
	}
	var answer struct{ Messages []shown }
	if resp.StatusCode == http.StatusConflict {
		return true, nil
	}
	if l.patient && resp.StatusCode == http.StatusServiceUnavailable {
		pauseFor(req.Context(), throttlePause)
		return true, nil
	}
	if err := json.Unmarshal(raw, &answer); err != nil || resp.StatusCode != http.StatusAccepted || len(answer.Messages) != 1 {
		return false, fmt.Errorf("%d %s", resp.StatusCode, raw)
	}
	l.accept(text, answer.Messages[0].ID, false)
	return false, nil
}

// awaitMore waits until n more messages were accepted.
func (l *rollingLoad) awaitMore(n int) {
	l.t.Helper()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	want := -1
	for {
		l.mu.Lock()
		have, more := len(l.accepted), l.more
		l.mu.Unlock()
		if want < 0 {
			want = have + n
		}
		if have >= want {
			return
		}
		select {
		case <-more:
		case <-timeout.C:
			l.t.Fatalf("no messages are accepted any more; refused: %v", l.refused)
		}
	}
}

// stop ends the load and waits for its answers. The binds stay, for receipts.
func (l *rollingLoad) stop() {
	l.once.Do(func() { close(l.quit) })
	l.senders.Wait()
	l.open.Wait()
}

// check compares what the customers were told with what the operator got, and the receipts with what they asked for.
func (l *rollingLoad) check(op *operator) {
	t := l.t
	t.Helper()
	for _, r := range l.refused {
		t.Errorf("refused: %s", r)
	}
	begun := time.Now()
	eventually(t, "every message reaches the operator", 60*time.Second, func() error {
		seen := op.submits()
		for text, id := range l.accepted {
			if seen[text] == 0 {
				return fmt.Errorf("%s, accepted as %s, is not there", text, id)
			}
		}
		return nil
	})
	t.Logf("the last message came %v after the load", time.Since(begun).Round(time.Millisecond))
	l.checkRepeats(op)
	eventually(t, "every receipt comes", 60*time.Second, func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.receipts) < l.bySMPP {
			return fmt.Errorf("%d receipts of %d", len(l.receipts), l.bySMPP)
		}
		return nil
	})
	t.Logf("the last receipt came %v after the load", time.Since(begun).Round(time.Millisecond))
	l.mu.Lock()
	defer l.mu.Unlock()
	twice := 0
	for _, n := range l.receipts {
		twice += n - 1
	}
	if twice > 0 { // a server that stops may forget an ack: what a customer gets is repeated then, never lost
		t.Logf("%d receipts came twice", twice)
	}
	if len(l.accepted) < 500 {
		t.Errorf("only %d messages were accepted: no load", len(l.accepted))
	}
	t.Logf("%d messages accepted, %d of them by SMPP", len(l.accepted), l.bySMPP)
}

// checkRepeats has nothing be submitted twice, but where the cell stood still for so long, on a machine with too much to do, that
// the owner of the carrier could not renew its lease: the next one cannot know what became of what was under way, and says so.
func (l *rollingLoad) checkRepeats(op *operator) {
	l.t.Helper()
	lost := strings.Count(l.m.workers(), "lease of the carrier lost")
	if lost > 0 {
		l.t.Logf("the carrier's lease was lost %d times", lost)
	}
	for text, n := range op.submits() {
		id, accepted := l.accepted[text]
		switch {
		case !accepted:
			l.t.Errorf("%s, that was refused, was submitted %d times", text, n)
		case n == 1:
		default:
			if records := l.m.records(l.t, id); lost == 0 || !strings.Contains(records, `"PossibleDuplicate":true`) {
				l.t.Errorf("%s was submitted %d times, with %d leases lost:\n%s%s", text, n, lost, records, l.m.workers())
			}
		}
	}
}
