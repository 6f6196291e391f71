package index

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tasman/sms"
)

func TestByCarrierID(t *testing.T) {
	tests := map[string]struct {
		learned string   // the id in the answer to the submit
		other   []string // ids of other messages of the carrier, learned before
		heard   []string // receipts that came before
		receipt string
		want    bool
	}{
		"same":                                {learned: "1a2b", receipt: "1a2b", want: true},
		"other case":                          {learned: "1A2b", receipt: "1a2B", want: true},
		"zeros in the answer":                 {learned: "000123", receipt: "123", want: true},
		"zeros in the receipt":                {learned: "123", receipt: "0000000123", want: true},
		"zeros alone":                         {learned: "0", receipt: "000", want: true},
		"spaces around":                       {learned: "77", receipt: " 77 ", want: true},
		"hex answer, decimal receipt":         {learned: "0000AF01", receipt: "44801", want: true},
		"decimal answer, hex receipt":         {learned: "44801", receipt: "0xaf01"[2:], want: true},
		"decimal answer, hex upper case":      {learned: "44801", receipt: "0000AF01", want: true},
		"more than 64 bits":                   {learned: "ffeeddccbbaa99887766", receipt: "1208609760576821428516710", want: true},
		"another id":                          {learned: "1a2b", receipt: "1a2c", want: false},
		"a token is no number":                {learned: "abc-1", receipt: "abc-01", want: false},
		"digits in hex, carrier unknown":      {learned: "291", receipt: "123", want: false},
		"digits in decimal, carrier unknown":  {learned: "123", receipt: "291", want: false},
		"digits, hex receipts seen":           {learned: "291", other: []string{"175"}, heard: []string{"AF"}, receipt: "123", want: true},
		"digits, hex ids seen":                {learned: "123", other: []string{"af"}, receipt: "291", want: true},
		"digits, hex ids and receipts":        {learned: "123", other: []string{"af"}, heard: []string{"af"}, receipt: "291", want: false},
		"decimal ids count up, early receipt": {learned: "100", other: []string{"98", "99"}, heard: []string{"98"}, receipt: "256", want: false},
		"empty":                               {learned: "1", receipt: "", want: false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			x := open(t, "", Options{})
			for _, id := range test.other {
				ok(t, x.Learn("one", id, Match{ID: messageAt(start()).ID, Segment: 1, Segments: 1, Attempt: 1}))
			}
			m := messageAt(start())
			ok(t, x.Learn("one", test.learned, Match{ID: m.ID, Segment: 2, Segments: 3, Attempt: 2}))
			for _, id := range test.heard {
				if _, found, err := x.ByCarrierID("one", id); !found || err != nil {
					t.Fatalf("earlier receipt %s: %v, %v", id, found, err)
				}
			}
			got, found, err := x.ByCarrierID("one", test.receipt)
			if err != nil || found != test.want {
				t.Fatalf("found %v, %v", found, err)
			}
			if found && got != (Match{ID: m.ID, Segment: 2, Segments: 3, Attempt: 2}) {
				t.Errorf("got %+v", got)
			}
			if _, found, _ := x.ByCarrierID("two", test.receipt); found {
				t.Error("found for another carrier")
			}
		})
	}
}

func TestConvertedIDsAreFound(t *testing.T) {
	x := open(t, "", Options{})
	rapid.Check(t, func(r *rapid.T) {
		hexadecimal := rapid.StringMatching(`[a-f][0-9a-f]{3,30}`).Draw(r, "id")
		decimal, converted := convert(hexadecimal, 16, 10)
		if !converted {
			r.Fatal("not converted")
		}
		m := messageAt(start())
		pairs := [][2]string{{hexadecimal, decimal}, {decimal, hexadecimal}}
		way := pairs[rapid.IntRange(0, 1).Draw(r, "way")]
		carrier := m.ID.String()
		if err := x.Learn(carrier, way[0], Match{ID: m.ID, Segment: 1, Segments: 1, Attempt: 1}); err != nil {
			r.Fatal(err)
		}
		if got, found, err := x.ByCarrierID(carrier, way[1]); err != nil || !found || got.ID != m.ID {
			r.Fatalf("%s for %s: %+v %v %v", way[1], way[0], got, found, err)
		}
	})
}

func TestSameIDTwice(t *testing.T) {
	x := open(t, "", Options{})
	old, recent := messageAt(start().Add(-50*time.Hour)), messageAt(start())
	ok(t, x.Learn("one", "7", Match{ID: recent.ID, Segment: 1, Segments: 1, Attempt: 1}))
	ok(t, x.Learn("one", "7", Match{ID: old.ID, Segment: 1, Segments: 1, Attempt: 1}))
	find := func(id string) sms.ID {
		t.Helper()
		m, found, err := x.ByCarrierID("one", id)
		if err != nil || !found {
			t.Fatalf("%s: %v, %v", id, found, err)
		}
		return m.ID
	}
	if find("7") != recent.ID {
		t.Error("of two messages with one id the older was found")
	}
	// Ids that differ in case only, as base 64 does, are told apart when written so.
	upper, lower := messageAt(start()), messageAt(start().Add(time.Second))
	ok(t, x.Learn("one", "xyZ", Match{ID: upper.ID, Segment: 1, Segments: 1, Attempt: 1}))
	ok(t, x.Learn("one", "xyz", Match{ID: lower.ID, Segment: 1, Segments: 1, Attempt: 1}))
	if find("xyZ") != upper.ID || find("xyz") != lower.ID || find("XYZ") != lower.ID {
		t.Error("ids that differ in case are mixed up")
	}
}

func TestTheSentEventTellsTheIDs(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{})
	m := messageAt(start())
	m.Segments = 2
	ok(t, x.Learn("one", "aa1", Match{ID: m.ID, Segment: 1, Segments: 2, Attempt: 1}))
	e := sentOf(m, "one", "aa1", "aa2")
	e.Attempt = 4
	note(t, x, sms.Record{Event: e})
	ok(t, x.Close())
	x = open(t, dir, Options{})
	for segment, id := range map[int]string{1: "AA1", 2: "0aa2"} {
		got, found, err := x.ByCarrierID("one", id)
		if d := cmp.Diff(Match{ID: m.ID, Segment: segment, Segments: 2, Attempt: 4}, got); d != "" || !found || err != nil {
			t.Errorf("%s: %v %v %s", id, found, err, d)
		}
	}
	if x.forms.of("one") != formHexIDs|formSame|formSpelling {
		t.Errorf("forms after reopening are %b", x.forms.of("one"))
	}
}

func TestLearnRefuses(t *testing.T) {
	x := open(t, "", Options{})
	m := messageAt(start())
	for name, err := range map[string]error{
		"no id": x.Learn("one", "", Match{ID: m.ID, Segment: 1, Segments: 1, Attempt: 1}), "no message": x.Learn("one", "1", Match{ID: sms.ID{}, Segment: 1, Segments: 1, Attempt: 1}),
		"long id": x.Learn("one", string(make([]byte, 256)), Match{ID: m.ID, Segment: 1, Segments: 1, Attempt: 1}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
