package doctor

import (
	"testing"

	"tasman/configs"
)

const goodResources = `
kind: Account
name: acme
spec: {lanes: [alert, normal], lane: normal}
---
kind: Carrier
name: spark
spec: {addresses: ["127.0.0.1:1"], system_id: tasman, links: 2, window: 50, rate: 500}
---
kind: Route
name: all
spec: {prefixes: [""], tiers: [[{carrier: spark}]]}
`

func TestResources(t *testing.T) {
	carrier := func(name, spec string) string {
		return "---\nkind: Carrier\nname: " + name + "\nspec: {addresses: [\"127.0.0.1:2\"], system_id: tasman, links: 2, " + spec + "}\n"
	}
	route := func(tiers string) string {
		return "---\nkind: Route\nname: nz\nspec: {prefixes: [\"64\"], tiers: " + tiers + "}\n"
	}
	for name, c := range map[string]struct {
		more  string
		level Level
		words []string
	}{
		"good":                  {"", OK, nil},
		"window too small":      {carrier("tel", "window: 10, rate: 1000") + route("[[{carrier: tel}]]"), Warn, []string{"Carrier tel", "allows 200/s", "window: 50"}},
		"window beyond timeout": {carrier("tel", "window: 100, rate: 2, response_timeout: 30s") + route("[[{carrier: tel}]]"), Warn, []string{"Carrier tel", "100 s of its rate", "window: 30", "above 100s"}},
		"no rate":               {carrier("tel", "window: 1") + route("[[{carrier: tel}]]"), OK, nil},
		"no route":              {carrier("tel", "window: 1"), Warn, []string{"Carrier tel", "no route"}},
		"suspended, no route":   {carrier("tel", "suspended: true"), OK, nil},
		"all suspended":         {carrier("tel", "suspended: true") + route("[[{carrier: tel}]]"), Fail, []string{"Route nz", "tel is suspended"}},
		"one suspended":         {carrier("tel", "suspended: true") + route("[[{carrier: tel}, {carrier: spark}]]"), Warn, []string{"Route nz", "tel is suspended"}},
		"receiver only":         {carrier("tel", "bind: receiver"), OK, nil}, // check refuses it in a route
	} {
		expect(t, name, Resources(snapshot(t, goodResources+c.more), 3), c.level, c.words...)
	}
	noBulk := "kind: Account\nname: acme\nspec: {lanes: [normal, bulk], lane: normal}\n---\nkind: Carrier\nname: spark\nspec: {addresses: [\"127.0.0.1:1\"], system_id: tasman}\n---\n" +
		"kind: Route\nname: all\nspec: {prefixes: [\"\"], lanes: [normal], tiers: [[{carrier: spark}]]}\n"
	expect(t, "a lane without a route", Resources(snapshot(t, noBulk), 1), Fail, "Account acme", "lane bulk", "902")
	expect(t, "nothing applied", Resources(configs.NewLive().Load(), 1), Warn, "tasman apply")
	one := "kind: Carrier\nname: spark\nspec: {addresses: [\"127.0.0.1:1\"], system_id: tasman}\n---\nkind: Route\nname: all\nspec: {prefixes: [\"\"], tiers: [[{carrier: spark}]]}\n"
	expect(t, "one link in a cell", Resources(snapshot(t, one), 3), Warn, "links: 2")
	expect(t, "one link on one server", Resources(snapshot(t, one), 1), OK)
}

func snapshot(t *testing.T, text string) *configs.Snapshot {
	t.Helper()
	list, err := configs.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := configs.NewSnapshot(1, list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
