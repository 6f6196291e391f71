package streams

import (
	"errors"
	"slices"
	"testing"
	"time"

	"tasman/sms"
)

// placedOn returns copies of each partition and of the other streams on the named servers.
func placedOn(partitions [][]string, others ...string) map[string][]Copy {
	placed := map[string][]Copy{}
	put := func(stream string, servers []string) {
		for i, s := range servers {
			placed[stream] = append(placed[stream], Copy{Server: s, Leader: i == 0, Current: true})
		}
	}
	for p, servers := range partitions {
		put(MTStream(p), servers)
	}
	for _, stream := range []string{Dispatch, Events, Deliver, Inbound, Schedule} {
		put(stream, others)
	}
	return placed
}

// What a server's disk means for those who store on it, and for nobody else.
func TestVerdict(t *testing.T) {
	five := placedOn([][]string{{"a", "b", "c"}, {"b", "c", "d"}, {"c", "d", "b"}}, "b", "c", "d")
	low := ServerStatus{Server: "a", Low: true, Floor: 100 << 20}
	critical, out, readOnly := low, low, ServerStatus{Server: "a", ReadOnly: true}
	critical.Critical, out.Storage = true, "shut down"
	cases := map[string]struct {
		replicas int
		copies   map[string][]Copy
		server   ServerStatus
		refuse   error
		halt     bool
		full     []bool // nil: nothing is amiss
	}{
		"well":                       {3, five, ServerStatus{Server: "a"}, nil, false, nil},
		"of one partition only":      {3, five, low, nil, false, []bool{true, false, false}},
		"of all partitions":          {3, placedOn([][]string{{"a"}, {"b", "a"}, {"a"}}, "b"), low, ErrFull, false, []bool{true, true, true}},
		"of what all goes through":   {3, placedOn([][]string{{"b"}, {"b"}, {"b"}}, "b", "a"), low, ErrFull, false, []bool{false, false, false}},
		"places not known":           {3, nil, low, ErrFull, false, []bool{true, true, true}},
		"critical":                   {3, five, critical, nil, true, []bool{true, false, false}},
		"out, others have copies":    {3, five, out, nil, false, nil},
		"the only one, full":         {1, nil, out, ErrFull, false, []bool{true, true, true}},
		"the only one, read-only":    {1, nil, readOnly, ErrUnavailable, false, []bool{false, false, false}},
		"read-only, others have all": {3, five, readOnly, nil, false, nil},
	}
	for name, c := range cases {
		b := &Bus{cfg: Config{Replicas: c.replicas, Partitions: 3}}
		v := b.concludes([]ServerStatus{{Server: "b"}, c.server}, c.copies)
		if c.full == nil {
			if v != nil && (v.refuse != nil || v.halt != nil || slices.Contains(v.full, true)) {
				t.Errorf("%s: %+v, want nothing", name, v)
			}
			continue
		}
		if v == nil || !errors.Is(v.refuse, c.refuse) || (v.refuse == nil) != (c.refuse == nil) || (v.halt != nil) != c.halt || !slices.Equal(v.full, c.full) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// Messages go to a partition with room while their own has none.
func TestPartitionWithRoom(t *testing.T) {
	b := &Bus{cfg: Config{Partitions: 3}}
	b.avoid.until = make([]atomicTime, 4)
	home := b.Partition("acme", sms.Normal)
	v := &verdict{full: make([]bool, 3)}
	v.full[home] = true
	b.disk.verdict.Store(v)
	if p := b.Partition("acme", sms.Normal); p != (home+1)%3 {
		t.Errorf("partition %d, home %d is full", p, home)
	}
}

// A server of whose copies none has been heard of is named: an external one whose storage is out shows by nothing else.
func TestAbsentServers(t *testing.T) {
	placed := map[string][]Copy{
		Events:   {{Server: "a", Leader: true, Current: true}, {Server: "b", Silent: time.Minute}, {Server: "c", Current: true, Silent: time.Second}},
		Dispatch: {{Server: "c", Leader: true, Current: true}, {Server: "b"}, {Server: "a", Silent: time.Minute}},
	}
	if got := absent(placed); !slices.Equal(got, []string{"b"}) {
		t.Errorf("absent: %v", got)
	}
}
