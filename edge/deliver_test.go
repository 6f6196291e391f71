package edge

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// receiptFor is a receipt for a message of the account's integration.
func receiptFor(account, integration string, lane sms.Lane) *sms.Delivery {
	return &sms.Delivery{
		ID: sms.NewIDs(nil).Next(), Account: account, Integration: integration, Lane: lane, Segments: 1, State: sms.StateDelivered,
		Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}, Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"},
		Accepted: time.Now(), Time: time.Now(), Kind: sms.EventDelivered,
	}
}

// deliver stores deliveries as carriers and core do.
func deliver(t testing.TB, bus *streams.Bus, list ...*sms.Delivery) {
	t.Helper()
	for _, d := range list {
		if err := bus.Store(deadline(t), streams.DeliverSubject(bus.Shard(d.Account), d.Lane), &sms.Record{Delivery: d}); err != nil {
			t.Fatal(err)
		}
	}
}

// wantReceipt waits for a receipt of a message.
func wantReceipt(t testing.TB, esme *smpptest.ESME, id sms.ID) {
	t.Helper()
	got, err := esme.Next(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	r, ok := got.Deliver().Receipt()
	if !ok || r.MessageID != id.String() || r.State != smpp.StateDelivered {
		t.Errorf("receipt %+v of %s, want of %s", r, r.MessageID, id)
	}
}

// done waits until nothing is left to hand over in a lane of an account's shard, nor parked.
func wantNothingLeft(t testing.TB, e *testEdge, account string) {
	t.Helper()
	waitFor(t, "everything to be handed over", func() bool {
		depths, err := e.bus.Depths(deadline(t))
		if err != nil {
			return false
		}
		for _, d := range depths {
			if d.Durable.Stream == streams.Deliver && d.Pending > 0 {
				return false
			}
		}
		return parkedCount(t, e.bus, account) == 0
	})
}

// errStop ends a look at what is parked without taking it.
var errStop = errors.New("stop")

func parkedCount(t testing.TB, bus *streams.Bus, account string) int {
	t.Helper()
	n := 0
	_, err := bus.DrainParked(deadline(t), account, func(recs []sms.Record) error { n = len(recs); return errStop })
	if err != nil && !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	return n
}

func TestDeliverToSessions(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme+`---
kind: SMPPUser
name: other
spec: {account: acme, password: `+testPassword+`}
`), nil)
	own := e.bind(t, smpptest.ESMEConfig{})
	other := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{SystemID: "other", Mode: smpp.BindReceiver}})
	_ = e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{SystemID: "other", Mode: smpp.BindTransmitter}})
	a, b := receiptFor("acme", "acme-smpp", sms.Normal), receiptFor("acme", "other", sms.Alert)
	deliver(t, e.bus, a, b)
	wantReceipt(t, own, a.ID)
	wantReceipt(t, other, b.ID)
	c := receiptFor("acme", "some-api-key", sms.Bulk) // no webhook: any session will do
	deliver(t, e.bus, c)
	waitFor(t, "the third receipt", func() bool { return own.Count()+other.Count() == 3 })
	wantNothingLeft(t, e, "acme")
}

func TestDeliverMO(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{Mode: smpp.BindReceiver}})
	mo := &sms.MO{
		Source: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}, Destination: sms.Address{Kind: sms.ShortCode, Value: "4321"}, Encoding: sms.GSM7, Text: "STOP",
	}
	deliver(t, e.bus, &sms.Delivery{ID: sms.NewIDs(nil).Next(), Account: "acme", Lane: sms.Normal, Time: time.Now(), MO: mo})
	got, err := esme.Next(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	if m := got.Deliver(); string(m.ShortMessage) != "STOP" || m.Source.Addr != "64211234567" || m.Destination.Addr != "4321" || m.ESMClass != 0 {
		t.Errorf("deliver_sm %+v", m)
	}
}

// More than a window and a batch hold goes to a customer who keeps up, once each and without being parked.
func TestBurstIsNotParked(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	const n = 6000
	seen := newTally(n)
	for range 2 {
		e.bind(t, smpptest.ESMEConfig{Script: seen.take, Keep: -1})
	}
	for i := range n {
		publish(t, e.bus, receiptFor("acme", "acme-smpp", sms.Lanes()[i%3]))
	}
	seen.wait(t)
	wantNothingLeft(t, e, "acme")
	if parked := parkedSoFar(t, e.Edge); parked > 0 {
		t.Errorf("%.0f were parked", parked)
	}
}

