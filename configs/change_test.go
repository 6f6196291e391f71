package configs

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const baseSet = `
kind: Account
name: acme
spec: {rate: 10}
---
kind: Account
name: gone
spec: {}
---
kind: Carrier
name: telstra
spec: {addresses: ["192.0.2.1:2775"], system_id: tasman, password: hunter2}
---
kind: SMPPUser
name: user
spec: {account: acme, password: hunter22}
---
kind: MailUser
name: mail
spec: {account: acme, password: hunter23, source: ACME}
---
kind: APIKey
name: key
spec: {account: acme, key: hunter2-hunter2-hunter2}
`

func mustSeal(t testing.TB, resources []Resource) []Resource {
	t.Helper()
	sealed, err := Seal(resources)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func lines(changes []Change) string {
	var out []string
	for _, c := range changes {
		out = append(out, c.String())
	}
	return strings.Join(out, "\n")
}

func TestMergeAndDiff(t *testing.T) {
	base := mustSeal(t, Merge(nil, mustParse(t, baseSet)))
	change := mustParse(t, `
kind: Account
name: acme
spec:
  rate: 20
  lanes: [alert, normal]
  addresses: [10.0.0.0/8]
  webhook: {url: "https://acme.example/hook", secret: hunter2-hunter2-hunter2}
---
kind: Account
name: gone
delete: true
---
kind: Account
name: never-there
delete: true
---
kind: Account
name: new
spec: {}
---
kind: Carrier
name: telstra
spec: {addresses: ["192.0.2.1:2775"], system_id: tasman, password: hunter3, errors: {0x58: temporary}, data_coding: {latin1: 1}}
---
kind: SMPPUser
name: user
spec: {account: acme, password: hunter22}
---
kind: MailUser
name: mail
spec: {account: acme, password: hunter24, source: ACME}
`)
	if missed := NotThere(base, change); len(missed) != 1 || !strings.HasSuffix(missed[0], "Account never-there: name: nothing to delete: there is no such Account") {
		t.Errorf("not there: %q", missed)
	}
	merged := mustSeal(t, Merge(base, change))
	got := lines(Diff(base, merged))
	want := `changed Account acme
    lanes: [normal, bulk] -> [alert, normal]
    rate: 10 -> 20
    addresses: (none) -> ["10.0.0.0/8"]
    webhook: (none) -> {url: "https://acme.example/hook", secret: (secret), events: [receipt, mo], timeout: 10s}
removed Account gone
added Account new
unchanged APIKey key
unchanged SMPPUser user
changed MailUser mail
    password_hash: (secret) -> (secret)
changed Carrier telstra
    password: (secret) -> (secret)
    data_coding: {ucs2: 8, binary: 4, latin1: 3} -> {ucs2: 8, binary: 4, latin1: 1}
    errors: (none) -> {ESME_RTHROTTLED: temporary}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(got, "hunter") {
		t.Error("the diff shows a secret")
	}
	for _, c := range Diff(merged, mustSeal(t, Merge(merged, change))) {
		if c.Op != Unchanged {
			t.Errorf("applying twice changes something: %s", c)
		}
	}
}

func TestSealLeavesNoCustomerSecret(t *testing.T) {
	plain := mustParse(t, baseSet)
	if _, err := Marshal(plain); err == nil || !strings.Contains(err.Error(), "still in plain") {
		t.Errorf("Marshal of unsealed resources: %v", err)
	}
	sealed := mustSeal(t, plain)
	text, err := Marshal(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.Replace(string(text), "password: hunter2\n", "", 1), "hunter") {
		t.Errorf("a customer's secret is stored:\n%s", text)
	}
	if c := sealed[2].Spec.(*Carrier); c.Password != "hunter2" {
		t.Error("the carrier's password is lost")
	}
	if plain[3].Spec.(*SMPPUser).Password != "hunter22" {
		t.Error("Seal changed the spec it was given")
	}
	for _, c := range Diff(sealed, mustSeal(t, sealed)) {
		if c.Op != Unchanged {
			t.Errorf("sealing twice changes something: %s", c)
		}
	}
}

func TestMarshalGolden(t *testing.T) {
	resources, err := Parse("resources.yaml", ExampleResources())
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range resources { // hashes have salts of their own, so fix them
		switch s := r.Spec.(type) {
		case *SMPPUser:
			s.Password, s.PasswordHash = "", fixedHash
		case *MailUser:
			s.Password, s.PasswordHash = "", fixedHash
		}
		resources[i] = r
	}
	text, err := Marshal(mustSeal(t, resources))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/canonical.golden", string(text))
	for i, j := 0, len(resources)-1; i < j; i, j = i+1, j-1 {
		resources[i], resources[j] = resources[j], resources[i]
	}
	if again, err := Marshal(mustSeal(t, mustParse(t, string(text)))); err != nil || string(again) != string(text) {
		t.Errorf("canonical form is not stable: %v\n%s", err, cmp.Diff(string(text), string(again)))
	}
	if again, err := Marshal(mustSeal(t, resources)); err != nil || string(again) != string(text) {
		t.Errorf("canonical form depends on the order: %v\n%s", err, cmp.Diff(string(text), string(again)))
	}
}

const fixedHash = Secret("pbkdf2-sha256$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

// TestMarshalRoundTrip takes any printable text through the store: quotes, colons, words that YAML takes for other types.
func TestMarshalRoundTrip(t *testing.T) {
	tricky := rapid.SampledFrom([]string{"true", "null", "~", "0x10", "1e5", "- a", "a: b", "#x", "'", `"`, "*a", "&a", "!t", "%", "@", "{", "[", " a ", "1_000", "0o17",
		".inf", "2026-11-21", "|", ">", "?", "a #b", "---", "...", `\`, "é", "日本", "😀", "\u00a0", "y", "=", "<<", "a\\nb", ": "})
	text := rapid.OneOf(tricky, rapid.StringMatching(`[ -~]{1,30}`), rapid.StringOfN(rapid.RuneFrom(nil, printable...), 1, 12, 60))
	rapid.Check(t, func(t *rapid.T) {
		in := []Resource{{Kind: KindCarrier, Name: "c", Spec: &Carrier{}}}
		c := in[0].Spec.(*Carrier)
		c.setDefaults()
		c.setName("c")
		c.Addresses = []string{"a.example:2775"}
		c.SystemID = text.Filter(func(s string) bool { return len(s) <= 15 }).Draw(t, "system_id")
		c.Password = Secret(text.Draw(t, "password"))
		c.Rate = rapid.Float64Range(0, 1e6).Draw(t, "rate")
		c.Errors = rapid.MapOf(rapid.Map(rapid.Uint32Range(1, 0xFFFF), statusOf), rapid.SampledFrom(Classes()[:7])).Draw(t, "errors")
		c.DataCoding.GSM7 = rapid.Byte().Draw(t, "gsm7")
		stored, err := Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Parse("stored.yaml", stored)
		if err != nil {
			t.Fatalf("%v\n%s", err, stored)
		}
		got := out[0].Spec.(*Carrier)
		if c.Errors != nil && len(c.Errors) == 0 {
			c.Errors = nil
		}
		if fmt.Sprint(got.Errors) == fmt.Sprint(StatusClasses{}) {
			got.Errors = nil
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Fatalf("%s\n%s", diff, stored)
		}
	})
}

// TestFormerUnclaimed refuses a new account that would be given MOs of others, and bears one that is in service.
func TestFormerUnclaimed(t *testing.T) {
	account := mustParse(t, "kind: Account\nname: unclaimed\nspec: {}\n")
	err := CheckChange(mustParse(t, baseSet), account)
	if err == nil || !strings.Contains(err.Error(), "Account unclaimed: name: is reserved") {
		t.Errorf("new: %v", err)
	}
	if err := errors.Join(CheckChange(account, account), Check(account)); err != nil {
		t.Errorf("in service: %v", err)
	}
	removal := mustParse(t, "kind: Account\nname: unclaimed\ndelete: true\n---\nkind: Carrier\nname: unclaimed\ndelete: true\n")
	if err := CheckChange(account, removal); err != nil {
		t.Errorf("removed: %v", err)
	}
}
