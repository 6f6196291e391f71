package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tasman/configs"
	"tasman/streams"
)

// Streams checks what the servers hold: that every stream and durable is there as declared, where the copies are, how full
// the streams are, and what this node may do.
func Streams(s *streams.Survey, cfg *configs.Node) []Finding {
	return slices.Concat(declared(s.Streams), durables(s.Streams), placement(s), leaders(s), fill(s.Streams), rights(s.Rights, cfg))
}

const applies = "restart a node of role streams, which sets it; every node needs the same nats settings"

func declared(list []streams.StreamState) []Finding {
	c := check{name: "streams"}
	unseen := map[string][]string{} // by the reason
	for _, s := range list {
		switch {
		case s.Missing:
			c.add(Fail, s.Name, "start a node of role streams, which makes it", "is missing")
		case s.Problem != "":
			unseen[s.Problem] = append(unseen[s.Problem], s.Name)
		}
		for _, d := range s.Wrong {
			c.add(Fail, s.Name, changeOf(s.Name, d), "%s is %s, not %s", d.Setting, d.Have, d.Want)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(unseen)) {
		c.add(Fail, strings.Join(unseen[why], ", "), electing, "cannot be seen: %s", why)
	}
	return c.done("%d streams and buckets are as declared", len(list))
}

// electing is what to do about what has no leader.
const electing = "when a server was lost a moment ago, look again in 10 s; else see that most of the servers run and store"

// changeOf says how a stream's setting comes right.
func changeOf(stream string, d streams.Difference) string {
	if d.Mended {
		return applies
	}
	switch d.Setting {
	case "storage", "retention", "max_consumers", "sealed":
		return fmt.Sprintf("it cannot be changed on a living stream: when it is empty, `nats stream rm %s` and restart a node of role streams", stream)
	}
	return fmt.Sprintf("set %s to %s: `nats stream edit %s`", d.Setting, d.Want, stream)
}

func durables(list []streams.StreamState) []Finding {
	c := check{name: "durables"}
	n := 0
	for _, s := range list {
		var missing, silent []string
		for _, d := range s.Durables {
			n++
			if d.Missing {
				missing = append(missing, d.Name)
			}
			if d.Silent {
				silent = append(silent, d.Name)
			}
			if d.Paused {
				c.add(Fail, d.Name, fmt.Sprintf("`nats consumer resume %s %s`", s.Name, d.Name), "is paused: nothing of %s is read by it", s.Name)
			}
			for _, w := range d.Wrong {
				change := applies
				if !w.Mended {
					change = fmt.Sprintf("`nats consumer edit %s %s`", s.Name, d.Name)
				}
				c.add(Fail, d.Name, change, "%s is %s, not %s", w.Setting, w.Have, w.Want)
			}
		}
		if len(missing) > 0 {
			c.add(Fail, s.Name, applies, "%d of its durables are missing: %s", len(missing), some(missing))
		}
		if len(silent) > 0 {
			c.add(Fail, s.Name, electing, "%d of its durables have no leader now: %s", len(silent), some(silent))
		}
	}
	if n == 0 {
		c.add(Unknown, "", "", "none was seen")
	}
	return c.done("%d, none is paused", n)
}

// some names the first few.
func some(list []string) string {
	const few = 5
	if len(list) <= few {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:few], ", ") + ", ..."
}

func leaders(s *streams.Survey) []Finding {
	c := check{name: "leaders"}
	if m := s.Unequal; m.Stream != "" && !slices.ContainsFunc(s.Servers, func(v streams.ServerState) bool { return v.Name == m.To && silent(v) }) {
		c.add(Warn, m.Stream, "nothing, when a node of role streams runs: it moves one leader every 15 s; else start one",
			"is led by %s, which leads more than others: %s would be better", m.From, m.To)
	}
	if !slices.ContainsFunc(s.Streams, func(st streams.StreamState) bool { return st.Replicas > 1 && len(st.Copies) > 0 }) {
		return nil // all is on one server, or nothing is seen
	}
	return c.done("spread over the servers")
}

const (
	fillWarn = 75 // percent: readers are passed from here on
	fillFail = 90 // acceptance stops
)

func fill(list []streams.StreamState) []Finding {
	c := check{name: "fill"}
	fullest, at := uint64(0), ""
	for _, s := range list {
		if s.Limit == 0 { // not seen, or without
			continue
		}
		percent := s.Bytes * 100 / s.Limit
		if percent >= fullest {
			fullest, at = percent, s.Name
		}
		level := Warn
		switch {
		case percent <= fillWarn:
			continue
		case percent > fillFail:
			level = Fail
		}
		c.add(level, s.Name, fmt.Sprintf("raise nats.limits.%s on every node and restart role streams, or see why this waits", limitOf(s.Name)),
			"is %d %% full (%s of %s)%s", percent, size(s.Bytes), size(s.Limit), waiting(s.Durables))
	}
	if at == "" {
		c.add(Unknown, "", "", "no stream was seen")
	}
	return c.done("the fullest is %s with %d %%", at, fullest)
}

// waiting names the reader for which most waits.
func waiting(list []streams.DurableState) string {
	if len(list) == 0 {
		return ""
	}
	most := slices.MaxFunc(list, func(a, b streams.DurableState) int { return cmp.Compare(a.Pending, b.Pending) })
	if most.Pending == 0 {
		return ""
	}
	return fmt.Sprintf("; most waits for %s: %d batches", most.Name, most.Pending)
}

func limitOf(stream string) string {
	if strings.HasPrefix(stream, "MT-") {
		return "mt"
	}
	return strings.ToLower(stream)
}

func rights(r streams.Rights, cfg *configs.Node) []Finding {
	c := check{name: "rights"}
	switch {
	case r.Problem != "":
		c.add(Unknown, "", "allow publishing to $SYS.REQ.USER.INFO, which tells a node its own rights", "%s", r.Problem)
	case r.All && !cfg.Plays(configs.RoleStreams):
		c.add(Warn, "", "list the nodes with their keys in nats.nodes of the servers and set nats.seed_file here; on other NATS servers give this node's user the permissions of its roles",
			"this node may do everything: a mistake or a break-in here can delete every stream")
	}
	for _, m := range r.Missing {
		c.add(Fail, m, rightsChange(cfg), "is not allowed, and this node's roles need it")
	}
	for _, m := range r.Excess {
		c.add(Fail, m, rightsChange(cfg), "is allowed, and this node's roles do not need it")
	}
	if r.All {
		return c.done("role streams may do everything")
	}
	return c.done("this node may do what its roles need and nothing else")
}

func rightsChange(cfg *configs.Node) string {
	var roles []string
	for _, r := range cfg.Roles {
		roles = append(roles, string(r))
	}
	return fmt.Sprintf("in nats.nodes of every server: {name: %s, roles: [%s]}, the same as roles here; on other NATS servers change the permissions of this node's user", cfg.Name, strings.Join(roles, ", "))
}
