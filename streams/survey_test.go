package streams

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"tasman/sms"
)

var surveyed = Topology{Carriers: []string{"one", "two"}}

func survey(t *testing.T, b *Bus) *Survey {
	t.Helper()
	s, err := b.Survey(timeout(t), surveyed)
	check(t, err)
	return s
}

func (s *Survey) stream(t *testing.T, name string) StreamState {
	t.Helper()
	i := slices.IndexFunc(s.Streams, func(s StreamState) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no stream %s in %+v", name, s.Streams)
	}
	return s.Streams[i]
}

// What Apply made is as it is to be, on a server that tells how it is.
func TestSurveyOfAGoodServer(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Region, c.SyncAlways = "syd", true })
	s := survey(t, b)
	if len(s.Streams) != 10 {
		t.Errorf("%d streams and buckets, want 6 and 4", len(s.Streams))
	}
	durables := 0
	for _, st := range s.Streams {
		durables += len(st.Durables)
		if st.Missing || st.Problem != "" || len(st.Wrong) > 0 {
			t.Errorf("%+v", st)
		}
		for _, d := range st.Durables {
			if d.Missing || d.Paused || len(d.Wrong) > 0 {
				t.Errorf("%s: %+v", st.Name, d)
			}
		}
	}
	if want := len(b.durables(surveyed)); durables != want {
		t.Errorf("%d durables, want %d", durables, want)
	}
	if len(s.Servers) != 1 {
		t.Fatalf("servers: %+v", s.Servers)
	}
	v := s.Servers[0]
	if v.Name != "test" || v.Region != "syd" || !v.Tagged || v.JetStream == nil || !*v.JetStream || v.Sync == nil || !*v.Sync || v.DiskFree == 0 || v.Version != ServerVersion {
		t.Errorf("%+v", v)
	}
	if !s.Rights.All {
		t.Errorf("rights of the server's own process: %+v", s.Rights)
	}
	ownClock(t, s.Clocks, "test")
}

// ownClock checks clocks that are all this machine's.
func ownClock(t *testing.T, clocks []Clock, names ...string) {
	t.Helper()
	var have []string
	for _, c := range clocks {
		have = append(have, c.Server)
		if c.Ahead.Abs() > c.Within {
			t.Errorf("clock %+v, which is this machine's", c)
		}
	}
	if !slices.Equal(have, names) {
		t.Errorf("clocks of %v, want %v", have, names)
	}
}

// Everything that somebody changed by hand is told.
func TestSurveySeesWhatIsNotAsItIsToBe(t *testing.T) {
	b := openBus(t, "")
	ctx := timeout(t)
	change := func(name string, f func(*jetstream.StreamConfig)) {
		t.Helper()
		s, err := b.js.Stream(ctx, name)
		check(t, err)
		cfg := s.CachedInfo().Config
		f(&cfg)
		_, err = b.js.UpdateStream(ctx, cfg)
		check(t, err)
	}
	change(Events, func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour })
	change(Dispatch, func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 1<<20, jetstream.DiscardOld })
	change(bucketStream(leaseBucket), func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 })
	check(t, b.js.DeleteStream(ctx, Inbound))
	d := DispatchReader("one", sms.Alert)
	check(t, b.js.DeleteConsumer(ctx, d.Stream, d.Name))
	paused := DeliverReader(0, sms.Normal)
	_, err := b.js.PauseConsumer(ctx, paused.Stream, paused.Name, time.Now().Add(time.Hour))
	check(t, err)
	slow := DeliverReader(1, sms.Normal)
	config := b.durableConfig(slow)
	config.AckWait = time.Hour
	_, err = b.js.UpdateConsumer(ctx, slow.Stream, config)
	check(t, err)

	s := survey(t, b)
	for name, want := range map[string]string{
		Events: "[{max_age 1h0m0s 0s false}]", Dispatch: "[{max_bytes 1048576 8589934592 true} {discard DiscardOld DiscardNew true}]",
		bucketStream(leaseBucket): "[{max_msgs_per_subject 5 1 true}]", Deliver: "[]",
	} {
		if got := fmt.Sprint(s.stream(t, name).Wrong); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if !s.stream(t, Inbound).Missing {
		t.Error("a stream that is gone is not missed")
	}
	for name, ok := range map[string]func(DurableState) bool{
		d.Name:      func(d DurableState) bool { return d.Missing },
		paused.Name: func(d DurableState) bool { return d.Paused },
		slow.Name: func(d DurableState) bool {
			return fmt.Sprint(d.Wrong) == "[{ack_wait 1h0m0s 30s true}]"
		},
	} {
		found := false
		for _, st := range s.Streams {
			for _, have := range st.Durables {
				found = found || have.Name == name && ok(have)
			}
		}
		if !found {
			t.Errorf("not seen: %s", name)
		}
	}
}

