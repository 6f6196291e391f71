package bench

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"tasman/smpp"
)

func TestMarkers(t *testing.T) {
	wide := func(s string) []byte {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u>>8), byte(u))
		}
		return b
	}
	cases := []struct {
		name string
		text []byte
		n    uint64
		ok   bool
	}{
		{"alone", []byte("#0000012345"), 12345, true},
		{"with a text", []byte("#9999999999 Kia ora"), 9_999_999_999, true},
		{"wide", wide("#0000000042 Māori"), 42, true},
		{"none", []byte("Kia ora"), 0, false},
		{"too short", []byte("#000001234"), 0, false},
		{"no digits", []byte("#00000a2345"), 0, false},
		{"behind something", []byte(" #0000012345"), 0, false},
		{"empty", nil, 0, false},
	}
	for _, c := range cases {
		n, ok := parseMarker(c.text)
		if n != c.n || ok != c.ok {
			t.Errorf("%s: %d, %v", c.name, n, ok)
		}
	}
	if got := string(appendMarker([]byte("x"), 12_345_678_901)); got != "x#2345678901" {
		t.Errorf("a long number is written %q", got)
	}
}

func TestMarkersAreCountedOnce(t *testing.T) {
	var m markers
	for _, n := range []uint64{0, 1, 63, 64, markerPage, 1, 9_999_999_999, 64} {
		m.see(n)
	}
	if distinct, repeated := m.counts(); distinct != 6 || repeated != 2 {
		t.Errorf("%d distinct, %d repeated", distinct, repeated)
	}
}

func TestIDForms(t *testing.T) {
	cases := []struct {
		form IDForm
		want string
	}{
		{IDDecimal, "48879"}, {IDHex, "beef"}, {IDUpper, "BEEF"}, {IDPadded, "00000000000000048879"}, {"", "48879"},
	}
	for _, c := range cases {
		if got := c.form.format(0xBEEF); got != c.want {
			t.Errorf("%s: %s", c.form, got)
		}
	}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for n := range uint64(1000) {
		id := IDUUID.format(1<<50 + n)
		if !uuid.MatchString(id) || seen[id] {
			t.Fatalf("%d: %s", n, id)
		}
		seen[id] = true
	}
}

func TestGeneratorFillsMessages(t *testing.T) {
	long := strings.Repeat("a", 300)
	cases := []struct {
		name    string
		o       LoadOptions
		to      string // a pattern
		coding  uint8
		octets  int
		payload bool // in message_payload
	}{
		{"defaults", LoadOptions{}, `^(6421|6141)\d{7}$`, 0, markerLen + 1 + len(DefaultText), false},
		{"a prefix is filled up", LoadOptions{To: []string{"+6421"}}, `^6421\d{7}$`, 0, markerLen + 1 + len(DefaultText), false},
		{"a number stays", LoadOptions{To: []string{"64211239001"}}, `^64211239001$`, 0, markerLen + 1 + len(DefaultText), false},
		{"a pattern", LoadOptions{To: []string{"+447xxx9003"}}, `^447\d{3}9003$`, 0, markerLen + 1 + len(DefaultText), false},
		{"cut", LoadOptions{Length: 20}, `.`, 0, 20, false},
		{"filled", LoadOptions{Length: 160, Text: "Kia ora"}, `.`, 0, 160, false},
		{"the marker alone", LoadOptions{Length: markerLen}, `.`, 0, markerLen, false},
		{"long", LoadOptions{Text: long}, `.`, 0, markerLen + 1 + 300, true},
		{"wide", LoadOptions{Text: "Māori"}, `.`, 8, 2 * (markerLen + 1 + 5), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := c.o.withDefaults()
			g := mustGenerator(t, &o)
			to := regexp.MustCompile(c.to)
			for n := range uint64(50) {
				var m smpp.SubmitSM
				msg := g.choose(n)
				g.fill(&m, &msg, string(g.destination(n)), 0)
				if !to.MatchString(m.Destination.Addr) || m.Destination.TON != 1 {
					t.Fatalf("destination %v", m.Destination)
				}
				if got, ok := markerOf(&m); !ok || got != n {
					t.Fatalf("marker %d is read as %d, %v", n, got, ok)
				}
				if len(m.Payload()) != c.octets || (len(m.ShortMessage) == 0) != c.payload || m.DataCoding != c.coding {
					t.Fatalf("%d octets, %d of them in short_message, coding %d", len(m.Payload()), len(m.ShortMessage), m.DataCoding)
				}
				if err := smpp.Validate(&m); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestGeneratorAvoidsMagicByChance(t *testing.T) {
	o := LoadOptions{To: []string{"+6421123x90xx"}}.withDefaults() // one in nine would be magic
	g := mustGenerator(t, &o)
	for n := range uint64(2000) {
		if to := string(g.destination(n)); magicEnding(to) {
			t.Fatalf("%s is magic", to)
		}
	}
}

func mustGenerator(t *testing.T, o *LoadOptions) *generator {
	t.Helper()
	b, err := o.Mix.blend(o, "")
	if err != nil {
		t.Fatal(err)
	}
	return newGenerator(b)
}

func magicEnding(to string) bool {
	_, ok := magicOf(to)
	return ok
}

func TestGeneratorRefuses(t *testing.T) {
	for name, o := range map[string]LoadOptions{
		"letters":     {To: []string{"+64abc"}},
		"nothing":     {To: []string{"+"}},
		"long source": {From: "MUCH TOO LONG A NAME"},
	} {
		o = o.withDefaults()
		if _, err := o.Mix.blend(&o, ""); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMagicEndings(t *testing.T) {
	for to, magic := range map[string]bool{
		"64211239001": true, "64211239012": true, "+64211239005": true, "64211239000": false, "64211239013": false,
		"9001": false, "239001": false, "64211290010": false, "": false, "6421123900x": false,
	} {
		if got := magicEnding(to); got != magic {
			t.Errorf("%q: %v", to, got)
		}
	}
}

func TestReadmeListsTheMagicDestinations(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	help := magicHelp()
	for i, r := range magicRules {
		if row := fmt.Sprintf("| ...%d | %s |\n", magicFirst+i, r.what); !strings.Contains(string(readme), row) {
			t.Errorf("README.md lacks the row %q", row)
		}
		if line := fmt.Sprintf("...%d  %s\n", magicFirst+i, r.what); !strings.Contains(help, line) {
			t.Errorf("the help lacks %q", line)
		}
	}
	if n := strings.Count(string(readme), "| ...90"); n != len(magicRules) {
		t.Errorf("README.md lists %d magic destinations, there are %d", n, len(magicRules))
	}
}
