package streams

import (
	"testing"
	"time"

	"tasman/sms"
)

// The roles whose readers are alone may find and ask for what came to nobody, and core may fence off those before it, with the
// rights that they have.
func TestRolesMayReclaimAndFence(t *testing.T) {
	g := newGuarded(t)
	core, carriers := g.as(t, "core"), g.as(t, "carriers")
	for range 2 { // the first holder is taken for crashed
		l, err := core.Lease(timeout(t), "core.MT-0", time.Minute)
		check(t, err)
		check(t, core.FenceOff(timeout(t), l))
	}
	n, err := g.bus.countOf(timeout(t), Dispatch, DispatchSubject("two", sms.Bulk))
	if check(t, err); n != 1 {
		t.Errorf("%d fences", n)
	}
	for _, reader := range []struct {
		bus *Bus
		d   Durable
		on  string
	}{
		{core, MTReader(0, sms.Normal), MTSubject(0, sms.Normal)},
		{core, InboundReader(), InboundSubject("one")},
		{core, DueReader(sms.Normal), dueSubject(sms.Normal)},
		{carriers, DispatchReader("one", sms.Normal), DispatchSubject("one", sms.Normal)},
	} {
		t.Run(reader.d.Name, func(t *testing.T) {
			check(t, g.bus.storeRaw(timeout(t), reader.on, encodeBatch(time.Now(), "test", message("lost"))))
			c, err := reader.bus.ConsumeAlone(timeout(t), reader.d, 4)
			check(t, err)
			defer c.Close()
			eventually(t, "the batch is here", func() bool {
				c.mu.Lock()
				defer c.mu.Unlock()
				return len(c.ready) > 0 && fencesOf(c.ready[len(c.ready)-1].Data) == nil // a fence is before it
			})
			c.mu.Lock() // as if it had been lost on its way
			clear(c.open)
			c.ready = nil
			c.mu.Unlock()
			check(t, c.look(timeout(t)))
			check(t, c.look(timeout(t)))
			for {
				batch, err := c.Next(timeout(t))
				check(t, err)
				check(t, batch.Ack())
				if len(batch.Records) > 0 {
					if batch.Records[0].Message.Text != "lost" || batch.Delivered < 2 {
						t.Errorf("got %+v", batch)
					}
					return
				}
			}
		})
	}
}
