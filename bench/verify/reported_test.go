package verify

import (
	"strings"
	"testing"

	"tasman/bench/results"
	"tasman/smpp"
	"tasman/sms"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	j := New(Options{Reported: true})
	for i, id := range []string{"a", "b", "c", "d"} {
		j.Sent(uint64(i), epoch)
		j.Accepted(uint64(i), id, epoch)
		j.Receipt(id, smpp.StateDelivered)
	}
	if err := j.CSV(strings.NewReader("id,state,duplicate\na, DELIVRD\n# a comment\nb,delivered,yes\nc,Expired,false\nz,enroute\n")); err != nil {
		t.Fatal(err)
	}
	v := j.Result()
	if v.Reported != 3 || v.ReportedMissing != 1 || v.ReportedDiffers != 1 || v.ReportedUnknown != 1 || v.Examples["reported_missing"][0] != "#0000000003" {
		t.Errorf("%+v", v)
	}
	var table strings.Builder
	if err := WriteTable(&table, v); err != nil || !strings.Contains(table.String(), "!            1  reports missing (#0000000003)") {
		t.Errorf("%v\n%s", err, table.String())
	}
	for text, want := range map[string]string{
		"a,delivered\nb,gone\n":  `line 2: state "gone" is not one of SMPP`,
		"a\n":                    "line 1: 1 fields",
		"a,delivered,maybe\n":    `line 1: duplicate is "maybe"`,
		"a,delivered\n\"b,x\n":   "line",
		"x,DELIVRD\n\n\nb,\n":    `line 4: state ""`,
		"a,delivered,yes,more\n": "line 1: 4 fields",
	} {
		if err := New(Options{}).CSV(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzCSV reads anything without a panic, and what it takes has a state.
func FuzzCSV(f *testing.F) {
	f.Add("id,state\na,DELIVRD\n")
	f.Add("\"a\"\"b\",expired,1\n#x\n")
	f.Fuzz(func(t *testing.T, text string) {
		j := New(Options{})
		if err := j.CSV(strings.NewReader(text)); err == nil && j.Result().Reported != 0 {
			t.Error("a message is reported that was not accepted")
		}
	})
}

func TestStatesOfTheDatabase(t *testing.T) {
	t.Parallel()
	for state, want := range map[sms.State]smpp.MessageState{
		sms.StateNone: smpp.StateAccepted, sms.StateAccepted: smpp.StateAccepted, sms.StateEnroute: smpp.StateEnroute,
		sms.StateDelivered: smpp.StateDelivered, sms.StateUndeliverable: smpp.StateUndeliverable, sms.StateExpired: smpp.StateExpired,
		sms.StateDeleted: smpp.StateDeleted, sms.StateRejected: smpp.StateRejected, sms.StateUnknown: smpp.StateUnknown,
	} {
		if got := wireState(state); got != want {
			t.Errorf("%s is %s, not %s", state, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]results.Verification{
		"No message was accepted": {},
		"5 accepted messages: none lost, none twice, every receipt back, all reported.": {Accepted: 5},
		"none lost, 2 twice and marked": {Accepted: 5, DuplicatedMarked: 2},
		"5 accepted messages: none lost, none twice. Not accepted: 4 refused, 2 without an answer.": {Accepted: 5, Refused: 4, Unanswered: 2,
			Joined: []string{results.JoinedLoad, results.JoinedOperators}},
		"5 accepted messages: every receipt back.": {Accepted: 5, Joined: []string{results.JoinedLoad, results.JoinedReceipts}},
		"5 accepted messages: all reported.":       {Accepted: 5, Joined: []string{results.JoinedLoad, results.JoinedReport}},
		"7 MOs: none lost, none twice.":            {Accepted: 5, MOsExpected: true, MOsSent: 7, Joined: []string{results.JoinedLoad}},
		"5 accepted messages were compared with nothing, so nothing was verified. Not accepted: 1 refused.": {Accepted: 5, Refused: 1,
			Joined: []string{results.JoinedLoad}},
		"1 lost, 2 doubled without a mark, 3 without a receipt, 4 not reported, 5 reported in another state than their receipt's, 6 reported as still open of 9": {
			Accepted: 9, Lost: 1, DuplicatedUnmarked: 2, ReceiptsMissing: 3, ReportedMissing: 4, ReportedDiffers: 5, ReportedOpen: 6},
	} {
		ok, got := judge(&v, false)
		if bad := v.Lost > 0 || v.Accepted == 0 || strings.Contains(want, "nothing"); ok == bad || !strings.Contains(got, want) {
			t.Errorf("%v %q, want %q", ok, got, want)
		}
	}
}

// TestTableShowsWhatWasJoined has no line of what nobody looked at.
func TestTableShowsWhatWasJoined(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o          Options
		there, not []string
	}{
		{Options{Receipts: true}, []string{"receipts missing", "final receipt"}, []string{"lost", "twice, not marked", "by an operator", "reports"}},
		{Options{Received: true}, []string{"lost: accepted", "by an operator"}, []string{"receipts missing", "final receipt", "reports"}},
		{Options{Received: true, Reported: true}, []string{"lost: accepted", "reports missing"}, []string{"receipts missing"}},
	} {
		j := New(c.o)
		j.Sent(1, epoch)
		j.Accepted(1, "a", epoch)
		j.Received(1, 1, c.o.Received)
		var table strings.Builder
		if err := WriteCounts(&table, j.Result(), true); err != nil {
			t.Fatal(err)
		}
		for _, text := range c.there {
			if !strings.Contains(table.String(), text) {
				t.Errorf("%+v has no %q:\n%s", c.o, text, table.String())
			}
		}
		for _, text := range c.not {
			if strings.Contains(table.String(), text) {
				t.Errorf("%+v has %q:\n%s", c.o, text, table.String())
			}
		}
	}
}
