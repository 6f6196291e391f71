package core

import (
	"slices"
	"testing"
	"time"

	"tasman/configs"
	"tasman/sms"
)

func snapshot(t *testing.T, revision uint64, yaml string) *configs.Snapshot {
	t.Helper()
	resources, err := configs.Parse("test", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	snap, err := configs.NewSnapshot(revision, resources)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

const carriersABC = `
kind: Account
name: acme
spec: {}
---
kind: Carrier
name: a
spec: {addresses: ["127.0.0.1:1"], system_id: x, password: x}
---
kind: Carrier
name: b
spec: {addresses: ["127.0.0.1:1"], system_id: x, password: x}
---
kind: Carrier
name: c
spec: {addresses: ["127.0.0.1:1"], system_id: x, password: x, suspended: true}
---
kind: Route
name: all
spec:
  prefixes: [""]
  tiers:
    - [{carrier: a, weight: 3}, {carrier: b, weight: 1}]
    - [{carrier: c}]
`

func TestPlanSharesByWeightAndIsRepeatable(t *testing.T) {
	snap := snapshot(t, 7, carriersABC)
	route, ok := snap.Route("6421000000", "acme", sms.Normal)
	if !ok {
		t.Fatal("no route")
	}
	ids := sms.NewIDs(nil)
	first := map[string]int{}
	const n = 20_000
	for range n {
		id := ids.Next()
		plan := planOf(snap, route, id)
		if len(plan) != 2 || slices.Contains(plan, "c") {
			t.Fatalf("plan %v: want a and b in some order, without the suspended c", plan)
		}
		if again := planOf(snap, route, id); !slices.Equal(plan, again) {
			t.Fatalf("planned %v, then %v", plan, again)
		}
		first[plan[0]]++
	}
	if share := float64(first["a"]) / n; share < 0.73 || share > 0.77 {
		t.Errorf("a has weight 3 of 4 and came first for %.3f of the messages", share)
	}
}

func TestKeyClaims(t *testing.T) {
	now := time.Unix(1000, 0)
	k := newKeyClaims(func() time.Time { return now })
	if !k.claim("acme", "k1", "a") {
		t.Fatal("a new key was not given")
	}
	if k.claim("acme", "k1", "b") || k.claim("acme", "k1", "") {
		t.Error("a claimed key was given again")
	}
	if !k.claim("acme", "k1", "a") {
		t.Error("who holds the claim and did not hear of it may not ask again")
	}
	if !k.claim("other", "k1", "a") {
		t.Error("a key of one account blocks another's")
	}
	k.release("acme", "k1")
	if !k.claim("acme", "k1", "a") {
		t.Error("a released key was not given")
	}
	now = now.Add(claimFor + time.Second)
	if !k.claim("acme", "k1", "a") {
		t.Error("a lapsed claim still holds")
	}
	if len(k.claims) != 1 {
		t.Errorf("%d claims kept, want the one alive", len(k.claims))
	}
}
