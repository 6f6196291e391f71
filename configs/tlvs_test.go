package configs

import (
	"bytes"
	"strings"
	"testing"

	"tasman/smpp"
	"tasman/sms"
)

const hintedRoutes = `
kind: Account
name: acme
spec: {}
---
kind: Carrier
name: any
spec: {addresses: ["192.0.2.1:2775"], system_id: tasman, set_tlvs: {0x1402: "0xA1b2", 0x1400: "1101"}}
---
kind: Route
name: all
spec: {prefixes: ["64", "6421"], tiers: [[{carrier: any}]]}
---
kind: Route
name: lane
spec: {prefixes: ["64"], lanes: [alert], tiers: [[{carrier: any}]]}
---
kind: Route
name: billed
spec: {prefixes: ["64"], billing: [gold, "0x81FF"], tiers: [[{carrier: any}]]}
---
kind: Route
name: ported
spec: {prefixes: ["64"], np: ["6401"], tiers: [[{carrier: any}]]}
---
kind: Route
name: ported-billed
spec: {prefixes: ["64"], np: ["6401"], billing: [gold], tiers: [[{carrier: any}]]}
---
kind: Route
name: account
spec: {prefixes: ["64"], accounts: [acme], lanes: [bulk], tiers: [[{carrier: any}]]}
---
kind: Route
name: blocked
spec: {prefixes: ["649"], reject: not served}
`

func hints(billing string, np string, resolution int) []byte {
	var t smpp.TLVs
	t.Add(0x1400, []byte("x"))
	if billing != "" {
		t.Add(smpp.TagBillingIdentification, []byte(billing))
	}
	if resolution >= 0 {
		t.AddByte(smpp.TagDestAddrNPResolution, uint8(resolution))
	}
	if np != "" {
		t.Add(smpp.TagDestAddrNPInformation, []byte(np))
	}
	return t
}

func TestRouteOf(t *testing.T) {
	s := mustSnapshot(t, 1, hintedRoutes)
	for _, c := range []struct {
		label, digits, account string
		lane                   sms.Lane
		tlvs                   []byte
		want                   string
	}{
		{"no hints", "6427", "other", sms.Normal, nil, "all"},
		{"other parameters", "6427", "other", sms.Normal, hints("", "", -1), "all"},
		{"lane", "6427", "other", sms.Alert, nil, "lane"},
		{"billing as text", "6427", "other", sms.Normal, hints("gold", "", -1), "billed"},
		{"billing as octets", "6427", "other", sms.Normal, hints("\x81\xFF", "", -1), "billed"},
		{"other billing", "6427", "other", sms.Normal, hints("golden", "", -1), "all"},
		{"billing before lane", "6427", "other", sms.Alert, hints("gold", "", -1), "billed"},
		{"ported", "6427", "other", sms.Normal, hints("", "6401234", 2), "ported"},
		{"ported, no word on how it is known", "6427", "other", sms.Normal, hints("", "6401", -1), "ported"},
		{"not ported", "6427", "other", sms.Normal, hints("", "6401", 1), "all"},
		{"not asked", "6427", "other", sms.Normal, hints("", "6401", 0), "all"},
		{"ported elsewhere", "6427", "other", sms.Normal, hints("", "6402", 2), "all"},
		{"both", "6427", "other", sms.Alert, hints("gold", "6401", 2), "ported-billed"},
		{"np before billing", "6427", "other", sms.Normal, hints("\x81\xFF", "6401", 2), "ported"},
		{"the account before both", "6427", "acme", sms.Bulk, hints("gold", "6401", 2), "account"},
		{"another lane of the account", "6427", "acme", sms.Normal, hints("gold", "6401", 2), "ported-billed"},
		{"the longer prefix before all", "6421", "acme", sms.Bulk, hints("gold", "6401", 2), "all"},
		{"no way around a block", "649", "acme", sms.Normal, hints("gold", "6401", 2), "blocked"},
	} {
		t.Run(c.label, func(t *testing.T) {
			m := &sms.Message{Destination: sms.Address{Kind: sms.MSISDN, Value: c.digits}, Account: c.account, Lane: c.lane, TLVs: c.tlvs}
			r, ok := s.RouteOf(m)
			if !ok || r.Name != c.want {
				t.Errorf("%+v, %v; want %s", r, ok, c.want)
			}
			if n := testing.AllocsPerRun(10, func() { s.RouteOf(m) }); c.tlvs == nil && n != 0 {
				t.Errorf("allocates %v times", n)
			}
		})
	}
}

