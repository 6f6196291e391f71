package index

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tasman/sms"
)

func counter(tb testing.TB, c prometheus.Counter) float64 {
	tb.Helper()
	var m dto.Metric
	ok(tb, c.Write(&m))
	return m.GetCounter().GetValue()
}

func TestWriteThroughAndTailTellOnce(t *testing.T) {
	x := open(t, "", Options{Registerer: prometheus.NewRegistry()})
	m := messageAt(start())
	m.Key, m.KeyCount = "k", 1
	facts := happy(m, "one", "17")
	for _, f := range facts {
		ok(t, x.Note(&f.rec))
	}
	before := dump(t, x)
	for i, f := range facts {
		ok(t, x.Apply(f.stream, f.subject, uint64(i+1), []sms.Record{f.rec}))
	}
	if d := cmp.Diff(before, dump(t, x)); d != "" {
		t.Errorf("the tail changed something: %s", d)
	}
	if w, s := counter(t, x.metrics.written), counter(t, x.metrics.skipped); w != 4 || s != 4 {
		t.Errorf("%v facts written and %v skipped, want 4 and 4", w, s)
	}
	x.noted.forget() // as after a restart: then the store itself must see that they are the same
	for i, f := range facts {
		ok(t, x.Apply(f.stream, f.subject, uint64(i+10), []sms.Record{f.rec}))
	}
	if d := cmp.Diff(before, dump(t, x)); d != "" {
		t.Errorf("the second tail changed something: %s", d)
	}
}

func TestApplyPassesOverWhatItHas(t *testing.T) {
	x := open(t, "", Options{})
	first, second := messageAt(start()), messageAt(start())
	ok(t, x.Apply("MT-0", "mt.0.normal", 5, []sms.Record{{Message: first}}))
	for _, seq := range []uint64{4, 5} {
		ok(t, x.Apply("MT-0", "mt.0.normal", seq, []sms.Record{{Message: second}}))
	}
	if p := must[Progress](t)(x.Progress(second.ID)); p.Known {
		t.Error("a batch below the position was applied")
	}
	ok(t, x.Apply("MT-1", "mt.1.normal", 4, []sms.Record{{Message: second}}))
	if p := must[Progress](t)(x.Progress(second.ID)); !p.Known {
		t.Error("a batch of another stream was passed over")
	}
	if x.pos.at("MT-0") != 5 || x.pos.at("MT-1") != 4 {
		t.Errorf("positions are %v", x.pos.seqs)
	}
}

func TestContentIsNotKept(t *testing.T) {
	x := open(t, "", Options{})
	m := messageAt(start())
	mo := &sms.Delivery{ID: messageAt(start()).ID, Account: "acme", MO: &sms.MO{Text: "secret reply", Data: []byte("secret")}}
	mo.MO.ID = mo.ID
	for _, f := range happy(m, "one", "1") {
		ok(t, x.Note(&f.rec))
	}
	ok(t, x.Note(&sms.Record{Delivery: mo}))
	it, err := x.db.NewIter(nil)
	ok(t, err)
	values := 0
	for it.First(); it.Valid(); it.Next() {
		values++
		if bytes.Contains(it.Value(), []byte("secret")) {
			t.Errorf("content under key %q", it.Key())
		}
	}
	ok(t, it.Close())
	if values < 4 || m.Text != "Kia ora secret" {
		t.Errorf("%d values; the message's text is now %q", values, m.Text)
	}
}

func TestRecordsThatAreNoFacts(t *testing.T) {
	x := open(t, "", Options{})
	before := dump(t, x)
	m := messageAt(start())
	ok(t, x.Note(nil, &sms.Record{}, &sms.Record{Event: &sms.Event{Kind: sms.EventOrphaned}},
		&sms.Record{Message: m, Inbound: &sms.Inbound{Carrier: "one"}}))
	if d := cmp.Diff(before, dump(t, x)); d != "" {
		t.Error(d)
	}
}

func TestClosed(t *testing.T) {
	x := open(t, "", Options{})
	ok(t, x.Close())
	ok(t, x.Close())
	m := messageAt(start())
	_, _, story := x.Story(m.ID)
	_, progress := x.Progress(m.ID)
	_, _, match := x.ByCarrierID("one", "1")
	_, recent := x.Recent(1, sms.ID{}, "")
	for name, err := range map[string]error{
		"story": story, "progress": progress, "match": match, "recent": recent, "note": x.Note(&sms.Record{Message: m}),
		"apply": x.Apply("MT-0", "", 1, nil), "learn": x.Learn("one", "1", Match{ID: m.ID, Segment: 1, Segments: 1, Attempt: 1}), "ready": x.Ready(),
		"follow": x.Follow(t.Context(), newFakeBus()),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
