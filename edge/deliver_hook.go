package edge

import "tasman/configs"

// callMoreLocked starts webhook calls, as many as there is work for and as are allowed.
func (o *outlet) callMoreLocked() {
	for o.calls < webhookCalls && o.calls < o.hook.count {
		o.calls++
		o.deliverer.work.Go(o.callWebhook)
	}
}

// callWebhook calls the webhook as long as something waits for it.
func (o *outlet) callWebhook() {
	d := o.deliverer
	stats := d.edge.stats.delivered
	for {
		o.mu.Lock()
		it := o.hook.pop()
		if it == nil {
			o.calls--
			o.mu.Unlock()
			return
		}
		o.takeOffLocked(it, byWebhook)
		o.mu.Unlock()
		account := d.edge.live.Load().Accounts[o.account]
		if account == nil {
			account = &configs.Account{Name: o.account}
		}
		err := d.edge.hooks.Send(d.ctx, account, it.delivery)
		o.land(it, byWebhook, err == nil)
		if err != nil {
			stats.WithLabelValues("webhook", "later").Inc()
			d.edge.log.Debug("webhook did not take a delivery", "account", o.account, "id", it.delivery.ID.String(), "err", err)
			o.fail(byWebhook, it)
			continue
		}
		stats.WithLabelValues("webhook", "taken").Inc()
		it.owner.taken(it)
	}
}
