package bench

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tasman/smpp"
)

func TestExampleMixes(t *testing.T) {
	t.Parallel()
	for file, forms := range map[string][]string{
		"mix-everyday.yaml": {"plain", "udh8", "udh16", "payload"}, "mix-long.yaml": {"udh8", "udh16", "sar", "payload"},
	} {
		m, err := LoadMix(filepath.Join("examples", file))
		if err != nil {
			t.Fatal(err)
		}
		o := LoadOptions{Count: 1, Seed: 7, Mix: m}.withDefaults()
		b, err := m.blend(&o, "examples")
		if err != nil {
			t.Fatal(err)
		}
		g, again := newGenerator(b), newGenerator(b)
		seen := make(map[string]int)
		for n := range uint64(2000) {
			msg, to := g.choose(n), string(g.destination(n))
			if other := again.choose(n); other != msg || string(again.destination(n)) != to {
				t.Fatal("message is not a function of its number and the seed")
			}
			for i := range msg.text.bodies {
				var p smpp.SubmitSM
				g.fill(&p, &msg, to, i)
				if err := smpp.Validate(&p); err != nil {
					t.Fatal(err)
				}
				if got, ok := markerOf(&p); i == 0 && (!ok || got != n) {
					t.Fatalf("marker %d is read as %d, %v", n, got, ok)
				}
				seen[formOf(t, &p, i, len(msg.text.bodies))]++
			}
		}
		for _, f := range forms {
			if seen[f] == 0 {
				t.Errorf("%s: no %s among %v", file, f, seen)
			}
		}
	}
}

// formOf tells how a submit_sm carries part i of its message, and checks what it says about that.
func formOf(t *testing.T, p *smpp.SubmitSM, i, parts int) string {
	t.Helper()
	if _, ok := p.TLVs.Get(smpp.TagMessagePayload); ok {
		return "payload"
	}
	if seq, ok := p.TLVs.GetByte(smpp.TagSARSegmentSeqnum); ok {
		if int(seq) != i+1 {
			t.Fatalf("sar_segment_seqnum %d of part %d", seq, i)
		}
		return "sar"
	}
	if p.ESMClass&smpp.ESMUDHI == 0 {
		if len(p.ShortMessage) > 160 || parts > 1 {
			t.Fatalf("%d octets in one piece, of %d parts", len(p.ShortMessage), parts)
		}
		return "plain"
	}
	udh, body, err := smpp.SplitUDH(p.ShortMessage)
	_, total, seq, ok := smpp.Concat(udh)
	if err != nil || !ok || int(total) != parts || int(seq) != i+1 || len(body) > 153 {
		t.Fatalf("header %x with %d octets behind it: part %d of %d", udh, len(body), seq, total)
	}
	if len(udh) == 7 {
		return "udh16"
	}
	return "udh8"
}

func TestMixErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"texts:\n- share: 1\n  chars: 3":                                     ":3:",
		"texts:\n- share: 1\n  length: 5-2":                                  ":3: texts[0].length",
		"texts:\n- share: 1\n- share: -1":                                    ":3: texts[1].share",
		"texts:\n- share: 1\n  encoding: ebcdic":                             "allowed are gsm7",
		"texts:\n- share: 1\n  long: post":                                   "allowed are udh8",
		"texts:\n- share: 1\n  encoding: gsm7\n  text: ā":                    ":4: texts[0].text: character 1 of the text cannot be written in",
		"texts:\n- {share: 1, encoding: gsm7, text: abcā}":                   ":2: texts[0].text: character 4 of the text",
		"texts:\n- share: many":                                              `:2:10: want a number, not "many"`,
		"# nothing\n":                                                        "says nothing",
		"texts: []\nlanes: []\n":                                             "says nothing",
		"texts:\n- share: 1\n  length: 5":                                    ":3: texts[0].length: 5; the marker alone has 11",
		"texts:\n- share: 1\n  length: 5\n  segments: 2":                     ":4: texts[0].segments",
		"destinations:\n- share: 1\n  prefix: 64a":                           ":3: destinations[0].prefix",
		"destinations:\n- share: 1\n  prefix: 64\n  pattern: 6x":             "exactly one",
		"destinations:\n- share: 1\n  file: nowhere.txt":                     ":3: destinations[0].file",
		"senders:\n- share: 1\n  from: A NAME THAT IS MUCH TOO LONG":         ":3: senders[0].from",
		"lanes:\n- share: 1\n  lane: express":                                ":3: lanes[0].lane",
		"destinations:\n- share: 1\n  prefix: 64\n  pool: -1\nsenders: []\n": ":4: destinations[0].pool",
	} {
		file := filepath.Join(t.TempDir(), "mix.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadMix(file); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v lacks %q", text, err, want)
		}
	}
}

func TestPoolBoundsTheDestinations(t *testing.T) {
	t.Parallel()
	o := LoadOptions{Count: 1, To: []string{"+6421"}, Pool: 10}.withDefaults()
	g := mustGenerator(t, &o)
	seen := make(map[string]bool)
	for n := range uint64(2000) {
		seen[string(g.destination(n))] = true
	}
	if len(seen) != 10 {
		t.Errorf("%d numbers", len(seen))
	}
}

func TestChoiceFollowsTheShares(t *testing.T) {
	t.Parallel()
	var c choice[int]
	c.add(1, 0)
	c.add(3, 1)
	counts := [2]int{}
	const n = 40_000
	for i := range uint64(n) {
		counts[c.pick(scramble(i))]++
	}
	if counts[0] < n/4-500 || counts[0] > n/4+500 {
		t.Errorf("%v of 1:3", counts)
	}
}

// TestLoadOfSeveralAccountsAndSegments sends long messages over separate binds of several accounts to two simulators.
func TestLoadOfSeveralAccountsAndSegments(t *testing.T) {
	var mu sync.Mutex
	segments := 0
	// Hosts of one load are one gateway's, with one space of ids: two simulators that count might give the same.
	count := SMSCOptions{OnSubmit: func(*smpp.SubmitSM) { mu.Lock(); segments++; mu.Unlock() }}
	a := startSMSC(t, count)
	count.ID = IDUUID
	b := startSMSC(t, count)
	o := LoadOptions{SMPP: a.Addr().String() + "," + b.Addr().String(), Binds: 2, Window: 20, Split: true, Version: 0x50, Count: 100, Receipts: true, Drain: testTime,
		Accounts: []Account{{SystemID: "one"}, {SystemID: "two"}, {SystemID: "three"}},
		Mix:      &Mix{Texts: []TextShare{{Share: 1, Encoding: EncodingEmoji, Segments: "3", Long: LongUDH16}}}}
	r, err := Load(t.Context(), o, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != 100 || r.Sent != 100 || r.Receipts.Received != 300 || segments != 300 || r.Shape.Binds != 6 || r.Shape.Accounts != 3 {
		t.Errorf("%d accepted of %d, %d receipts, %d segments, %+v", r.Accepted, r.Sent, r.Receipts.Received, segments, r.Shape)
	}
	o.Window = 2
	if _, err := Load(t.Context(), o, io.Discard); err == nil {
		t.Error("a window smaller than a message was taken")
	}
}
