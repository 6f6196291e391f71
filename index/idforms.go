package index

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// formNames are the ways in which a carrier was seen to write the ids of its answers in receipts.
var formNames = [...]struct {
	bit  byte
	name string
}{
	{formExact, "same"},
	{formSpelling, "other_case_or_zeros"},
	{formDecimalReceipts, "decimal_for_hex"},
	{formHexReceipts, "hex_for_decimal"},
}

// IDForms says how a carrier writes ids in receipts, as learned from those that were matched: same (as it answered the
// submit), other_case_or_zeros, decimal_for_hex, hex_for_decimal. None = not known yet.
func (x *Index) IDForms(carrier string) []string { return namesOf(x.forms.of(carrier)) }

func namesOf(seen byte) (names []string) {
	for _, f := range formNames {
		if seen&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// IDForm is IDForms in one word, for people.
func (x *Index) IDForm(carrier string) string {
	return strings.ReplaceAll(strings.Join(x.IDForms(carrier), ", "), "_", " ")
}

// formGauge is a metric with one series for each form that a carrier was seen to use.
type formGauge struct {
	book *formBook
	desc *prometheus.Desc
}

func newFormGauge(b *formBook) formGauge {
	return formGauge{b, prometheus.NewDesc("tasman_carrier_id_form",
		"1 for each way in which the carrier was seen to write the ids of its answers in receipts.", []string{"carrier", "form"}, nil)}
}

// Describe implements prometheus.Collector.
func (g formGauge) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc }

// Collect implements prometheus.Collector.
func (g formGauge) Collect(ch chan<- prometheus.Metric) {
	g.book.mu.RLock()
	defer g.book.mu.RUnlock()
	for carrier, seen := range g.book.forms {
		for _, name := range namesOf(seen) {
			ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, 1, carrier, name)
		}
	}
}
