package configs

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tasman/smpp"
	"tasman/sms"
)

var update = flag.Bool("update", false, "write golden files and docs/policy.md anew")

// golden compares got with a file, or writes the file with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-file +now):\n%s", file, diff)
	}
}

// badCases runs parse on every testdata file below dir and compares the errors with the golden file beside it.
func badCases(t *testing.T, dir string, parse func(file string, data []byte) error) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			err = parse(name+".yaml", data)
			if err == nil {
				t.Fatal("no error")
			}
			var re *ResourceError
			if !errors.As(err, &re) {
				t.Errorf("error is no *ResourceError: %T", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("error shows a secret")
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

func TestParseBadResources(t *testing.T) {
	badCases(t, "resources", func(file string, data []byte) error {
		_, err := Parse(file, data)
		return err
	})
}

func TestCheckBadSets(t *testing.T) {
	badCases(t, "sets", func(file string, data []byte) error {
		resources, err := Parse(file, data)
		if err != nil {
			t.Fatalf("%s must parse: %v", file, err)
		}
		return Check(resources)
	})
}

func mustParse(t testing.TB, yaml string) []Resource {
	t.Helper()
	resources, err := Parse("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return resources
}

func TestParseDefaults(t *testing.T) {
	got := mustParse(t, `
# a comment before anything

---
kind: Account
name: acme
spec: {}
---
kind: SMPPUser
name: acme-smpp
spec: {account: acme, password: 12345678}
---
kind: Route
name: all
spec:
  prefixes: [0064, ""]
  tiers: [[{carrier: spark}]]
---
kind: Carrier
name: old
delete: true
`)
	want := []Resource{
		{Kind: KindAccount, Name: "acme", File: "test.yaml", Line: 5, Column: 1, Spec: &Account{
			Name: "acme", Lane: sms.Normal, Lanes: []sms.Lane{sms.Normal, sms.Bulk}, Binds: 4, Window: 100,
			Validity: 24 * time.Hour, Receipts: sms.FinalReceipt,
			SMPP: AccountSMPP{Charset: CharsetGSM, MessageIDs: IDULID, ReceiptDates: 10, ReceiptPDU: ReceiptDeliverSM, JoinTimeout: time.Minute},
		}},
		{Kind: KindSMPPUser, Name: "acme-smpp", File: "test.yaml", Line: 9, Column: 1, Spec: &SMPPUser{
			Name: "acme-smpp", Account: "acme", SystemID: "acme-smpp", Password: "12345678",
			BindModes: []BindMode{BindTransmitter, BindReceiver, BindTransceiver},
		}},
		{Kind: KindRoute, Name: "all", File: "test.yaml", Line: 13, Column: 1, Spec: &Route{
			Name: "all", Prefixes: []string{"0064", ""}, Tiers: []Tier{{{Carrier: "spark", Weight: 1}}},
		}},
		{Kind: KindCarrier, Name: "old", File: "test.yaml", Line: 19, Column: 1, Delete: true},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Resource{}), cmp.Comparer(samePrefix)); diff != "" {
		t.Error(diff)
	}
}

func samePrefix(a, b netip.Prefix) bool { return a == b }

func TestParseCarrierErrors(t *testing.T) {
	got := mustParse(t, `
kind: Carrier
name: c
spec:
  addresses: ["[2001:db8::1]:2775"]
  system_id: x
  errors:
    ESME_RSUBMITFAIL: refused_here
    ESME_ROPTPARNOTALLWD: rejected
    88: temporary
    0x0451: throttled
`)[0].Spec.(*Carrier)
	want := StatusClasses{
		smpp.StatusSubmitFailed: RefusedHere, smpp.StatusTLVNotAllowed: Rejected, smpp.StatusThrottled: TemporaryFailure, 0x451: Throttled,
	}
	if diff := cmp.Diff(want, got.Errors); diff != "" {
		t.Error(diff)
	}
	if c := got.ClassOf(smpp.StatusThrottled); c != TemporaryFailure {
		t.Errorf("ClassOf does not use the carrier's errors: %v", c)
	}
}

func TestParseEmpty(t *testing.T) {
	for _, yaml := range []string{"", "# nothing\n", "---\n", "---\n---\n"} {
		if got, err := Parse("empty.yaml", []byte(yaml)); err != nil || len(got) != 0 {
			t.Errorf("Parse(%q) = %v, %v", yaml, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(resourcesYAML)
	f.Add([]byte("kind: Account\nname: a\nspec: {rate: 1}\n---\n- a: &x [*x]\n"))
	f.Add([]byte("{kind: Number, name: n, spec: {number: +61480000000, account: a}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		resources, err := Parse("fuzz.yaml", data)
		if err != nil {
			return
		}
		stored := Merge(nil, resources)
		for _, r := range stored {
			if r.Kind == KindSMPPUser || r.Kind == KindMailUser {
				return // hashing is slow and not what is tested here
			}
		}
		stored, err = Seal(stored)
		if err != nil {
			t.Fatal(err)
		}
		text, err := Marshal(stored)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("again.yaml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, c := range Diff(stored, again) {
			if c.Op != Unchanged {
				t.Fatalf("%v\n%s", c, text)
			}
		}
	})
}

// TestWrongPrefixes says of each what is wrong with it.
func TestWrongPrefixes(t *testing.T) {
	for prefix, want := range map[string]string{
		"": "", "679": "", "123456789012345": "", "1234567890123456": "at most 15 digits", "+679": "without +", "679*": "without *", "67 9": `has ' '`,
		"679**": `has '*'`, "++679": `has '+'`, "67é": `has 'é'`, "67a+": `has 'a'`,
	} {
		if got := wrongPrefix(prefix); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", prefix, got, want)
		}
	}
}
