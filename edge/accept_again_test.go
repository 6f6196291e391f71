package edge

import (
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// givenMessages returns how many records storage was given.
func (f *fakeStorage) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.given)
}

// What was certainly not stored is given to storage again; the others of the submission are not.
func TestAcceptTriesAgain(t *testing.T) {
	fake := &fakeStorage{}
	e := accepting(t, fake, nil)
	msgs := someMessages(e, 3)
	answers := accept(t, e, msgs)
	fake.answer(0, nil)
	fake.answer(1, streams.ErrUnavailable)
	fake.answer(2, nil)
	waitFor(t, "the second to be given again", func() bool { return fake.count() == 4 })
	if got := fake.given[3].rec.Message.ID; got != msgs[1].ID {
		t.Errorf("given again: %v, want the second", got)
	}
	fake.answer(3, streams.ErrUnavailable)
	waitFor(t, "the second to be given a third time", func() bool { return fake.count() == 5 })
	fake.answer(4, nil)
	if err := awaitAnswer(t, answers); err != nil {
		t.Error(err)
	}
	if ids := fake.withdrawn(); len(ids) != 0 {
		t.Errorf("%d withdrawn", len(ids))
	}
	if n := e.acceptor.waiting(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// A message of which the second try is in doubt is withdrawn, although the first was certainly not stored.
func TestAcceptAgainInDoubt(t *testing.T) {
	fake := &fakeStorage{}
	e := accepting(t, fake, nil)
	msgs := someMessages(e, 1)
	answers := accept(t, e, msgs)
	fake.answer(0, streams.ErrUnavailable)
	waitFor(t, "it to be given again", func() bool { return fake.count() == 2 })
	fake.answer(1, streams.ErrUnknownFate)
	wantRefusal(t, awaitAnswer(t, answers), ReasonUnavailable)
	waitFor(t, "withdrawal", func() bool { return len(fake.withdrawn()) == 1 })
}

// When storage stays away the submission is refused, and nothing has to be withdrawn.
func TestAcceptAgainEnds(t *testing.T) {
	fake := &fakeStorage{}
	e := accepting(t, fake, func(c *Config) { c.AcceptTimeout = 50 * time.Millisecond })
	answers := accept(t, e, someMessages(e, 1))
	for i := 0; ; i++ {
		answered := false
		waitFor(t, "another try or the end", func() bool {
			select {
			case err := <-answers:
				wantRefusal(t, err, ReasonUnavailable)
				answered = true
			default:
			}
			return answered || fake.count() > i
		})
		if answered {
			break
		}
		fake.answer(i, streams.ErrUnavailable)
	}
	if ids := fake.withdrawn(); len(ids) != 0 {
		t.Errorf("%d withdrawn although nothing was stored", len(ids))
	}
	if n := e.acceptor.waiting(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// What storage refuses for good is not tried again.
func TestAcceptFullIsNotTriedAgain(t *testing.T) {
	fake := &fakeStorage{}
	e := accepting(t, fake, nil)
	answers := accept(t, e, someMessages(e, 1))
	fake.answer(0, streams.ErrFull)
	wantRefusal(t, awaitAnswer(t, answers), ReasonQueueFull)
	if n := fake.count(); n != 1 {
		t.Errorf("given %d times", n)
	}
}

// The loss of a server costs customers a little time, no message: acceptance does not wait for an election.
func TestAcceptOutlivesAServer(t *testing.T) {
	cell := streamstest.NewCell(t, streamstest.With(func(c *streams.Config) { c.Partitions = 3 }))
	cell.Balance()
	bus := cell.Connect("edge")
	e, _ := startEdge(t, bus)
	submit := func() {
		t.Helper()
		if err := awaitAnswer(t, accept(t, e, someMessages(e, 1))); err != nil {
			t.Fatalf("refused: %v", err)
		}
	}
	submit()
	cell.Stop(cell.LeaderOf(streams.MTStream(bus.Partition("acme", sms.Normal))))
	submit()
	submit()
}

// A submission whose home partition nobody serves is stored in another.
func TestAcceptMovesToAnotherPartition(t *testing.T) {
	bus := streamstest.New(t, streamstest.With(func(c *streams.Config) { c.Partitions, c.Listen = 2, "127.0.0.1:0" }))
	e, _ := startEdge(t, bus)
	home := bus.Partition("acme", sms.Normal)
	streamstest.RemoveStream(t, bus, streams.MTStream(home))
	if err := awaitAnswer(t, accept(t, e, someMessages(e, 1))); err != nil {
		t.Fatalf("refused: %v", err)
	}
	if now := bus.Partition("acme", sms.Normal); now == home {
		t.Errorf("partition %d is not there and not avoided", home)
	}
}
