package index

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tasman/sms"
	"tasman/streams"
)

func handset(number string) sms.Address { return sms.Address{Kind: sms.MSISDN, Value: number} }

// sentTo has a carrier take a message to a handset under an id.
func sentTo(t *testing.T, x *Index, carrierID, number string) *sms.Message {
	t.Helper()
	m := messageAt(start())
	m.Destination = handset(number)
	note(t, x, sms.Record{Message: m}, sms.Record{Event: sentOf(m, "one", carrierID)})
	return m
}

func receiptOf(carrierID string, source, dest sms.Address) *sms.Inbound {
	return &sms.Inbound{Carrier: "one", Source: source, Dest: dest, Receipt: &sms.Receipt{CarrierID: carrierID, State: sms.StateDelivered}}
}

// TestTheHandsetDecidesBetweenReadings has an operator answer in hexadecimal: 100 and 64, which is 100 in decimal.
func TestTheHandsetDecidesBetweenReadings(t *testing.T) {
	const ours, first, second, third = "61480000001", "64211111111", "64222222222", "64233333333"
	for label, c := range map[string]struct {
		heard        []string // receipts before
		source, dest sms.Address
		want         string // the handset of the message
	}{
		"the converted one's":                      {nil, handset(second), handset(ours), second},
		"the other's":                              {nil, handset(first), handset(ours), first},
		"in national form":                         {nil, handset("0222222222"), handset(ours), second},
		"not swapped":                              {nil, handset(ours), handset(second), second},
		"nobody's":                                 {nil, handset(third), handset(ours), first},
		"nobody's, the carrier converts":           {[]string{"175"}, handset(third), handset(ours), second},
		"not told":                                 {nil, sms.Address{}, sms.Address{}, first},
		"not told, the carrier converts":           {[]string{"175"}, sms.Address{}, sms.Address{}, second},
		"the other's, the carrier converts":        {[]string{"175"}, handset(first), handset(ours), first},
		"of the converted, ids are hex throughout": {[]string{"af"}, handset(second), handset(ours), first},
	} {
		t.Run(label, func(t *testing.T) {
			x := open(t, "", Options{})
			sentTo(t, x, "af", third)
			want := map[string]sms.ID{first: sentTo(t, x, "100", first).ID, second: sentTo(t, x, "64", second).ID}
			for _, id := range c.heard {
				if _, found, err := x.ByReceipt(receiptOf(id, handset(third), handset(ours))); !found || err != nil {
					t.Fatalf("earlier receipt %s: %v, %v", id, found, err)
				}
			}
			got, found, err := x.ByReceipt(receiptOf("100", c.source, c.dest))
			if err != nil || !found || got.ID != want[c.want] {
				t.Errorf("found %v, %v: %s, want %s", found, err, got.ID, want[c.want])
			}
		})
	}
}

// TestMemoryLooksAtTheHandset holds that a remembered message of the same id does not take the receipt of another whose id
// the carrier converted.
func TestMemoryLooksAtTheHandset(t *testing.T) {
	for label, c := range map[string]struct {
		mixes  bool
		source string
		taken  bool
	}{
		"the carrier mixes bases, another handset":      {true, "64222222222", false},
		"the carrier mixes bases, this handset":         {true, "64211111111", true},
		"the carrier mixes bases, national form":        {true, "0211111111", true},
		"the carrier mixes bases, no handset":           {true, "", true},
		"the carrier mixes no bases, another handset":   {false, "64222222222", true},
		"the carrier mixes no bases, the sender's code": {false, "8123", true},
	} {
		t.Run(label, func(t *testing.T) {
			x := open(t, "", Options{})
			if c.mixes {
				sentTo(t, x, "af", "64233333333")
			}
			remembered, other := messageAt(start()), sentTo(t, x, "64", "64222222222")
			bus := &published{}
			m := NewMatcher(x, bus, "test")
			m.Remember("one", "100", &Taken{ID: remembered.ID, Account: "acme", WantReceipt: sms.FinalReceipt, Destination: handset("64211111111"), Segments: 1})
			if !m.Receipt(context.Background(), receiptOf("100", handset(c.source), sms.Address{}), func(error) {}) {
				t.Fatal("not matched")
			}
			want := other.ID
			if c.taken {
				want = remembered.ID
			}
			if len(bus.ids) != 1 || bus.ids[0] != want {
				t.Errorf("matched %v, want %s", bus.ids, want)
			}
		})
	}
}

