package sms

import "testing"

func TestSeptets(t *testing.T) {
	text, err := AppendGSM7(nil, "seven bits {")
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []int{0, Header8, Header16} {
		if got := Septets(header, PackGSM7(nil, text, FillBits(header))); string(got) != string(text) {
			t.Errorf("after a header of %d octets: %q", header, got)
		}
		if got := Septets(header, nil); len(got) != 0 {
			t.Errorf("of nothing: %q", got)
		}
	}
}