// A node of the mesh learns by its own rights what it may do, and how the servers are.
func TestSurveyByEachRole(t *testing.T) {
	g := newGuarded(t)
	for _, role := range []string{"edge", "core", "carriers", "reporting", "console", "streams"} {
		t.Run(role, func(t *testing.T) {
			has := func(role string) func(*Config) { return func(c *Config) { c.Roles = []string{role} } }
			s := survey(t, g.as(t, role, has(role)))
			if r := s.Rights; r.Problem != "" || len(r.Missing) > 0 || len(r.Excess) > 0 || r.All {
				t.Errorf("rights: %+v", r)
			}
			if len(s.Servers) != 1 || s.Servers[0].Sync == nil {
				t.Errorf("servers: %+v", s.Servers)
			}
			for _, st := range s.Streams {
				if st.Problem != "" || len(st.Wrong) > 0 {
					t.Errorf("%+v", st)
				}
			}
			if role != "edge" && len(survey(t, g.as(t, role, has("edge"))).Rights.Missing) == 0 && role != "streams" {
				t.Error("an edge with these rights misses none")
			}
		})
	}
}

// A server whose disk was full stores nothing until it is started again, and says so; the streams are not called missing.
func TestSurveyOfAServerThatStoresNoMore(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.FreePercent, c.FreeBytes = 100, 1<<62 }) // no room to start it again
	check(t, b.srv.server().ShutdownJetStream())
	s := survey(t, b)
	if len(s.Servers) != 1 || *s.Servers[0].JetStream {
		t.Errorf("%+v", s.Servers)
	}
	for _, st := range s.Streams {
		if st.Problem == "" || st.Missing {
			t.Errorf("%+v", st)
		}
	}
}

