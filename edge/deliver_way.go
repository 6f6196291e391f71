package edge

import (
	"tasman/configs"
	"tasman/sms"
)

// way is how a delivery gets to its customer.
type way uint8

const (
	nowhere way = iota // the account has no way at all
	bySession
	byWebhook
)

// other returns the other of the two ways.
func (w way) other() way {
	switch w {
	case bySession:
		return byWebhook
	case byWebhook:
		return bySession
	}
	return nowhere
}

// wayOf decides how a delivery gets to its customer under the present configuration. What was submitted with an API key or
// by mail goes to the webhook, as does all of an account without SMPP users; the rest to a session.
func (d *deliverer) wayOf(x *sms.Delivery) way {
	snapshot := d.edge.live.Load()
	account := snapshot.Accounts[x.Account]
	if account == nil {
		return bySession // not known here yet, perhaps: it is parked
	}
	users := d.usersOf(snapshot, x.Account)
	if d.edge.hooks.Wants(account, x) && (len(users) == 0 || x.Integration != "" && !users[x.Integration]) {
		return byWebhook
	}
	if len(users) == 0 {
		return nowhere
	}
	return bySession
}

// directory lists the SMPP users of each account, by resource name, for one snapshot.
type directory struct {
	snapshot *configs.Snapshot
	users    map[string]map[string]bool
}

// usersOf returns the names of an account's SMPP users.
func (d *deliverer) usersOf(snapshot *configs.Snapshot, account string) map[string]bool {
	known := d.directory.Load()
	if known == nil || known.snapshot != snapshot {
		known = &directory{snapshot, make(map[string]map[string]bool)}
		for _, r := range snapshot.Resources() {
			u, ok := r.Spec.(*configs.SMPPUser)
			if !ok {
				continue
			}
			if known.users[u.Account] == nil {
				known.users[u.Account] = make(map[string]bool)
			}
			known.users[u.Account][r.Name] = true
		}
		d.directory.Store(known)
	}
	return known.users[account]
}
