package edge

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

const testPassword = "secret42"

// anyRoute ends the resources of most tests: without a route every destination is refused.
const anyRoute = `
---
kind: Carrier
name: any
spec: {addresses: ["127.0.0.1:1"], system_id: any, password: any}
---
kind: Route
name: any
spec: {prefixes: [""], tiers: [[{carrier: any}]]}
`

// liveYAML returns a Live with the resources as revision 1.
func liveYAML(t testing.TB, yaml string) *configs.Live {
	t.Helper()
	live := configs.NewLive()
	swapYAML(t, live, 1, yaml)
	return live
}

func swapYAML(t testing.TB, live *configs.Live, revision uint64, yaml string) {
	t.Helper()
	swapExactly(t, live, revision, yaml+anyRoute)
}

// swapExactly puts the resources into service as they are: without a route for all.
func swapExactly(t testing.TB, live *configs.Live, revision uint64, yaml string) {
	t.Helper()
	resources, err := configs.Parse("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := configs.NewSnapshot(revision, resources)
	if err != nil {
		t.Fatal(err)
	}
	if err := live.Swap(snapshot); err != nil {
		t.Fatal(err)
	}
}

// acme is an account with an SMPP user.
const acme = `
kind: Account
name: acme
spec: {lanes: [alert, normal, bulk], country: AU}
---
kind: SMPPUser
name: acme-smpp
spec: {account: acme, system_id: acme, password: ` + testPassword + `}
`

// testEdge is an edge that runs until its test ends.
type testEdge struct {
	*Edge
	bus  *streams.Bus
	live *configs.Live
	stop func() error
}

func runEdge(t testing.TB, live *configs.Live, change func(*Config)) *testEdge {
	t.Helper()
	return runEdgeOn(t, streamstest.New(t), live, change)
}

func runEdgeOn(t testing.TB, bus *streams.Bus, live *configs.Live, change func(*Config)) *testEdge {
	t.Helper()
	cfg := Config{Node: "e1", SMPP: "127.0.0.1:0", Shards: 2, Drain: 5 * time.Second}
	if change != nil {
		change(&cfg)
	}
	e, err := New(cfg, bus, live, quiet(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	te := &testEdge{Edge: e, bus: bus, live: live, stop: runDoor(t, e.Run)}
	waitFor(t, "the edge to be ready", func() bool { return e.Ready() == nil })
	return te
}

// deadline bounds everything a test waits for.
func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// waitFor polls until cond holds.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	ctx := deadline(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// bind binds an ESME to the edge; the system_id is "acme" unless the configuration names another.
func (e *testEdge) bind(t testing.TB, c smpptest.ESMEConfig) *smpptest.ESME {
	t.Helper()
	esme, err := e.tryBind(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return esme
}

func (e *testEdge) tryBind(t testing.TB, c smpptest.ESMEConfig) (*smpptest.ESME, error) {
	t.Helper()
	if c.Bind.SystemID == "" {
		c.Bind.SystemID = "acme"
	}
	if c.Bind.Password == "" {
		c.Bind.Password = testPassword
	}
	if c.Bind.InterfaceVersion == 0 {
		c.Bind.InterfaceVersion = smpp.Version34
	}
	esme, err := smpptest.DialESME(deadline(t), e.SMPPAddr().String(), c)
	if err == nil {
		t.Cleanup(func() { _ = esme.Close() })
	}
	return esme, err
}

// stored returns the records of a subject so far, by its stream.
func (e *testEdge) stored(t testing.TB, stream, subject string) (recs []sms.Record) {
	t.Helper()
	ctx := deadline(t)
	ends, err := e.bus.Barrier(ctx, stream)
	if err != nil {
		t.Fatal(err)
	}
	errEnd := errors.New("end")
	err = e.bus.Tail(ctx, stream, 0, func(b *streams.Batch) error {
		if b.Subject == subject {
			recs = append(recs, b.Records...)
		}
		if b.Seq >= ends[stream] {
			return errEnd
		}
		return nil
	})
	if !errors.Is(err, errEnd) {
		t.Fatal(err)
	}
	return recs
}

// accepted returns the messages stored so far in all lanes.
func (e *testEdge) accepted(t testing.TB) (msgs []*sms.Message) {
	t.Helper()
	for _, lane := range sms.Lanes() {
		for _, r := range e.stored(t, streams.MTStream(0), streams.MTSubject(0, lane)) {
			msgs = append(msgs, r.Message)
		}
	}
	return msgs
}

func TestEdgeWithoutDoors(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), func(c *Config) { c.SMPP = "" })
	if e.HTTPAddr() != nil || e.SMPPAddr() != nil || e.SMPPTLSAddr() != nil || e.SMTPAddr() != nil {
		t.Error("a closed door has an address")
	}
	if err := e.stop(); err != nil {
		t.Error(err)
	}
	if e.Ready() == nil {
		t.Error("ready after its end")
	}
}

func TestEdgeListenersAreBoundInNew(t *testing.T) {
	bus, live := streamstest.New(t), liveYAML(t, acme)
	first, err := New(Config{Node: "e1", HTTP: "127.0.0.1:0", SMPP: "127.0.0.1:0", SMTP: "127.0.0.1:0"}, bus, live, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	taken := first.SMPPAddr().String()
	if _, err := New(Config{Node: "e2", SMPP: taken}, bus, live, quiet(), nil); err == nil {
		t.Error("an address was bound twice")
	}
	if first.Ready() == nil {
		t.Error("ready before Run")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := New(Config{Node: "e2", SMPP: taken}, bus, live, quiet(), nil)
	if err != nil {
		t.Fatalf("address not free after Close: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if _, err := New(Config{Node: "e3", SMPPTLS: "127.0.0.1:0"}, bus, live, quiet(), nil); err == nil {
		t.Error("a TLS door opened without a certificate")
	}
}

// Listeners are open from New on, so requests may wait for Run: the first ones it serves are accepted.
func TestFirstRequestIsAccepted(t *testing.T) {
	live := liveYAML(t, acme+`---
kind: APIKey
name: acme-key
spec: {account: acme, key: `+acmeKey+`}
`)
	e, err := New(Config{Node: "e1", HTTP: "127.0.0.1:0", Shards: 2}, streamstest.New(t), live, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan int, 1)
	go func() {
		defer close(answered)
		resp, _ := post(`{"from":"TASMAN","to":"+64211234567","text":"Kia ora"}`).do(t, "http://"+e.HTTPAddr().String())
		answered <- resp.StatusCode
	}()
	runDoor(t, e.Run)
	if status := <-answered; status != 202 {
		t.Errorf("the first request was answered with %d", status)
	}
}

func TestAllDoorsTogether(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme+`---
kind: APIKey
name: acme-key
spec: {account: acme, key: `+acmeKey+`}
`), func(c *Config) { c.HTTP, c.SMTP = "127.0.0.1:0", "127.0.0.1:0" })
	resp, body := post(`{"from":"TASMAN","to":"+64211234567","text":"Kia ora"}`).do(t, "http://"+e.HTTPAddr().String())
	if resp.StatusCode != 202 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	if _, err := e.bind(t, smpptest.ESMEConfig{}).SubmitText(deadline(t), "TASMAN", "64211234568", "Kia ora"); err != nil {
		t.Fatal(err)
	}
	var doors []string
	for _, m := range e.accepted(t) {
		doors = append(doors, m.Door)
	}
	slices.Sort(doors)
	if !slices.Equal(doors, []string{"http", "smpp"}) {
		t.Errorf("doors of stored messages: %v", doors)
	}
}
