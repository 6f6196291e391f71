package doctor

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/streams"
)

func ptr[T any](v T) *T { return &v }

// goodCell is a survey of a cell of three in which nothing is wrong.
func goodCell() *streams.Survey {
	s := &streams.Survey{}
	var copies []streams.Copy
	for i, name := range []string{"s0", "s1", "s2"} {
		s.Servers = append(s.Servers, streams.ServerState{Name: name, Version: "2.15.2", Node: true, JetStream: ptr(true), Sync: ptr(true), Region: "r" + name, Tagged: true,
			DiskFree: 50 << 30, DiskFloor: 2 << 30})
		s.Clocks = append(s.Clocks, streams.Clock{Server: name, Ahead: 3 * time.Millisecond, Within: time.Millisecond})
		copies = append(copies, streams.Copy{Server: name, Leader: i == 0, Current: true})
	}
	s.Streams = []streams.StreamState{
		{Name: "MT-0", Replicas: 3, Copies: copies, Bytes: 1 << 20, Limit: 8 << 30, Durables: []streams.DurableState{{Name: "mt-0-alert"}, {Name: "mt-0-normal", Pending: 7}}},
		{Name: "KV_config", Bucket: true, Replicas: 3, Copies: copies},
	}
	return s
}

// expect checks that there is exactly one finding that is not ok, of that level, which says all of the words; "" = none.
func expect(t *testing.T, name string, list []Finding, level Level, words ...string) {
	t.Helper()
	var bad []Finding
	for _, f := range list {
		if f.Level != OK {
			bad = append(bad, f)
		}
		if f.Check == "" || f.Text == "" || strings.Contains(f.Text+f.Change, "%!") {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if level == OK {
		if len(bad) > 0 || len(list) == 0 {
			t.Errorf("%s: want all well: %+v", name, list)
		}
		return
	}
	if len(bad) != 1 || bad[0].Level != level {
		t.Errorf("%s: want one finding of level %s: %+v", name, level, bad)
		return
	}
	said := bad[0].Check + " " + bad[0].About + ": " + bad[0].Text + " -> " + bad[0].Change
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("%s: %q does not say %q", name, said, w)
		}
	}
}

// Each check of the servers has its failing case; of a good cell all pass.
func TestServers(t *testing.T) {
	expect(t, "good", Servers(goodCell()), OK)
	for name, c := range map[string]struct {
		spoil func(*streams.Survey)
		level Level
		words []string
	}{
		"disk of a node was full": {func(s *streams.Survey) { s.Servers[1].JetStream = ptr(false) }, Fail, []string{"servers s1", "restart node s1"}},
		"disk of another server was full": {func(s *streams.Survey) { s.Servers[1].JetStream, s.Servers[1].Node = ptr(false), false }, Fail,
			[]string{"servers s1", "restart that NATS server"}},
		"a node does not answer":   {func(s *streams.Survey) { s.Servers[2] = streams.ServerState{Name: "s2"} }, Fail, []string{"servers s2", "start node s2"}},
		"a server does not answer": {func(s *streams.Survey) { s.Servers[2] = streams.ServerState{URL: "nats://x:4222", Problem: "refused"} }, Fail, []string{"nats://x:4222", "refused"}},
		"version too old":          {func(s *streams.Survey) { allOf(s, "2.10.1") }, Fail, nil},
		"versions differ":          {func(s *streams.Survey) { s.Servers[0].Version = "2.14.0" }, Warn, []string{"2.14.0, 2.15.2"}},
		"version not understood":   {func(s *streams.Survey) { allOf(s, "new") }, Unknown, nil},
		"a node does not sync":     {func(s *streams.Survey) { s.Servers[0].Sync = ptr(false) }, Fail, []string{"sync s0", "nats.sync_always: true"}},
		"another does not sync":    {func(s *streams.Survey) { s.Servers[0].Sync, s.Servers[0].Node = ptr(false), false }, Fail, []string{"sync s0", "sync_interval: always"}},
		"sync not known":           {func(s *streams.Survey) { s.Servers[0].Sync = nil }, Unknown, []string{"sync s0", "--system", "--monitor"}},
		"disk below its watermark": {func(s *streams.Survey) { s.Servers[0].DiskFree = 1 << 30 }, Fail, []string{"disk s0", "1024 MiB are free"}},
		"disk near its watermark":  {func(s *streams.Survey) { s.Servers[0].DiskFree = 3 << 30 }, Warn, []string{"disk s0"}},
		"disk not known":           {func(s *streams.Survey) { s.Servers[0].DiskFree, s.Servers[0].DiskFloor = 0, 0 }, Unknown, []string{"disk s0"}},
		"clock not seen":           {func(s *streams.Survey) { s.Clocks = s.Clocks[1:] }, Unknown, []string{"clocks s0"}},
		"clock seen too vaguely": {func(s *streams.Survey) {
			s.Clocks = s.Clocks[:1]
			s.Servers = s.Servers[:1]
			s.Clocks[0].Within = 3 * time.Second
		}, Unknown, []string{"clocks s0"}},
		"one clock, a little wrong": {func(s *streams.Survey) {
			s.Clocks, s.Servers = s.Clocks[:1], s.Servers[:1]
			s.Clocks[0].Ahead = -time.Second
		}, Warn, []string{"1s behind this machine's"}},
		"one clock, wrong": {func(s *streams.Survey) {
			s.Clocks, s.Servers = s.Clocks[:1], s.Servers[:1]
			s.Clocks[0].Ahead = time.Minute
		}, Fail, []string{"1m0s ahead of this machine's", "NTP"}},
	} {
		s := goodCell()
		c.spoil(s)
		list := Servers(s)
		if name == "version too old" || name == "version not understood" { // each server is named
			list = list[:2]
		}
		expect(t, name, list, c.level, c.words...)
	}
	s := goodCell() // neither is far from this machine's, yet they are from each other
	s.Clocks = []streams.Clock{{Server: "s0", Ahead: 400 * time.Millisecond}, {Server: "s1", Ahead: -400 * time.Millisecond}}
	s.Servers = s.Servers[:2]
	expect(t, "two clocks", Servers(s), Warn, "s1", "800ms behind s0's")
	for _, f := range Servers(&streams.Survey{}) {
		if f.Level == OK {
			t.Errorf("nothing is known, and well: %+v", f)
		}
	}
}

