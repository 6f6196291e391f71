package streams

import (
	"testing"
	"time"

	"tasman/sms"
)

// What the server believes to be with a reader that is gone comes to the one after it at once, though AckWait is far away, and
// what that one has in hand does not come again.
func TestReaderAloneReclaimsWhatIsWithNobody(t *testing.T) {
	here := openBus(t, "", func(c *Config) { c.Listen, c.AckWait = "127.0.0.1:0", time.Hour })
	far, err := Open(timeout(t), Config{Node: "far", URLs: []string{here.ClientURL()}, Shards: 2, AckWait: time.Hour}, here.log, nil)
	check(t, err)
	defer far.Close(timeout(t))
	queue := DispatchReader("one", sms.Normal)
	gone, err := far.ConsumeAlone(timeout(t), queue, 1)
	check(t, err)
	for _, text := range []string{"in hand", "on its way"} {
		check(t, here.Store(timeout(t), queue.Filter, message(text)))
	}
	_, err = gone.Next(timeout(t)) // the other one is pulled ahead
	check(t, err)
	eventually(t, "both are out", func() bool {
		gone.mu.Lock()
		defer gone.mu.Unlock()
		return len(gone.open) == 2
	})
	far.nc.Close() // the node dies

	c, err := here.ConsumeAlone(timeout(t), queue, 1)
	check(t, err)
	defer c.Close()
	check(t, here.Store(timeout(t), queue.Filter, message("new")))
	held, err := c.Next(timeout(t))
	check(t, err)
	for _, want := range []string{"in hand", "on its way"} {
		batch, err := c.Next(timeout(t))
		check(t, err)
		if got := batch.Records[0].Message.Text; got != want || batch.Delivered < 2 {
			t.Errorf("got %q, delivered %d times, want %q again", got, batch.Delivered, want)
		}
		check(t, batch.Ack())
	}
	check(t, here.Store(timeout(t), queue.Filter, message("last")))
	batch, err := c.Next(timeout(t))
	check(t, err)
	if got := batch.Records[0].Message.Text; got != "last" {
		t.Errorf("got %q, want the last: %q is in hand", got, held.Records[0].Message.Text)
	}
}

func TestSequenceOf(t *testing.T) {
	if seq, ok := sequenceOf("$JS.ACK.DISPATCH.dispatch-one-normal.2.4711.17.1764000000000000000.3"); !ok || seq != 4711 {
		t.Errorf("%d, %t", seq, ok)
	}
	if _, ok := sequenceOf("_INBOX.x.1"); ok {
		t.Error("an inbox has no sequence")
	}
}
