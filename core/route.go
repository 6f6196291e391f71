package core

import (
	"slices"

	"tasman/configs"
	"tasman/sms"
)

// planOf orders the carriers of a route for one message: tier after tier, and within a tier by weighted choice. The choice is
// a function of message id and revision, so that a repeated batch is planned alike.
func planOf(snap *configs.Snapshot, route *configs.Route, id sms.ID) []string {
	var plan []string
	seed := spread(id, snap.Revision)
	for _, tier := range route.Tiers {
		left := make([]configs.Share, 0, len(tier))
		for _, t := range tier {
			if c := snap.Carriers[t.Carrier]; c != nil && !c.Suspended && t.Weight > 0 && !slices.Contains(plan, t.Carrier) {
				left = append(left, t)
			}
		}
		for len(left) > 0 {
			i := pick(left, &seed)
			plan = append(plan, left[i].Carrier)
			left = slices.Delete(left, i, i+1)
		}
	}
	return plan
}

// pick chooses one of the weighted targets and advances the seed.
func pick(targets []configs.Share, seed *uint64) int {
	if len(targets) == 1 {
		return 0
	}
	total := 0
	for _, t := range targets {
		total += t.Weight
	}
	n := int(*seed % uint64(total))
	*seed = mix(*seed)
	for i, t := range targets {
		if n -= t.Weight; n < 0 {
			return i
		}
	}
	return 0
}

// spread hashes id and revision: the same on every node, unlike hash/maphash.
func spread(id sms.ID, revision uint64) uint64 {
	h := revision
	for i := 0; i < len(id); i += 8 {
		for k := range 8 {
			h ^= uint64(id[i+k]) << (8 * k)
		}
		h = mix(h)
	}
	return h
}

// mix is the finaliser of the splitmix64 generator.
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// route chooses the plan: the last handler of the chain.
func (c *Core) route(j *job) verdict {
	m := j.message
	route, ok := j.snap.RouteOf(m)
	if !ok {
		return j.rejectAs(sms.FailNoRoute, sms.StateRejected, "no route to the destination")
	}
	if route.Reject != "" {
		return j.rejectAs(sms.FailBlocked, sms.StateRejected, route.Reject)
	}
	plan := planOf(j.snap, route, m.ID)
	if len(plan) == 0 {
		return j.holdUntil(j.now.Add(configs.HoldDelay(j.dispatch.Rounds+1)), "no carrier of the route is in service")
	}
	hop := slices.IndexFunc(plan, func(carrier string) bool { return c.queue(j, carrier, m.Lane).room })
	if hop < 0 {
		return j.holdUntil(j.now.Add(configs.HoldDelay(j.dispatch.Rounds+1)), "the queues of all carriers of the route are full")
	}
	d := &j.dispatch
	d.Plan, d.Hop, d.Tries, d.SegmentIDs = plan, hop, 0, nil
	d.Rounds++
	d.Revision, d.Routed, d.Node = j.snap.Revision, j.now, c.cfg.Node
	return goOn
}
