package results

import (
	"bytes"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
)

// FuzzRead: what is read can be written, read again as the same, shown and compared; what is not, is refused without a panic.
func FuzzRead(f *testing.F) {
	small := sample(start)
	small.Series.Points = small.Series.Points[:3]
	small.Response.Histogram, small.EndToEnd.Histogram = "", "" // large: they would be all that is changed
	for _, r := range []*Result{small, sampleVerify(), {Kind: KindSMSC}} {
		var b bytes.Buffer
		if err := r.Write(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	h := hdrhistogram.New(1, 1000, 1)
	if err := h.RecordValues(7, 9); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"schema":1,"response_ms":{"count":9,"histogram":"` + LatencyOf(h).Histogram + `"}}`))
	f.Add([]byte(`{"target":"x","loop":"open","errors":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := r.Write(&b); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatalf("%v\n%s", err, b.Bytes())
		}
		var c bytes.Buffer
		if err := again.Write(&c); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(b.String(), c.String()); d != "" {
			t.Error(d)
		}
		if err := WritePage(io.Discard, r); err != nil {
			t.Error(err)
		}
		compared, err := Compare(Side{Name: "a", Runs: []*Result{r}}, Side{Name: "b", Runs: []*Result{again}}, CompareOptions{Anyway: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range compared.Rows {
			if row.Verdict == Better || row.Verdict == Worse {
				t.Errorf("a result differs from itself: %+v", row)
			}
		}
		if err := compared.WritePage(io.Discard); err != nil {
			t.Error(err)
		}
	})
}

// TestWriteWithoutNaN: JSON has no NaN, and a result must not be lost for one.
func TestWriteWithoutNaN(t *testing.T) {
	t.Parallel()
	r := sample(start)
	r.AchievedRate = math.NaN()
	r.Series.Points[1].Response.P99 = math.Inf(1)
	r.Series.Points[2].Queues["MT"] = math.NaN()
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Read(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if got.AchievedRate != 0 || got.Series.Points[1].Response.P99 != 0 || got.Series.Points[2].Queues["MT"] != 0 {
		t.Error("not 0")
	}
	if want := "3 numbers were not finite and are written as 0, the first of them achieved_rate"; !strings.Contains(strings.Join(got.Notes, " "), want) {
		t.Errorf("notes: %q", got.Notes)
	}
}
