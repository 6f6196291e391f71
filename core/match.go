package core

import (
	"context"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// lookAgain says how long a receipt without a message waits before each further look: early ones are found at the first,
// then come those whose message is in a stream that an index rebuild has not reached. After the last it is orphaned.
var lookAgain = [...]time.Duration{500 * time.Millisecond, 2 * time.Second, 10 * time.Second, time.Minute, 10 * time.Minute,
	time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour}

// unclaimed is the account under which MOs are parked that no number belongs to: an operator can see them with "tasman
// streams cat DELIVER". No resource can have this name, so nobody's bind is given them.
const unclaimed = "_unclaimed"

// readInbound matches what carriers could not.
func (c *Core) readInbound(ctx context.Context, lease *streams.Lease) error {
	if err := c.barrier(ctx); err != nil {
		return err
	}
	return c.read(ctx, lease, streams.InboundReader(), func(ctx context.Context, b *streams.Batch, o *outputs) error {
		if b.Delivered > 1 {
			if err := c.barrier(ctx); err != nil {
				return err
			}
		}
		for i := range b.Records {
			if in := b.Records[i].Inbound; in != nil {
				if err := c.matchOne(ctx, in, o); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (c *Core) matchOne(ctx context.Context, in *sms.Inbound, o *outputs) error {
	if in.MO != nil {
		return c.matchMO(ctx, in, o)
	}
	if in.Receipt == nil {
		return nil
	}
	o.left.Add(1)
	found := c.matcher.Receipt(ctx, in, func(err error) {
		if err != nil {
			o.lost.Store(true)
		}
		o.finish()
	})
	if found {
		c.metrics.matched.WithLabelValues("receipt").Inc()
		return nil
	}
	defer o.finish()
	return c.parkReceipt(ctx, in, o)
}

// parkReceipt keeps a receipt whose message is not known for SCHEDULE, to look again later.
func (c *Core) parkReceipt(ctx context.Context, in *sms.Inbound, o *outputs) error {
	if in.Tries >= len(lookAgain) {
		c.metrics.matched.WithLabelValues("orphaned").Inc()
		return o.publish(ctx, streams.EventSubject(Role), &sms.Record{Event: &sms.Event{Kind: sms.EventOrphaned, Time: in.Received,
			Node: c.cfg.Node, Carrier: in.Carrier, Link: in.Link, State: in.Receipt.State, Error: in.Receipt.Error,
			CarrierIDs: []string{in.Receipt.CarrierID}, Source: in.Source, Destination: in.Dest, Reason: "no message with this id of the carrier"}})
	}
	c.metrics.matched.WithLabelValues("parked").Inc()
	later := *in
	later.Tries++
	o.hold(time.Now().Add(lookAgain[in.Tries]), sms.Normal, &sms.Record{Inbound: &later}, nil)
	return nil
}

// matchMO hands an MO over, or has it joined with others first.
func (c *Core) matchMO(ctx context.Context, in *sms.Inbound, o *outputs) error {
	p, err := c.index.Progress(in.MO.ID)
	if err != nil {
		return err
	}
	if p.Known { // a repeated batch: this MO is on its way
		return nil
	}
	joins, err := c.joinsMO(in.MO)
	if err != nil {
		return err
	}
	if joins { // the node that reads what is due sees those of all carriers
		o.hold(time.Now().Truncate(slotWidth), sms.Normal, &sms.Record{Inbound: in}, nil)
		return nil
	}
	return c.passMO(ctx, in, o)
}

// ownerOf finds whose reply an MO is: the account of the number it was sent to, else the one that wrote to the handset from
// that number last; "" when nobody did.
func (c *Core) ownerOf(mo *sms.MO) (account, integration string, err error) {
	if number, _, ok := c.live.Load().Number(mo.Destination); ok {
		return number.Account, number.Integration, nil
	}
	_, account, _, err = c.index.LastMT(mo.Destination, mo.Source)
	return account, "", err
}

// passMO stores an MO for its customer.
func (c *Core) passMO(ctx context.Context, in *sms.Inbound, o *outputs) error {
	d := &sms.Delivery{ID: in.MO.ID, Lane: sms.Normal, Carrier: in.Carrier, Link: in.Link, Node: c.cfg.Node, Source: in.MO.Source,
		Destination: in.MO.Destination, Segments: max(1, len(in.MO.Parts)), Time: in.Received, MO: readable(in.MO)}
	var err error
	if d.Account, d.Integration, err = c.ownerOf(in.MO); err != nil {
		return err
	}
	if d.Account == "" {
		c.metrics.matched.WithLabelValues("unclaimed").Inc()
		d.Account = unclaimed
		return o.publish(ctx, streams.ParkedSubject(unclaimed), &sms.Record{Delivery: d})
	}
	c.metrics.matched.WithLabelValues("mo").Inc()
	return o.publish(ctx, streams.DeliverSubject(c.bus.Shard(d.Account), sms.Normal), &sms.Record{Delivery: d})
}