func TestParkedUntilBound(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	var ids []sms.ID
	for range 30 {
		d := receiptFor("acme", "acme-smpp", sms.Normal)
		ids = append(ids, d.ID)
		deliver(t, e.bus, d)
	}
	waitFor(t, "the receipts to be parked", func() bool {
		return len(e.stored(t, streams.Deliver, streams.ParkedSubject("acme"))) == 30
	})
	esme := e.bind(t, smpptest.ESMEConfig{})
	for _, id := range ids {
		wantReceipt(t, esme, id)
	}
	wantNothingLeft(t, e, "acme")
}

func TestParkedIsDrainedAtStart(t *testing.T) {
	var took atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		took.Add(1)
	}))
	defer hook.Close()
	bus := streamstest.New(t)
	if err := bus.Store(deadline(t), streams.ParkedSubject("hooked"), &sms.Record{Delivery: receiptFor("hooked", "key", sms.Normal)}); err != nil {
		t.Fatal(err)
	}
	e := runEdgeOn(t, bus, liveYAML(t, hooked(hook.URL)), nil)
	waitFor(t, "the webhook call", func() bool { return took.Load() == 1 })
	wantNothingLeft(t, e, "hooked")
}

func TestParkedTooLongIsDropped(t *testing.T) {
	bus := streamstest.New(t)
	old := receiptFor("acme", "acme-smpp", sms.Normal)
	old.Time = time.Now().Add(-parkKeep - time.Hour)
	if err := bus.Store(deadline(t), streams.ParkedSubject("acme"), &sms.Record{Delivery: old}); err != nil {
		t.Fatal(err)
	}
	e := runEdgeOn(t, bus, liveYAML(t, acme), nil)
	wantNothingLeft(t, e, "acme")
	events := e.stored(t, streams.Events, streams.EventSubject("edge"))
	if len(events) != 1 || events[0].Event.Kind != sms.EventParked || events[0].Event.ID != old.ID || events[0].Event.Error != "expired" {
		t.Errorf("events %+v", events)
	}
}

func TestTemporaryRefusalIsTriedAgain(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{Script: smpptest.Sequence(smpptest.Answer{Status: smpp.StatusTemporaryAppError}, smpptest.Answer{})})
	d := receiptFor("acme", "acme-smpp", sms.Normal)
	deliver(t, e.bus, d)
	wantReceipt(t, esme, d.ID)
	wantReceipt(t, esme, d.ID)
	wantNothingLeft(t, e, "acme")
}

func TestPermanentRefusalIsAnEvent(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{Script: smpptest.Always(smpptest.Answer{Status: smpp.StatusRejectAppError})})
	d := receiptFor("acme", "acme-smpp", sms.Normal)
	deliver(t, e.bus, d)
	wantReceipt(t, esme, d.ID)
	waitFor(t, "the event", func() bool {
		recs := e.stored(t, streams.Events, streams.EventSubject("edge"))
		return len(recs) == 1 && recs[0].Event.Kind == sms.EventHandedOver && recs[0].Event.Status == uint32(smpp.StatusRejectAppError) && recs[0].Event.ID == d.ID
	})
	wantNothingLeft(t, e, "acme")
	if n := esme.Count(); n != 1 {
		t.Errorf("delivered %d times", n)
	}
}

func TestSessionDropLosesNothing(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	first := e.bind(t, smpptest.ESMEConfig{Script: smpptest.Always(smpptest.Answer{Silent: true})})
	want := map[string]bool{}
	for range 25 { // more than a window
		d := receiptFor("acme", "acme-smpp", sms.Normal)
		want[d.ID.String()] = true
		deliver(t, e.bus, d)
	}
	waitFor(t, "as many as may be open", func() bool { return first.Count() >= openBatches })
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := e.bind(t, smpptest.ESMEConfig{})
	for len(want) > 0 {
		got, err := second.Next(deadline(t))
		if err != nil {
			t.Fatalf("%d receipts are lost: %v", len(want), err)
		}
		r, _ := got.Deliver().Receipt()
		delete(want, r.MessageID)
	}
	wantNothingLeft(t, e, "acme")
}