func allOf(s *streams.Survey, version string) {
	for i := range s.Servers {
		s.Servers[i].Version = version
	}
}

func TestStreams(t *testing.T) {
	cfg := configs.Defaults()
	cfg.Name = "n1"
	expect(t, "good", Streams(goodCell(), cfg), OK)
	single := goodCell()
	single.Streams = []streams.StreamState{{Name: "MT-0", Replicas: 1, Limit: 8 << 30, Durables: []streams.DurableState{{Name: "mt-0-alert"}}}}
	expect(t, "a server alone", Streams(single, cfg), OK)
	for name, c := range map[string]struct {
		spoil func(s *streams.Survey, mt *streams.StreamState)
		level Level
		words []string
	}{
		"stream missing":  {func(_ *streams.Survey, m *streams.StreamState) { m.Missing = true }, Fail, []string{"streams MT-0", "role streams"}},
		"stream not seen": {func(_ *streams.Survey, m *streams.StreamState) { m.Problem = "time-out"; m.Copies = nil }, Fail, []string{"streams MT-0", "time-out"}},
		"limit differs": {func(_ *streams.Survey, m *streams.StreamState) {
			m.Wrong = []streams.Difference{{Setting: "max_bytes", Have: "1", Want: "2", Mended: true}}
		}, Fail, []string{"max_bytes is 1, not 2", "restart a node of role streams"}},
		"age set by hand": {func(_ *streams.Survey, m *streams.StreamState) {
			m.Wrong = []streams.Difference{{Setting: "max_age", Have: "1h", Want: "0s"}}
		}, Fail, []string{"nats stream edit MT-0"}},
		"kept in memory": {func(_ *streams.Survey, m *streams.StreamState) {
			m.Wrong = []streams.Difference{{Setting: "storage", Have: "Memory", Want: "File"}}
		}, Fail, []string{"nats stream rm MT-0"}},
		"durable missing": {func(_ *streams.Survey, m *streams.StreamState) { m.Durables[0].Missing = true }, Fail, []string{"durables MT-0", "1 of its durables", "mt-0-alert"}},
		"durable paused":  {func(_ *streams.Survey, m *streams.StreamState) { m.Durables[1].Paused = true }, Fail, []string{"nats consumer resume MT-0 mt-0-normal"}},
		"durable silent":  {func(_ *streams.Survey, m *streams.StreamState) { m.Durables[1].Silent = true }, Fail, []string{"mt-0-normal", "no leader now", "look again"}},
		"a server went away": {func(s *streams.Survey, m *streams.StreamState) {
			s.Servers[2] = streams.ServerState{Name: "s2"} // of which another check tells
			s.Unequal = streams.Move{Stream: "MT-0", From: "s0", To: "s2"}
			m.Copies[2].Current = false
		}, Fail, []string{"placement s2", "1 copies on it are not current"}},
		"durable differs": {func(_ *streams.Survey, m *streams.StreamState) {
			m.Durables[1].Wrong = []streams.Difference{{Setting: "max_deliver", Have: "5", Want: "-1"}}
		}, Fail, []string{"nats consumer edit MT-0 mt-0-normal"}},
		"copy behind":  {func(_ *streams.Survey, m *streams.StreamState) { m.Copies[2].Current, m.Copies[2].Behind = false, 12 }, Fail, []string{"placement s2", "MT-0", "12 behind"}},
		"copy missing": {func(_ *streams.Survey, m *streams.StreamState) { m.Copies = m.Copies[:2] }, Fail, []string{"2 copies on different servers, not 3"}},
		"no leader": {func(_ *streams.Survey, m *streams.StreamState) {
			m.Copies = append([]streams.Copy{{Leader: true, Current: true}}, m.Copies...)
		}, Fail, []string{"no leader"}},
		"leaders on one server": {func(s *streams.Survey, _ *streams.StreamState) {
			s.Unequal = streams.Move{Stream: "MT-0", From: "s0", To: "s1"}
		}, Warn, []string{"leaders MT-0", "s1 would be better"}},
		"nearly full":      {func(_ *streams.Survey, m *streams.StreamState) { m.Bytes = m.Limit * 8 / 10 }, Warn, []string{"fill MT-0", "nats.limits.mt", "mt-0-normal: 7"}},
		"full":             {func(_ *streams.Survey, m *streams.StreamState) { m.Bytes = m.Limit }, Fail, []string{"100 % full"}},
		"rights not known": {func(s *streams.Survey, _ *streams.StreamState) { s.Rights.Problem = "no answer" }, Unknown, []string{"$SYS.REQ.USER.INFO"}},
		"right missing":    {func(s *streams.Survey, _ *streams.StreamState) { s.Rights.Missing = []string{"publish mt.>"} }, Fail, []string{"rights publish mt.>", "name: n1"}},
		"right too much":   {func(s *streams.Survey, _ *streams.StreamState) { s.Rights.Excess = []string{"publish $JS.API.>"} }, Fail, []string{"do not need it"}},
	} {
		s := goodCell()
		s.Streams[0].Copies = append([]streams.Copy(nil), s.Streams[0].Copies...)
		c.spoil(s, &s.Streams[0])
		expect(t, name, Streams(s, cfg), c.level, c.words...)
	}
	dead := goodCell()
	dead.Streams = []streams.StreamState{{Name: "MT-0", Replicas: 3, Problem: "no answer"}, {Name: "DELIVER", Replicas: 3, Problem: "no answer"}}
	for _, f := range Streams(dead, cfg) {
		if f.Level == OK && f.Check != "rights" || f.Level == Fail && f.About != "MT-0, DELIVER" {
			t.Errorf("nothing can be seen: %+v", f)
		}
	}
	for name, c := range map[string]struct {
		spoil func(*streams.ServerState)
		level Level
		words string
	}{
		"region twice":     {func(v *streams.ServerState) { v.Region = "rs0" }, Fail, "two copies are in region rs0: on s0 and s1"},
		"region not set":   {func(v *streams.ServerState) { v.Region = "" }, Warn, "no region is set"},
		"region not known": {func(v *streams.ServerState) { v.Region, v.Tagged = "", false }, Unknown, "--system"},
	} {
		s := goodCell()
		s.Streams = s.Streams[:1]
		c.spoil(&s.Servers[1])
		expect(t, name, Streams(s, cfg), c.level, "placement", "s1", c.words)
	}
	cfg.Roles = []configs.Role{configs.RoleEdge}
	s := goodCell()
	s.Rights.All = true
	expect(t, "an edge that may do everything", Streams(s, cfg), Warn, "nats.nodes")
}

func TestReport(t *testing.T) {
	r := &Report{Node: "n1"}
	r.Add(Finding{OK, "sync", "", "good", ""}, Finding{Fail, "disk", "s1", "full", "make room"}, Finding{Unknown, "clocks", "", "far", ""})
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := "ok    sync        good\nFAIL  disk        s1: full\n                  -> make room\n?     clocks      far\nnode n1: 1 to change, 0 to look at, 1 not known, 1 well\n"
	if b.String() != want {
		t.Errorf("printed:\n%s", b.String())
	}
	raw, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(raw), `{"level":"fail","check":"disk","about":"s1","text":"full","change":"make room"}`) {
		t.Errorf("%s, %v", raw, err)
	}
}
