package doctor

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"tasman/configs"
	"tasman/sms"
)

// Resources checks the carriers, routes and accounts in service for what is allowed and cannot work well. Replicas is that of
// the streams: in a cell a carrier wants more than one link.
func Resources(snap *configs.Snapshot, replicas int) []Finding {
	c := check{name: "resources"}
	if snap.Revision == 0 {
		c.add(Warn, "", "tasman apply -f FILE", "nothing was ever applied")
		return c.list
	}
	routed := map[string]bool{}
	for _, r := range snap.Routes {
		c.route(snap, r, routed)
	}
	for _, name := range slices.Sorted(maps.Keys(snap.Carriers)) {
		c.carrier(snap.Carriers[name], routed[name], replicas)
	}
	for _, name := range slices.Sorted(maps.Keys(snap.Accounts)) {
		c.account(snap, snap.Accounts[name])
	}
	return c.done("revision %d: %d carriers, %d routes, %d accounts", snap.Revision, len(snap.Carriers), len(snap.Routes), len(snap.Accounts))
}

// usualAnswer is how long a carrier far away takes to answer, in seconds.
const usualAnswer = 0.1

// carrier compares window, rate and time-out: of n unanswered submits at t seconds to an answer, n/t are sent per second.
func (c *check) carrier(k *configs.Carrier, routed bool, replicas int) {
	about := "Carrier " + k.Name
	if k.Suspended || k.Bind == configs.BindReceiver { // a receiver is in no route: check refuses that
		return
	}
	if !routed {
		c.add(Warn, about, "name it in a Route, or suspend it", "no route leads to it")
	}
	if k.Links == 1 && replicas > 1 {
		c.add(Warn, about, "set links: 2, if the operator allows it", "has one link: while that binds anew nothing is sent")
	}
	if k.Rate == 0 {
		return
	}
	open := float64(k.Window * k.Links)
	if possible := open / usualAnswer; possible < k.Rate {
		c.add(Warn, about, fmt.Sprintf("set window: %d, if the operator allows it", int(math.Ceil(k.Rate*usualAnswer/float64(k.Links)))),
			"window %d on %d links allows %.0f/s when answers take %v s: less than its rate of %g/s", k.Window, k.Links, possible, usualAnswer, k.Rate)
	}
	if wait := open / k.Rate; wait > k.ResponseTimeout.Seconds() {
		c.add(Warn, about, fmt.Sprintf("set window: %d, or a response_timeout above %.0fs", max(1, int(k.Rate*k.ResponseTimeout.Seconds()/float64(k.Links))), math.Ceil(wait)),
			"window %d on %d links is %.0f s of its rate of %g/s: an operator that paces by answering late goes beyond response_timeout (%v), and the outcome is unknown",
			k.Window, k.Links, wait, k.Rate, k.ResponseTimeout)
	}
}

// route looks for carriers that take nothing, and notes which are named.
func (c *check) route(snap *configs.Snapshot, r *configs.Route, routed map[string]bool) {
	var idle []string
	named := 0
	for _, t := range r.Tiers {
		for _, s := range t {
			named++
			routed[s.Carrier] = true
			if snap.Carriers[s.Carrier].Suspended {
				idle = append(idle, s.Carrier+" is suspended")
			}
		}
	}
	if len(idle) == 0 {
		return
	}
	level, what := Warn, "carriers of it have no link to send on"
	if len(idle) == named {
		level, what = Fail, "no carrier of it has a link to send on"
	}
	c.add(level, "Route "+r.Name, "tasman apply -f FILE with another carrier in tiers, or with this one in service", "%s: %s", what, strings.Join(idle, ", "))
}

// account looks for lanes whose messages no route takes, whatever their destination.
func (c *check) account(snap *configs.Snapshot, a *configs.Account) {
	if a.Suspended {
		return
	}
	var lanes []string
	for _, lane := range sms.Lanes() {
		if a.MayUse(lane) && !slices.ContainsFunc(snap.Routes, func(r *configs.Route) bool { return len(r.Tiers) > 0 && r.Serves(a.Name, lane) }) {
			lanes = append(lanes, lane.String())
		}
	}
	if len(lanes) > 0 {
		c.add(Fail, "Account "+a.Name, "add a Route for it, or take the lane from its lanes", "no route takes its messages of lane %s: they end as not routable (902)", strings.Join(lanes, ", "))
	}
}