func TestCompareRights(t *testing.T) {
	cfg, err := Config{Node: "e1", Dir: "x", Roles: []string{"edge"}}.withDefaults()
	check(t, err)
	exact := func() *server.Permissions {
		p, err := rightsOf(Peer{Node: "e1", Roles: cfg.Roles}, cfg)
		check(t, err)
		return p
	}
	for name, c := range map[string]struct {
		have *server.Permissions
		want string
	}{
		"none set": {nil, "{ true [] []}"},
		"exact":    {exact(), "{ false [] []}"},
		"too much": {func() *server.Permissions {
			p := exact()
			p.Publish.Allow = append(p.Publish.Allow, "$JS.API.>")
			return p
		}(), "{ false [] [publish $JS.API.>]}"},
		"denied again":  {func() *server.Permissions { p := exact(); p.Publish.Deny = []string{"mt.1.>"}; return p }(), "{ false [publish mt.>] []}"},
		"another's box": {func() *server.Permissions { p := exact(); p.Subscribe.Allow = []string{"_INBOX.e2.>"}; return p }(), "{ false [subscribe " + electionPrefix + "*.* subscribe _INBOX.e1.> subscribe " + statusPrefix + "*] [subscribe _INBOX.e2.>]}"},
	} {
		r, err := compareRights(c.have, cfg)
		check(t, err)
		if got := fmt.Sprint(r); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if r, err := compareRights(&server.Permissions{}, cfg); err != nil || !slices.Contains(r.Excess, "publish >") {
		t.Errorf("no list is everything: %+v, %v", r, err)
	}
	cfg.Roles = nil
	if _, err := compareRights(&server.Permissions{}, cfg); err == nil {
		t.Error("no roles: compared with what?")
	}
}

// A server of somebody else's tells about itself at its monitoring address, to a user of its system account, and to whoever
// connects; each says whether it stores.
func TestServersOfOthers(t *testing.T) {
	opts := &server.Options{ServerName: "theirs", Host: "127.0.0.1", Port: server.RANDOM_PORT, HTTPHost: "127.0.0.1", HTTPPort: server.RANDOM_PORT, NoSigs: true,
		JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, Tags: []string{"region:mel"}, SystemAccount: "SYS", NoAuthUser: "app"}
	sys, app := server.NewAccount("SYS"), server.NewAccount("APP")
	opts.Accounts = []*server.Account{sys, app}
	opts.Users = []*server.User{{Username: "sys", Password: "secret", Account: sys}, {Username: "app", Password: "x", Account: app}}
	srv, err := server.NewServer(opts)
	check(t, err)
	srv.Start()
	defer stopServer(srv)
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	ctx, cfg := timeout(t), Config{Node: "here"}
	host := strings.TrimPrefix(srv.ClientURL(), "nats://")
	ask := func() (byConnection, bySystem, byMonitor ServerState) {
		t.Helper()
		all, err := AskSystem(ctx, cfg, "nats://sys:secret@"+host)
		check(t, err)
		if len(all) != 1 {
			t.Fatalf("%+v", all)
		}
		m, err := AskMonitor(ctx, "http://"+srv.MonitorAddr().String())
		check(t, err)
		return ProbeServer(ctx, cfg, srv.ClientURL()), all[0], m
	}
	c, s, m := ask()
	if c.Name != "theirs" || c.Problem != "" || !*c.JetStream || c.Sync != nil || c.Version != ServerVersion {
		t.Errorf("by connection: %+v", c)
	}
	for _, v := range []ServerState{s, m} {
		if v.Name != "theirs" || !*v.JetStream || v.Sync == nil || !*v.Sync || v.Region != "mel" || !v.Tagged {
			t.Errorf("%+v", v)
		}
		ownClock(t, v.clocks, "theirs")
	}
	check(t, srv.ShutdownJetStream())
	c, s, m = ask()
	for _, v := range []ServerState{c, s, m} {
		if v.JetStream == nil || *v.JetStream {
			t.Errorf("it does not store any more: %+v", v)
		}
	}
	if _, err := AskSystem(ctx, cfg, "nats://app:x@"+host); err == nil || strings.Contains(err.Error(), "app:x") {
		t.Errorf("by a user of another account: %v", err)
	}
}

func TestServersThatDoNotAnswer(t *testing.T) {
	nobody := httptest.NewServer(http.NotFoundHandler())
	defer nobody.Close()
	if _, err := AskMonitor(timeout(t), nobody.URL); err == nil {
		t.Error("a monitor that is none")
	}
	url := strings.Replace(nobody.URL, "http://", "nats://me:secret@", 1)
	nobody.Close()
	if s := ProbeServer(timeout(t), Config{Node: "here"}, url); s.Problem == "" || s.JetStream != nil || strings.Contains(fmt.Sprintf("%+v", s), "secret") {
		t.Errorf("nobody listens: %+v", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s := ProbeServer(ctx, Config{Node: "here"}, url); s.Problem == "" {
		t.Error("asked after its context ended")
	}
}

func TestClocks(t *testing.T) {
	asked := time.Unix(1000, 0)
	c := clockOf("a", asked, asked.Add(40*time.Millisecond), asked.Add(3*time.Second))
	if c.Ahead != 2980*time.Millisecond || c.Within != 20*time.Millisecond {
		t.Errorf("%+v", c)
	}
	best := bestClocks([]Clock{{"b", time.Second, 30}, {"a", 1, 5}, {"b", 2, 20}, {"", 1, 1}})
	if fmt.Sprint(best) != fmt.Sprint([]Clock{{"a", 1, 5}, {"b", 2, 20}}) {
		t.Errorf("%+v", best)
	}
}