func TestSlowCustomerStopsNobody(t *testing.T) {
	bus := streamstest.New(t, streamstest.With(func(c *streams.Config) { c.Shards = 1 }))
	e := runEdgeOn(t, bus, liveYAML(t, acme+`---
kind: Account
name: quick
spec: {}
---
kind: SMPPUser
name: quick
spec: {account: quick, password: `+testPassword+`}
`), func(c *Config) { c.Shards = 1 })
	slow := e.bind(t, smpptest.ESMEConfig{Script: smpptest.Always(smpptest.Answer{Hold: true})})
	quick := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{SystemID: "quick"}})
	// Each is a batch of its own, and there are more of them than a reader may have open.
	want := map[string]int{}
	for range 5 * openBatches {
		d := receiptFor("acme", "acme-smpp", sms.Normal)
		want[d.ID.String()] = 1
		deliver(t, e.bus, d)
	}
	waitFor(t, "a full window or no batch left", func() bool { return slow.Count() >= openBatches })
	d := receiptFor("quick", "quick", sms.Normal)
	deliver(t, e.bus, d)
	alert := receiptFor("quick", "quick", sms.Alert)
	deliver(t, e.bus, alert)
	got := map[string]bool{}
	for range 2 {
		r, err := quick.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		receipt, _ := r.Deliver().Receipt()
		got[receipt.MessageID] = true
	}
	if !got[d.ID.String()] || !got[alert.ID.String()] {
		t.Errorf("got %v", got)
	}
	// The late answers count: nothing is delivered twice, and all in the end.
	waitFor(t, "the slow customer to have all", func() bool {
		slow.Release(-1)
		return slow.Count() >= len(want)
	})
	slow.Release(-1)
	have := map[string]int{}
	for range len(want) {
		r, err := slow.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		receipt, _ := r.Deliver().Receipt()
		have[receipt.MessageID]++
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

// hooked is an account with a key and a webhook.
func hooked(url string) string {
	return `
kind: Account
name: hooked
spec: {webhook: {url: "` + url + `", secret: 0123456789abcdef0123456789abcdef, timeout: 5s}}
---
kind: APIKey
name: key
spec: {account: hooked, key: 0123456789abcdef0123456789abcdef}
`
}

func TestWebhookFailsAndRecovers(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	var took, failed atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			failed.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		took.Add(1)
	}))
	defer hook.Close()
	e := runEdge(t, liveYAML(t, hooked(hook.URL)), nil)
	const n = 20
	for range n {
		deliver(t, e.bus, receiptFor("hooked", "key", sms.Normal))
	}
	waitFor(t, "the receipts to be parked", func() bool {
		return failed.Load() > 0 && len(e.stored(t, streams.Deliver, streams.ParkedSubject("hooked"))) >= n
	})
	broken.Store(false)
	waitFor(t, "the webhook to get all", func() bool { return took.Load() == n })
	wantNothingLeft(t, e, "hooked")
}

func TestReceiptsNobodyCanTake(t *testing.T) {
	e := runEdge(t, liveYAML(t, strings.Replace(hooked("http://127.0.0.1:9"), "spec: {webhook", "spec: {suspended: false} # {webhook", 1)), nil)
	deliver(t, e.bus, receiptFor("hooked", "key", sms.Normal))
	wantNothingLeft(t, e, "hooked")
	mo := receiptFor("hooked", "", sms.Normal)
	mo.MO = &sms.MO{Encoding: sms.GSM7, Text: "hi"}
	deliver(t, e.bus, mo)
	waitFor(t, "the MO to be parked", func() bool { return parkedCount(t, e.bus, "hooked") == 1 })
}

func TestClosedWebhookDoesNotHoldUpSessions(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer hook.Close()
	bus := streamstest.New(t)
	live := liveYAML(t, hooked(hook.URL)+`---
kind: SMPPUser
name: user
spec: {account: hooked, system_id: acme, password: `+testPassword+`}
`)
	byHook, bySMPP := receiptFor("hooked", "key", sms.Normal), receiptFor("hooked", "user", sms.Normal)
	for _, d := range []*sms.Delivery{byHook, bySMPP} {
		if err := bus.Store(deadline(t), streams.ParkedSubject("hooked"), &sms.Record{Delivery: d}); err != nil {
			t.Fatal(err)
		}
	}
	e := runEdgeOn(t, bus, live, nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	wantReceipt(t, esme, bySMPP.ID)
	waitFor(t, "only the webhook's to be left", func() bool { return parkedCount(t, bus, "hooked") == 1 })
}

func TestShutdownParksWhatIsOutstanding(t *testing.T) {
	bus := streamstest.New(t)
	e := runEdgeOn(t, bus, liveYAML(t, acme), func(c *Config) { c.Drain = 500 * time.Millisecond })
	esme := e.bind(t, smpptest.ESMEConfig{Script: smpptest.Always(smpptest.Answer{Silent: true})})
	d := receiptFor("acme", "acme-smpp", sms.Normal)
	deliver(t, bus, d)
	wantReceipt(t, esme, d.ID)
	_ = e.stop() // how long the peer leaves us waiting is not what is tested
	again := runEdgeOn(t, bus, liveYAML(t, acme), nil)
	wantReceipt(t, again.bind(t, smpptest.ESMEConfig{}), d.ID)
}
