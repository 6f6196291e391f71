package streams

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"tasman/sms"
)

// With hundreds of queues busy a few have a batch in flight at a time, in turn; alerts wait for no turn, and a batch that is refused, or
// a queue that has nothing left to send, keeps nobody waiting.
func TestQueuesTakeTurns(t *testing.T) {
	b := openBus(t, "")
	check(t, b.js.DeleteStream(timeout(t), Dispatch))
	seen := make(chan *nats.Msg, 1000)
	server, err := b.nc.ChanSubscribe("dispatch.>", seen) // in its place
	check(t, err)
	defer func() { _ = server.Unsubscribe() }()
	next := func() *nats.Msg {
		t.Helper()
		select {
		case m := <-seen:
			return m
		case <-timeout(t).Done():
			t.Fatal("nobody publishes")
		}
		return nil
	}

	const queues = 5 * turnsMost
	told := make(chan error, 3*queues)
	publish := func(subject string) {
		t.Helper()
		check(t, b.Publish(timeout(t), subject, message("x"), func(_ Placed, err error) { told <- err }))
	}
	for i := range queues {
		publish(DispatchSubject(fmt.Sprint("c", i), sms.Normal))
	}
	publish(DispatchSubject("one", sms.Alert))
	var flying []*nats.Msg
	for i := range turnsMost {
		m := next()
		if want := DispatchSubject(fmt.Sprint("c", i), sms.Normal); m.Subject != want {
			t.Errorf("%d: %s flies, want %s", i, m.Subject, want)
		}
		flying = append(flying, m)
	}
	if m := next(); m.Subject != DispatchSubject("one", sms.Alert) {
		t.Fatalf("%s flies beside %d others", m.Subject, turnsMost)
	} else {
		check(t, m.Respond([]byte(`{"stream":"DISPATCH","seq":1}`)))
	}
	publish(DispatchSubject("c0", sms.Normal)) // behind its first one: it waits for those that asked before

	refused := 0
	for i := turnsMost; len(flying) > 0; i++ {
		m := flying[0]
		flying = flying[1:]
		if i%3 == 0 {
			refused++
			check(t, m.Respond([]byte(`{"stream":"DISPATCH","error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}`)))
		} else {
			check(t, m.Respond(fmt.Appendf(nil, `{"stream":"DISPATCH","seq":%d}`, i)))
		}
		if i > queues {
			continue // all have had a turn
		}
		want := DispatchSubject(fmt.Sprint("c", i), sms.Normal)
		if i == queues {
			want = DispatchSubject("c0", sms.Normal)
		}
		m = next()
		if m.Subject != want {
			t.Errorf("%s flies, want %s", m.Subject, want)
		}
		flying = append(flying, m)
	}
	failed := 0
	for range queues + 2 {
		if err := <-told; errors.Is(err, ErrFull) {
			failed++
		} else if err != nil {
			t.Error(err)
		}
	}
	if failed != refused {
		t.Errorf("%d refused, want %d", failed, refused)
	}
	b.pub.mu.Lock()
	turns := b.pub.turns[Dispatch]
	b.pub.mu.Unlock()
	turns.mu.Lock()
	defer turns.mu.Unlock()
	if turns.out != 0 || len(turns.waiting) != 0 {
		t.Errorf("%d turns are out and %d wait when all is told", turns.out, len(turns.waiting))
	}
}
