package edge

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"tasman/configs"
	"tasman/sms"
	"tasman/streams"
)

// fakeStorage keeps what it is given until the test answers.
type fakeStorage struct {
	mu       sync.Mutex
	given    []givenRecord
	refuse   error         // of Publish from then on
	after    int           // Publish refuses only when so many were given
	pressure error         // of Pressure
	full     chan struct{} // when set, Publish blocks like a full queue
	events   []*sms.Event  // stored for sure
}

type givenRecord struct {
	rec  sms.Record
	done func(streams.Placed, error)
}

func (f *fakeStorage) Partition(string, sms.Lane) int { return 0 }

func (f *fakeStorage) Pressure() error { return f.pressure }

func (f *fakeStorage) Publish(ctx context.Context, _ string, rec *sms.Record, done func(streams.Placed, error)) error {
	if f.full != nil {
		close(f.full)
		<-ctx.Done()
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil && len(f.given) >= f.after {
		return f.refuse
	}
	f.given = append(f.given, givenRecord{*rec, done})
	return nil
}

func (f *fakeStorage) PublishSure(_ context.Context, _ string, rec *sms.Record, done func(streams.Placed, error)) error {
	f.mu.Lock()
	f.events = append(f.events, rec.Event)
	f.mu.Unlock()
	done(streams.Placed{}, nil)
	return nil
}

// answer tells what became of the i-th record.
func (f *fakeStorage) answer(i int, err error) {
	f.mu.Lock()
	g := f.given[i]
	f.mu.Unlock()
	g.done(streams.Placed{}, err)
}

func (f *fakeStorage) withdrawn() (ids []sms.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.Kind == sms.EventWithdrawn {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// accepting is a bare edge whose acceptor and outbox run.
func accepting(t testing.TB, fake *fakeStorage, change func(*Config)) *Edge {
	t.Helper()
	e := bareEdge(t, liveYAML(t, acme), fake)
	if change != nil {
		change(&e.cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.acceptor.renew(ctx, time.Now())
	var running sync.WaitGroup
	running.Go(func() { e.acceptor.run(ctx) })
	running.Go(func() { e.outbox.run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return e
}

func someMessages(e *Edge, n int) (msgs []*sms.Message) {
	for range n {
		msgs = append(msgs, &sms.Message{ID: e.ids.Next(), Account: "acme", Door: "http", Lane: sms.Normal})
	}
	return msgs
}

// accept calls Accept and returns where its answer comes; a second answer makes the test fail.
func accept(t *testing.T, e *Edge, msgs []*sms.Message) <-chan error {
	answers := make(chan error, 1)
	var once sync.Once
	e.Accept(t.Context(), msgs, func(err error) {
		second := true
		once.Do(func() { answers <- err; second = false })
		if second {
			t.Error("done was called twice")
		}
	})
	return answers
}

func wantRefusal(t *testing.T, err error, reason string) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != reason {
		t.Errorf("got %v, want refusal %s", err, reason)
	}
}

func awaitAnswer(t *testing.T, answers <-chan error) error {
	t.Helper()
	select {
	case err := <-answers:
		return err
	case <-deadline(t).Done():
		t.Fatal("no answer")
		return nil
	}
}

func TestAcceptAnswersAfterTheLastIsStored(t *testing.T) {
	fake := &fakeStorage{}
	e := accepting(t, fake, nil)
	answers := accept(t, e, someMessages(e, 3))
	fake.answer(0, nil)
	fake.answer(2, nil)
	select {
	case err := <-answers:
		t.Fatalf("answered before all are stored: %v", err)
	default:
	}
	fake.answer(1, nil)
	if err := awaitAnswer(t, answers); err != nil {
		t.Error(err)
	}
	if n := e.acceptor.waiting(); n != 0 {
		t.Errorf("%d still wait", n)
	}
	if ids := fake.withdrawn(); len(ids) != 0 {
		t.Errorf("%d withdrawn", len(ids))
	}
}

func TestAcceptRefusesWhenNotStored(t *testing.T) {
	cases := map[string]struct {
		err    error
		reason string
	}{
		"unavailable": {streams.ErrUnavailable, ReasonUnavailable},
		"full":        {streams.ErrFull, ReasonQueueFull},
		"not stored":  {streams.ErrNotStored, ReasonUnavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			fake := &fakeStorage{}
			e := accepting(t, fake, nil)
			e.acceptor.againFor = 0
			msgs := someMessages(e, 2)
			answers := accept(t, e, msgs)
			fake.answer(0, nil)
			fake.answer(1, c.err)
			wantRefusal(t, awaitAnswer(t, answers), c.reason)
			waitFor(t, "the stored one to be withdrawn", func() bool { return len(fake.withdrawn()) == 1 })
			if id := fake.withdrawn()[0]; id != msgs[0].ID {
				t.Errorf("withdrawn %v, want the first", id)
			}
		})
	}
}

func TestAcceptInDoubtWithdraws(t *testing.T) {
	fake := &fakeStorage{}
	e := accepting(t, fake, func(c *Config) { c.AcceptTimeout = time.Millisecond })
	e.acceptor.againFor = 0
	msgs := someMessages(e, 2)
	answers := accept(t, e, msgs)
	fake.answer(0, streams.ErrUnavailable)
	wantRefusal(t, awaitAnswer(t, answers), ReasonUnavailable)
	waitFor(t, "withdrawal", func() bool { return len(fake.withdrawn()) == 1 })
	if id := fake.withdrawn()[0]; id != msgs[1].ID {
		t.Errorf("withdrawn %v, want the one in doubt", id)
	}
	fake.answer(1, nil) // too late: accept's done fails the test if it is called again
	if n := e.acceptor.waiting(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

func TestAcceptQueueOfThePublisherFull(t *testing.T) {
	fake := &fakeStorage{full: make(chan struct{})}
	e := accepting(t, fake, func(c *Config) { c.AcceptTimeout = time.Millisecond })
	answers := accept(t, e, someMessages(e, 1)) // returns when its patience ends
	<-fake.full
	wantRefusal(t, awaitAnswer(t, answers), ReasonUnavailable)
}

func TestAcceptPublishRefusesTheRest(t *testing.T) {
	fake := &fakeStorage{refuse: errors.New("closed"), after: 1}
	e := accepting(t, fake, nil)
	msgs := someMessages(e, 3)
	answers := accept(t, e, msgs)
	fake.answer(0, nil)
	wantRefusal(t, awaitAnswer(t, answers), ReasonUnavailable)
	waitFor(t, "withdrawal", func() bool { return len(fake.withdrawn()) == 1 })
}

func TestAcceptLimits(t *testing.T) {
	t.Run("pressure", func(t *testing.T) {
		fake := &fakeStorage{pressure: streams.ErrFull}
		e := accepting(t, fake, nil)
		wantRefusal(t, awaitAnswer(t, accept(t, e, someMessages(e, 1))), ReasonQueueFull)
		if len(fake.given) != 0 {
			t.Error("published under pressure")
		}
	})
	t.Run("pending", func(t *testing.T) {
		fake := &fakeStorage{}
		e := accepting(t, fake, func(c *Config) { c.MaxPending = 2 })
		first := accept(t, e, someMessages(e, 2))
		wantRefusal(t, awaitAnswer(t, accept(t, e, someMessages(e, 1))), ReasonQueueFull)
		fake.answer(0, nil)
		fake.answer(1, nil)
		if err := awaitAnswer(t, first); err != nil {
			t.Fatal(err)
		}
		second := accept(t, e, someMessages(e, 1))
		fake.answer(2, nil)
		if err := awaitAnswer(t, second); err != nil {
			t.Errorf("no room after the first were stored: %v", err)
		}
	})
	t.Run("rate", func(t *testing.T) {
		fake := &fakeStorage{}
		e := accepting(t, fake, nil)
		swapYAML(t, e.live, 2, "kind: Account\nname: acme\nspec: {rate: 1, burst: 2}\n")
		accept(t, e, someMessages(e, 2))
		err := awaitAnswer(t, accept(t, e, someMessages(e, 1)))
		wantRefusal(t, err, ReasonRate)
		var r *Refusal
		if errors.As(err, &r) && r.RetryAfter() < time.Second {
			t.Errorf("retry after %v", r.RetryAfter())
		}
	})
	t.Run("ended", func(t *testing.T) {
		e := bareEdge(t, configs.NewLive(), &fakeStorage{})
		wantRefusal(t, awaitAnswer(t, accept(t, e, someMessages(e, 1))), ReasonUnavailable)
	})
}
