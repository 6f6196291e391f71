package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/bench/results"
	"tasman/smpp"
	"tasman/sms"
)

func TestLoadAgainstTheSimulator(t *testing.T) {
	const n = 5000
	for _, c := range []struct {
		name string
		o    LoadOptions
	}{
		{"open loop", LoadOptions{Rate: 20_000, Binds: 3, Window: 50, Receipts: true}},
		{"closed loop", LoadOptions{Binds: 2, Window: 20, Receipts: true, First: 1 << 20}},
		{"few outstanding", LoadOptions{Binds: 2, Window: 50, MaxOutstanding: 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startSMSC(t, SMSCOptions{Verify: true, ID: IDUUID, Latency: Delay{Mean: time.Millisecond, Spread: SpreadExponential},
				ReceiptDelay: Delay{Mean: 5 * time.Millisecond, Spread: SpreadUniform}, EarlyShare: 0.001})
			c.o.SMPP, c.o.SystemID, c.o.Count, c.o.Drain = s.Addr().String(), "load", n, testTime
			r, err := Load(t.Context(), c.o, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if r.Sent != n || r.Accepted != n || r.Intended != n || r.Unanswered != 0 || len(r.Errors) != 0 || r.Response.Count != n {
				t.Errorf("result %+v", r)
			}
			if c.o.Receipts {
				want := &results.ReceiptCounts{Expected: n, Received: n, ByStat: map[string]uint64{"DELIVRD": n}}
				if diff := cmp.Diff(want, r.Receipts); diff != "" || r.EndToEnd.Count != n {
					t.Errorf("%d receipts measured; counts (-want +got):\n%s", r.EndToEnd.Count, diff)
				}
			} else if r.Receipts != nil {
				t.Error("receipts were not asked for")
			}
			if got := s.Stats(); got.Submits != n || got.Distinct != n || got.Repeated != 0 || got.Binds != uint64(c.o.Binds) {
				t.Errorf("the simulator saw %+v", got)
			}
		})
	}
}

func TestLoadNeverHasMoreOutstanding(t *testing.T) {
	const limit = 5
	most := 0
	var s *SMSC
	s = NewSMSC(SMSCOptions{Seed: 1, Latency: Delay{Mean: 2 * time.Millisecond}, OnSubmit: func(*smpp.SubmitSM) {
		got := s.Stats() // on the one reader: nothing else counts submits
		most = max(most, int(got.Submits-got.Answered))
	}})
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	r, err := Load(t.Context(), LoadOptions{SMPP: s.Addr().String(), SystemID: "load", Count: 200, MaxOutstanding: limit, Rate: 100_000}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	// An answer is counted just after it is written, so one more may seem to be out.
	if most > limit+1 || r.Accepted != 200 || r.HeldBack == 0 || r.HeldBack > 200 {
		t.Errorf("%d outstanding, %d accepted, %d held back", most, r.Accepted, r.HeldBack)
	}
}

func TestLoadCountsWhatIsRefused(t *testing.T) {
	s := startSMSC(t, SMSCOptions{})
	r, err := Load(t.Context(), LoadOptions{SMPP: s.Addr().String(), SystemID: "load", Count: 9,
		To: []string{"64211230001", "64211239003", "64211239011"}, Window: 1, Receipts: true, Drain: testTime, Rate: 1000}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{smpp.StatusInvalidDestination.String(): 3, "outcome unknown: the session ended": 3}
	if diff := cmp.Diff(want, r.Errors); diff != "" || r.Accepted != 3 || r.Sent != 9 {
		t.Errorf("accepted %d of %d; errors (-want +got):\n%s", r.Accepted, r.Sent, diff)
	}
	if r.Redials == 0 || r.Receipts.Received != 3 {
		t.Errorf("%d redials, %d receipts", r.Redials, r.Receipts.Received)
	}
}

func TestLoadPutsTheLaneAndTheWishIntoThePDU(t *testing.T) {
	seen := make(chan [2]uint8, 1)
	s := startSMSC(t, SMSCOptions{OnSubmit: func(m *smpp.SubmitSM) { seen <- [2]uint8{m.PriorityFlag, m.RegisteredDelivery} }})
	for _, c := range []struct {
		lane     sms.Lane
		receipts bool
		want     [2]uint8
	}{{0, false, [2]uint8{0, 0}}, {sms.Alert, true, [2]uint8{3, 1}}, {sms.Bulk, false, [2]uint8{0, 0}}} {
		o := LoadOptions{SMPP: s.Addr().String(), SystemID: "load", Count: 1, Lane: c.lane, Receipts: c.receipts}
		if _, err := Load(t.Context(), o, io.Discard); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != c.want {
			t.Errorf("%v: %v", c.lane, got)
		}
	}
}

func TestLoadRefusesToBegin(t *testing.T) {
	s := startSMSC(t, SMSCOptions{SystemID: "somebody"})
	for name, o := range map[string]LoadOptions{
		"no target":        {Count: 1},
		"no end":           {SMPP: "127.0.0.1:1"},
		"negative rate":    {SMPP: "127.0.0.1:1", Count: 1, Rate: -1},
		"bind refused":     {SMPP: s.Addr().String(), SystemID: "nobody", Count: 1},
		"no URL":           {HTTP: "localhost:8080", Count: 1},
		"webhook not free": {SMPP: s.Addr().String(), SystemID: "somebody", Count: 1, Webhook: s.Addr().String()},
	} {
		if r, err := Load(t.Context(), o, io.Discard); err == nil {
			t.Errorf("%s: result %+v", name, r)
		}
	}
}

func loadCmd(t *testing.T, s *SMSC) LoadCmd {
	t.Helper()
	return LoadCmd{LoadFlags: LoadFlags{SMPP: s.Addr().String(), SystemID: "load", Binds: 1, Window: 10, Count: 20, Receipts: true, Drain: testTime},
		JSON: "-", Quiet: true}
}

func TestLoadCmdPrintsJSON(t *testing.T) {
	s := startSMSC(t, SMSCOptions{})
	var out bytes.Buffer
	c := loadCmd(t, s)
	if err := c.Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	var fields []string
	for name := range got {
		fields = append(fields, name)
	}
	slices.Sort(fields)
	want := []string{"accepted", "achieved_rate", "command", "duration_s", "end_to_end_ms", "errors", "held_back", "intended", "kind", "loop", "machine",
		"notes", "offered_rate", "processes", "receipts", "redials", "response_ms", "schema", "sent", "series", "shape", "started", "target", "tool", "unanswered"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if got["accepted"] != 20. || got["loop"] != "closed" || got["response_ms"].(map[string]any)["p99.9"].(float64) <= 0 {
		t.Errorf("result %s", out.Bytes())
	}
}

func TestLoadCmdWritesAFile(t *testing.T) {
	s := startSMSC(t, SMSCOptions{})
	c := loadCmd(t, s)
	c.JSON = filepath.Join(t.TempDir(), "result.json")
	if err := c.Run(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(c.JSON)
	var got results.Result
	if err != nil || json.Unmarshal(body, &got) != nil || got.Accepted != 20 {
		t.Errorf("%s, %v", body, err)
	}
}

func TestLoadCmdFailsWhenNothingIsAccepted(t *testing.T) {
	s := startSMSC(t, SMSCOptions{ThrottledShare: 1})
	var out bytes.Buffer
	c := loadCmd(t, s)
	if err := c.Run(t.Context(), &out); !errors.Is(err, ErrNothingAccepted) {
		t.Errorf("%v", err)
	}
	if out.Len() == 0 {
		t.Error("no result")
	}
	c.Lane = "express"
	if err := c.Run(t.Context(), &out); err == nil || errors.Is(err, ErrNothingAccepted) {
		t.Errorf("an unknown lane: %v", err)
	}
}

func TestSMSCCmd(t *testing.T) {
	c := SMSCCmd{Listen: []string{"127.0.0.1:0"}, For: 20 * time.Millisecond, Quiet: true}
	var out bytes.Buffer
	if err := c.Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	var got SMSCStats
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Submits != 0 {
		t.Errorf("%s, %v", out.Bytes(), err)
	}
	early := 1.5
	c.Early = &early
	if err := c.Run(t.Context(), &out); err == nil {
		t.Error("a share of 1.5 was taken")
	}
}

// BenchmarkHarness is the harness alone: a closed loop with receipts against a simulator, both in this process. What it
// reports is the most that a measurement with it can show.
func BenchmarkHarness(b *testing.B) {
	s := NewSMSC(SMSCOptions{ReceiptDelay: Delay{Mean: 100 * time.Millisecond, Spread: SpreadUniform}, Verify: true})
	if err := s.Start("127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	o := LoadOptions{SMPP: s.Addr().String(), SystemID: "load", Binds: 4, Window: 500, Count: uint64(b.N), Receipts: true, Drain: time.Minute}
	b.ReportAllocs()
	b.ResetTimer()
	r, err := Load(context.Background(), o, io.Discard)
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	if r.Accepted != uint64(b.N) || r.Receipts.Received != uint64(b.N) || s.Stats().Distinct != uint64(b.N) {
		b.Errorf("%d messages: %d accepted, %d receipts, %d distinct", b.N, r.Accepted, r.Receipts.Received, s.Stats().Distinct)
	}
	b.ReportMetric(r.AchievedRate, "submit_sm/s")
	if err := s.Close(context.Background()); err != nil {
		b.Error(err)
	}
}

// TestSMSCThatIsSilent is TestTargetThatHangs by SMPP.
func TestSMSCThatIsSilent(t *testing.T) {
	s := startSMSC(t, SMSCOptions{SilentShare: 1})
	r, err := Load(t.Context(), LoadOptions{SMPP: s.Addr().String(), SystemID: "load", Window: 3, Rate: 20, For: time.Second,
		Timeout: 300 * time.Millisecond}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	late := r.Errors["outcome unknown: timed out"]
	if r.Accepted != 0 || late == 0 || r.Sent+r.Unsent != r.Intended || uint64(r.Response.Count) != late+r.Unsent || r.Response.P50 < 300 {
		t.Errorf("%+v, latencies %+v", r.Totals, r.Response)
	}
}
