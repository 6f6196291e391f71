package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tasman/streams"
)

// Servers checks what is known of the servers: that each answers and stores, their versions, whether they write to disk
// before they answer, and their disks.
func Servers(s *streams.Survey) []Finding {
	return slices.Concat(reachable(s), versions(s), syncing(s), disks(s), clocks(s.Clocks, s.Servers))
}

// nameOf names a server that may not have told its name.
func nameOf(v streams.ServerState) string {
	if v.Name == "" {
		return v.URL
	}
	return v.Name
}

// silent says that nothing is known of a server but that it should be there, which is told once.
func silent(v streams.ServerState) bool { return v.Version == "" && v.JetStream == nil }

func reachable(s *streams.Survey) []Finding {
	c := check{name: "servers"}
	nodes := slices.ContainsFunc(s.Servers, func(v streams.ServerState) bool { return v.Node })
	var names []string
	nameless := 0 // that do not answer where they should: each may be one that holds copies
	for _, v := range s.Servers {
		if v.Problem != "" && v.Name == "" {
			nameless++
		}
	}
	for _, v := range s.Servers {
		name := nameOf(v)
		names = append(names, name)
		switch {
		case v.JetStream != nil && !*v.JetStream && v.Node:
			c.add(Fail, name, "make room on its disk, then restart node "+name, "stores nothing: its JetStream is off, as after a full disk")
		case v.JetStream != nil && !*v.JetStream:
			c.add(Fail, name, "make room on its disk, then restart that NATS server (JetStream does not come back by itself); if it is not to store at all, "+
				"enable jetstream in its configuration or take it out of nats.urls", "stores nothing: its JetStream is off, as after a full disk")
		case v.Problem != "":
			c.add(Fail, name, "start it, or open the way to it; if it is gone for good, take it out of nats.urls", "does not answer: %s", v.Problem)
		case v.JetStream == nil && nodes:
			c.add(Fail, name, "start node "+name+" or open the way to it", "holds copies and does not answer")
		case v.JetStream == nil && nameless > 0:
			nameless-- // told already
		case v.JetStream == nil:
			c.add(Unknown, name, "add it to nats.urls, or ask by --system or --monitor", "holds copies and was not asked")
		}
	}
	if len(names) == 0 {
		c.add(Fail, "", "start the servers, or a node of role streams", "no server answers")
	}
	return c.done("%d answer and store: %s", len(names), strings.Join(names, ", "))
}

// oldest is the first version of the servers that has all that the streams ask for: scheduled messages.
var oldest = [2]int{2, 12}

func versions(s *streams.Survey) []Finding {
	c := check{name: "versions"}
	var seen []string
	for _, v := range s.Servers {
		if v.Version == "" {
			continue
		}
		seen = append(seen, v.Version)
		if major, minor, ok := parseVersion(v.Version); !ok {
			c.add(Unknown, nameOf(v), "", "its version %q is not understood", v.Version)
		} else if major < oldest[0] || major == oldest[0] && minor < oldest[1] {
			c.add(Fail, nameOf(v), fmt.Sprintf("upgrade it to NATS %s", streams.ServerVersion), "NATS %s cannot keep SCHEDULE: %d.%d is the oldest that can", v.Version, oldest[0], oldest[1])
		}
	}
	slices.Sort(seen)
	seen = slices.Compact(seen)
	if len(seen) > 1 {
		c.add(Warn, "", "finish the upgrade: one server after the other, each when all copies are current", "the servers are of different versions: %s", strings.Join(seen, ", "))
	}
	if len(seen) == 0 {
		c.add(Unknown, "", "", "no server told its version")
	}
	return c.done("NATS %s", strings.Join(seen, ", "))
}

