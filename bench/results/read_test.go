package results

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
)

func TestReadRefusesPrecisely(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"schema":2,"target":"x","colour":1}`:                                               "schema 2 is newer than 1",
		`{"schema":1,"kind":"load","target":"x","colour":1}`:                                 "unknown field colour",
		`{"schema":1,"kind":"load","Target":"x"}`:                                            "unknown field Target",
		`{"schema":1,"kind":"load","response_ms":{"p98":1}}`:                                 "unknown field response_ms.p98; known there: count, histogram, max",
		`{"schema":1,"series":{"interval_s":1,"points":[{"at_s":1},{"att":2}]}}`:             "unknown field series.points[1].att",
		`{"schema":1,"series":{"interval_s":1,"points":[{"processes":{"gw":{"cpu":1}}}]}}`:   `unknown field series.points[0].processes["gw"].cpu`,
		`{"schema":1,"kind":"party"}`:                                                        `kind: "party", one of ["load"`,
		`{"schema":1,"loop":"round"}`:                                                        `loop: "round"`,
		`{"schema":1,"series":{"interval_s":0,"points":[{"at_s":1}]}}`:                       "series.interval_s: 0, more than 0",
		`{"schema":1,"series":{"interval_s":1,"points":[{"at_s":1},{"at_s":2},{"at_s":2}]}}`: "series.points[2].at_s: 2 is not after 2",
		"{\"schema\":1,\n\"sent\":\"many\"}":                                                 "line 2: sent: string, uint64 is wanted",
		"{\"schema\":1,\n\"sent\":}":                                                         "line 2: invalid character",
		`{"schema":1} {"schema":1}`:                                                          "after top-level value",
		`[]`:                                                                                 "an object is wanted",
		`{}`:                                                                                 "neither schema nor target",
		``:                                                                                   "unexpected end",
	} {
		_, err := Read(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

// TestReadsWhatWasWrittenBeforeSchemas has the document as the first `bench load` wrote it.
func TestReadsWhatWasWrittenBeforeSchemas(t *testing.T) {
	t.Parallel()
	r, err := Read(strings.NewReader(`{"target":"smpp://h:1","loop":"open","started":"2026-11-21T06:00:00Z","duration_s":10,"offered_rate":1000,
		"achieved_rate":999.5,"intended":10000,"sent":10000,"accepted":9995,"unanswered":0,"held_back":3,"errors":{"ESME_RTHROTTLED":5},
		"redials":1,"response_ms":{"count":9995,"p50":1,"p90":2,"p95":3,"p99":4,"p99.9":5,"max":6,"mean":1.5},
		"receipts":{"expected":9995,"received":9995,"missing":0,"duplicates":0,"unmatched":0,"intermediate":0,"by_stat":{"DELIVRD":9995}},
		"end_to_end_ms":{"count":9995,"p50":1000,"p90":1001,"p95":1002,"p99":1003,"p99.9":1004,"max":1005,"mean":1000}}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.Kind != KindLoad || r.Accepted != 9995 || r.Failed() != 5 || r.Response.P999 != 5 || r.EndToEnd.P50 != 1000 || r.Receipts.ByStat["DELIVRD"] != 9995 {
		t.Errorf("read %+v", r)
	}
}

func TestWriteRead(t *testing.T) {
	t.Parallel()
	want := sample(time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC))
	want.Unsent, want.Stalls = 7, []Stall{{At: 42.5, For: 0.25}}
	want.Shape.Messages, want.Shape.API = "gsm7 160, udh8", "kannel"
	var b bytes.Buffer
	if err := want.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-written +read\n%s", d)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	var parts []*Latency
	whole := hdrhistogram.New(1, 3_600_000_000, 3)
	for i := range int64(4) {
		h := hdrhistogram.New(1, 3_600_000_000, 3)
		for v := range int64(1000) {
			for _, to := range []*hdrhistogram.Histogram{h, whole} {
				if err := to.RecordValue(1000*i + v + 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		parts = append(parts, LatencyOf(h))
	}
	got, err := Merge(append(parts, nil, &Latency{})...)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(LatencyOf(whole), got); d != "" {
		t.Errorf("-whole +merged\n%s", d)
	}
	if _, err := Merge(&Latency{Count: 1, P50: 3}); err == nil {
		t.Error("percentiles without a histogram were merged")
	}
}

// TestNoPercentileIsAboveTheMaximum: the maximum is exact, a percentile the upper edge of its bucket.
func TestNoPercentileIsAboveTheMaximum(t *testing.T) {
	t.Parallel()
	r := &Result{Response: &Latency{Count: 3, P50: 1, P99: 56.383, P999: 56.383, Max: 56.363}, EndToEnd: &Latency{Count: 1, P50: 7},
		Find: &Find{Steps: []FindStep{{Response: &Quantiles{Count: 3, P50: 1, P95: 2, P99: 56.383, Max: 56.363}}}}}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "56.383") {
		t.Errorf("above the maximum of 56.363:\n%s", b.String())
	}
	got, err := Read(strings.NewReader(`{"schema":1,"response_ms":{"count":3,"p50":1,"p99.9":56.383,"max":56.363},
		"end_to_end_ms":{"count":1,"p50":7}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Response.P999 != 56.363 || got.Response.P50 != 1 || got.EndToEnd.P50 != 7 {
		t.Errorf("read %+v and %+v", got.Response, got.EndToEnd)
	}
}

// TestWriteNamesTheFile: an error is about the file that was asked for, not about the one beside it that is renamed.
func TestWriteNamesTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{filepath.Join(dir, "nowhere", "x.html"), dir} {
		err := WritePageFile(name, sampleVerify())
		if err == nil || !strings.HasPrefix(err.Error(), name+" cannot be written: ") || strings.Contains(err.Error(), "/.") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
