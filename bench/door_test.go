package bench

import (
	"math/rand/v2"
	"strings"
	"testing"

	"tasman/smpp"
)

// TestSharesAreThoseThatTheySay draws with shares that exclude each other.
func TestSharesAreThoseThatTheySay(t *testing.T) {
	t.Parallel()
	const n = 100_000
	p := newPlan(Settings{Throttled: 0.3, Errors: 0.3, Silent: 0.2,
		Receipts: ReceiptSettings{Undeliverable: 0.5, Expired: 0.5, None: 0.4, Twice: 0.4, WrongID: 0.5, UnknownID: 0.5}})
	d := &door{rand: rand.New(rand.NewPCG(1, 1))}
	counts := map[string]int{}
	accepted := 0
	for range n {
		v := d.drawVerdict(p)
		switch {
		case v.status == smpp.StatusThrottled:
			counts["throttled"]++
			continue
		case v.status == smpp.StatusSystemError:
			counts["errors"]++
			continue
		case v.silent:
			counts["silent"]++
			continue
		}
		accepted++
		for name, is := range map[string]bool{"undeliverable": v.state == smpp.StateUndeliverable, "expired": v.state == smpp.StateExpired,
			"none": v.receipts == 0, "twice": v.receipts == 2, "wrong": v.mistake == wrongID, "unknown": v.mistake == unknownID} {
			if is {
				counts[name]++
			}
		}
	}
	for name, want := range map[string]float64{"throttled": 0.3, "errors": 0.3, "silent": 0.2} {
		checkDrawn(t, name, counts[name], n, want)
	}
	for name, want := range map[string]float64{"undeliverable": 0.5, "expired": 0.5, "none": 0.4, "twice": 0.4, "wrong": 0.5, "unknown": 0.5} {
		checkDrawn(t, name, counts[name], accepted, want)
	}
}

func checkDrawn(t *testing.T, name string, got, of int, want float64) {
	t.Helper()
	if share := float64(got) / float64(of); share < want-0.02 || share > want+0.02 {
		t.Errorf("%s: %v, not %v", name, share, want)
	}
}

func TestSharesOfMoreThanAllAreRefused(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]Settings{
		"throttled, errors and silent: 0.5 + 0.5 + 0.5 is 1.5": {Throttled: 0.5, Errors: 0.5, Silent: 0.5},
		"receipts.undeliverable and receipts.expired: 1 + 0.1": {Receipts: ReceiptSettings{Undeliverable: 1, Expired: 0.1}},
		"receipts.none and receipts.twice":                     {Receipts: ReceiptSettings{None: 0.6, Twice: 0.6}},
		"receipts.wrong_id and receipts.unknown_id":            {Receipts: ReceiptSettings{WrongID: 0.6, UnknownID: 0.6}},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	if err := (&Settings{Throttled: 0.1, Errors: 0.2, Silent: 0.7}).Validate(); err != nil {
		t.Error(err)
	}
	half := 0.5
	c := SMSCCmd{SMSCFlags: SMSCFlags{Throttled: &half, Errors: &half, Silent: &half}}
	if _, err := c.scenario(); err == nil {
		t.Error("the flags take it")
	}
	if _, err := ParseScenario("f.yaml", []byte("errors: 0.7\nthrottled: 0.7\n")); err == nil || !strings.Contains(err.Error(), "f.yaml:1:1: throttled, errors") {
		t.Error(err)
	}
	usual := Settings{Errors: 0.1, Silent: 0.1}
	if s, err := (&soakFault{Fault: faultThrottle}).settings(usual); err != nil || s.Validate() != nil {
		t.Errorf("%v, %v", err, s.Validate())
	}
}