func parseVersion(v string) (major, minor int, ok bool) {
	parts := strings.SplitN(v, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err1 == nil && err2 == nil
}

func syncing(s *streams.Survey) []Finding {
	c := check{name: "sync"}
	for _, v := range s.Servers {
		name := nameOf(v)
		switch {
		case silent(v):
		case v.Sync == nil:
			c.add(Unknown, name, "ask with --system nats://USER:PASSWORD@HOST:4222 (a user of the system account) or --monitor http://HOST:8222",
				"whether it writes to disk before it answers is not told to this node")
		case !*v.Sync && v.Node:
			c.add(Fail, name, "set nats.sync_always: true in the file of node "+name+" and restart it", "answers before it has written to disk: a power cut loses what was acknowledged")
		case !*v.Sync:
			c.add(Fail, name, "set sync_interval: always in the jetstream block of its configuration and restart it",
				"answers before it has written to disk: a power cut loses what was acknowledged")
		}
	}
	if !slices.ContainsFunc(s.Servers, func(v streams.ServerState) bool { return v.Sync != nil }) && len(c.list) == 0 {
		c.add(Unknown, "", "", "no server told whether it writes to disk before it answers")
	}
	return c.done("every server writes to disk before it answers")
}

func disks(s *streams.Survey) []Finding {
	c := check{name: "disk"}
	var foreign, free []string
	for _, v := range s.Servers {
		switch {
		case silent(v):
		case v.DiskFree == 0 && v.DiskFloor == 0:
			foreign = append(foreign, nameOf(v))
		case v.DiskFree < v.DiskFloor:
			c.add(Fail, v.Name, "make room: below nats.free_percent and nats.free_bytes nothing is accepted", "%s are free, %s are needed: acceptance has stopped", size(v.DiskFree), size(v.DiskFloor))
		case v.DiskFree < 2*v.DiskFloor:
			c.add(Warn, v.Name, "make room", "%s are free; acceptance stops at %s", size(v.DiskFree), size(v.DiskFloor))
		default:
			free = append(free, fmt.Sprintf("%s has %s", v.Name, size(v.DiskFree)))
		}
	}
	if len(foreign) > 0 {
		c.add(Unknown, strings.Join(foreign, ", "), "watch the disk of these servers by other means", "free space is not told: a NATS server whose disk is full stops its JetStream")
	}
	if len(free) == 0 && len(c.list) == 0 {
		c.add(Unknown, "", "", "no server told its free space")
	}
	return c.done("free: %s", strings.Join(free, ", "))
}

const (
	clockWarn = 500 * time.Millisecond // schedules, validities and the order in reports are off by as much
	clockFail = 2 * time.Second
)

func clocks(list []streams.Clock, servers []streams.ServerState) []Finding {
	c := check{name: "clocks"}
	const mend = "run chrony or another NTP client there and on this machine"
	known := map[string]bool{}
	var widest time.Duration
	for i, a := range list {
		known[a.Server] = true
		widest = max(widest, a.Ahead.Abs()+a.Within)
		c.compare(a.Server, "this machine's", mend, a.Ahead, a.Within)
		for _, b := range list[:i] {
			c.compare(a.Server, b.Server+"'s", mend, a.Ahead-b.Ahead, a.Within+b.Within)
		}
	}
	for _, v := range servers {
		if !known[v.Name] && !silent(v) {
			c.add(Unknown, nameOf(v), "", "its clock was not seen: it leads no stream and did not answer")
		}
	}
	if len(list) == 0 && len(c.list) == 0 {
		c.add(Unknown, "", "", "no server's clock was seen")
	}
	return c.done("at most %v apart", widest.Round(10*time.Microsecond))
}

// compare judges a difference between two clocks that is known within some bounds.
func (c *check) compare(server, than, mend string, ahead, within time.Duration) {
	level := OK
	switch sure := ahead.Abs() - within; {
	case sure > clockFail:
		level = Fail
	case sure > clockWarn:
		level = Warn
	case ahead.Abs()+within > clockFail:
		c.add(Unknown, server, "", "how far its clock is from %s is not seen: answers take too long (%v)", than, 2*within.Round(time.Millisecond))
		return
	}
	if level == OK {
		return
	}
	side := "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	c.add(level, server, mend, "its clock is %v %s %s", ahead.Abs().Round(time.Millisecond), side, than)
}

func size(n uint64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
