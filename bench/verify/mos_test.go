package verify

import (
	"strings"
	"testing"

	"tasman/bench/journal"
	"tasman/smpp"
)

// TestMOsAreJoined joins messages from handsets of every fate, once as they must come and once as they may.
func TestMOsAreJoined(t *testing.T) {
	t.Parallel()
	const first = 9_000_004_094 // over the end of a page
	sent := journal.Entry{Kind: journal.MOSent}
	twice := journal.Entry{Kind: journal.MOSent, Outcome: journal.Unanswered}
	came := journal.Entry{Kind: journal.MO}
	for _, expected := range []bool{true, false} {
		j := New(Options{MOs: expected, Receipts: true})
		for i, entries := range [][]journal.Entry{
			{sent, came}, {came, sent}, {sent}, {sent, came, came}, {came, twice, came}, {came}, {twice},
		} {
			for _, e := range entries {
				e.Marker = first + uint64(i)
				j.Take(&e)
			}
		}
		foreign := came
		foreign.Marker = journal.NoMarker
		j.Take(&foreign)
		j.Accepted(1, "id", epoch)
		j.Receipt("id", smpp.StateDelivered)
		v := j.Result()
		got := []uint64{v.MOsSent, v.MOsReceived, v.MOsLost, v.MOsDuplicated, v.MOsRepeated, v.MOsUnknown}
		for i, want := range []uint64{6, 5, 2, 1, 1, 1} {
			if got[i] != want {
				t.Errorf("count %d of %v is not %d", i, got, want)
			}
		}
		if e := v.Examples; len(e["mos_lost"]) != 2 || e["mos_lost"][0] != "#9000004096" || e["mos_duplicated"][0] != "#9000004097" {
			t.Errorf("examples %v", e)
		}
		if v.OK == expected || expected && v.Verdict != "2 MOs lost, 1 MOs doubled of 1 accepted messages." {
			t.Errorf("expected %v: %v %q", expected, v.OK, v.Verdict)
		}
		var table strings.Builder
		if err := WriteTable(&table, v); err != nil {
			t.Fatal(err)
		}
		if row := "           2  MOs lost (#9000004096, #9000004100)"; !strings.Contains(table.String(), row) || strings.Contains(table.String(), "! "+row) != expected {
			t.Errorf("expected %v:\n%s", expected, table.String())
		}
	}
}

// TestMOsExpectedInVain: nothing was verified when no operator sent one.
func TestMOsExpectedInVain(t *testing.T) {
	t.Parallel()
	j := New(Options{MOs: true})
	j.Accepted(1, "id", epoch)
	if v := j.Result(); v.OK || !strings.Contains(v.Verdict, "none was verified") {
		t.Errorf("%v %q", v.OK, v.Verdict)
	}
}