// published is a bus that stores at once.
type published struct{ ids []sms.ID }

// PublishSure implements Publisher.
func (p *published) PublishSure(_ context.Context, _ string, rec *sms.Record, done func(streams.Placed, error)) error {
	p.ids = append(p.ids, rec.ID())
	done(streams.Placed{}, nil)
	return nil
}

// Shard implements Publisher.
func (*published) Shard(string) int { return 0 }

func (*published) Hurry(string) {}

func TestIDForms(t *testing.T) {
	for label, c := range map[string]struct {
		answered, receipt string
		want              []string
	}{
		"same digits":      {"4711", "4711", []string{"same"}},
		"same letters":     {"a1", "a1", []string{"same"}},
		"other case":       {"a1", "A1", []string{"other_case_or_zeros"}},
		"zeros":            {"0004711", "4711", []string{"other_case_or_zeros"}},
		"decimal for hex":  {"af", "175", []string{"decimal_for_hex"}},
		"hex for decimal":  {"175", "AF", []string{"hex_for_decimal"}},
		"nothing came yet": {"4711", "", nil},
	} {
		t.Run(label, func(t *testing.T) {
			dir, registry := t.TempDir(), prometheus.NewRegistry()
			x := open(t, dir, Options{})
			sentTo(t, x, c.answered, "64211111111")
			if _, found, err := x.ByCarrierID("one", c.receipt); found != (c.receipt != "") || err != nil {
				t.Fatalf("found %v, %v", found, err)
			}
			if diff := cmp.Diff(c.want, x.IDForms("one")); diff != "" {
				t.Error(diff)
			}
			ok(t, x.Close())
			x = open(t, dir, Options{Registerer: registry}) // it is kept
			if diff := cmp.Diff(c.want, x.IDForms("one")); diff != "" {
				t.Errorf("after reopening: %s", diff)
			}
			if diff := cmp.Diff(c.want, seriesOf(t, registry)); diff != "" {
				t.Errorf("metric: %s", diff)
			}
		})
	}
}

// seriesOf returns the forms that the metric shows of carrier one.
func seriesOf(t *testing.T, g prometheus.Gatherer) (forms []string) {
	t.Helper()
	families := must[[]*dto.MetricFamily](t)(g.Gather())
	for _, f := range families {
		if f.GetName() != "tasman_carrier_id_form" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["carrier"] == "one" && m.GetGauge().GetValue() == 1 {
				forms = append(forms, labels["form"])
			}
		}
	}
	return forms
}

// TestFormsOfRememberedReceipts holds that receipts which never look into the store teach the form of ids too.
func TestFormsOfRememberedReceipts(t *testing.T) {
	x := open(t, "", Options{})
	m := NewMatcher(x, &published{}, "test")
	for _, id := range []string{"4711", "0a1b"} {
		m.Remember("one", id, &Taken{ID: messageAt(start()).ID, Account: "acme", WantReceipt: sms.FinalReceipt, Segments: 1})
		if !m.Receipt(context.Background(), receiptOf(id, sms.Address{}, sms.Address{}), func(error) {}) {
			t.Fatalf("%s is not matched", id)
		}
	}
	if seen := x.forms.of("one"); seen != formExact|formSame {
		t.Errorf("forms %b", seen)
	}
	if got := x.IDForm("one"); got != "same" {
		t.Errorf("shown as %q", got)
	}
}