func TestAmbiguousHints(t *testing.T) {
	route := func(name, spec string) string {
		return "---\nkind: Route\nname: " + name + "\nspec: {prefixes: [\"64\"], reject: no, " + spec + "}\n"
	}
	for _, c := range []struct {
		a, b string
		ok   bool
	}{
		{`np: ["64"]`, `np: ["6401"]`, false},
		{`np: ["6402"]`, `np: ["6401"]`, true},
		{`np: ["6402"]`, `billing: [gold]`, true},
		{`billing: [gold, tin]`, `billing: [tin]`, false},
		{`billing: [gold]`, `billing: [tin]`, true},
	} {
		if err := Check(mustParse(t, route("a", c.a)+route("b", c.b))); (err == nil) != c.ok {
			t.Errorf("%s and %s: %v", c.a, c.b, err)
		}
	}
}

func TestTLVFindings(t *testing.T) {
	for spec, want := range map[string]string{
		"kind: Carrier\nname: a\nspec: {addresses: [\"192.0.2.1:1\"], system_id: a, tlvs: [0x060B, 0x0611-0x0613, 0x1400-0x14FF]}": "",
		"kind: Carrier\nname: a\nspec: {addresses: [\"192.0.2.1:1\"], system_id: a, tlvs: [0x060B-0x0613]}":                        "spec.tlvs[0]: must lie within",
		"kind: Carrier\nname: a\nspec: {addresses: [\"192.0.2.1:1\"], system_id: a, tlvs: [0x0424]}":                               "spec.tlvs[0]: must lie within",
		"kind: Carrier\nname: a\nspec: {addresses: [\"192.0.2.1:1\"], system_id: a, short_codes: six}":                             "spec.short_codes: ",
		"kind: Account\nname: a\nspec: {smpp: {tlvs: [0x060B]}}":                                                                   "spec.smpp.tlvs[0]: must lie within",
		"kind: Carrier\nname: a\nspec: {addresses: [\"192.0.2.1:1\"], system_id: a, set_tlvs: {0x0424: text}}":                     "spec.set_tlvs[0x0424]: is made by the gateway itself",
		"kind: Route\nname: a\nspec: {prefixes: [\"1\"], reject: no, np: [\"\"]}":                                                  "spec.np[0]: must have 1 to 10",
		"kind: Route\nname: a\nspec: {prefixes: [\"1\"], reject: no, np: [\"64010000001\"]}":                                       "spec.np[0]: must have 1 to 10",
	} {
		_, err := Parse("test.yaml", []byte(spec+"\n"))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v, want %q", spec, err, want)
		}
	}
}

func TestFixedTLVs(t *testing.T) {
	c := mustSnapshot(t, 1, hintedRoutes).Carriers["any"]
	var want smpp.TLVs
	want.Add(0x1400, []byte("1101"))
	want.Add(0x1402, []byte{0xA1, 0xB2})
	if !bytes.Equal(c.FixedTLVs, want) {
		t.Errorf("% x, want % x", c.FixedTLVs, want)
	}
}

func TestPassTLVs(t *testing.T) {
	var in, want smpp.TLVs
	in.Add(0x1400, []byte("a"))
	in.Add(0x1500, []byte("b"))
	in.Add(0x1400, nil)
	want.Add(0x1400, []byte("a"))
	want.Add(0x1400, nil)
	rule := []TagRange{{0x1400, 0x14FF}}
	if got := PassTLVs(nil, in, rule); !bytes.Equal(got, want) {
		t.Errorf("% x", got)
	}
	if got := PassTLVs(nil, in, nil); got != nil {
		t.Errorf("without a rule % x", got)
	}
	if got := PassTLVs(nil, in[:len(in)-1], rule); !bytes.Equal(got, want[:5]) {
		t.Errorf("of a malformed stream % x", got)
	}
}

func TestIDForm(t *testing.T) {
	id := sms.ID{1, 2}
	for form, want := range map[IDForm]string{"": id.String(), IDULID: id.String(), IDHex: id.Hex(), IDDecimal: id.Decimal()} {
		if got := form.Format(id); got != want {
			t.Errorf("%q: %s", form, got)
		}
	}
}
