package configs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tasman/sms"
)

// Check compares the resources of a whole set with each other: names are unique, references exist, and no two credentials,
// numbers or routes claim the same thing. It also validates each spec again, for sets that were not parsed. Everything
// that is wrong comes back at once, as *ResourceError joined by errors.Join.
func Check(resources []Resource) error {
	c := checker{resources: resources, byKey: map[key]*Resource{}, claims: map[string]*Resource{}, routes: map[string][]*Resource{}}
	for i := range resources {
		c.collect(&resources[i])
	}
	for i := range resources {
		c.references(&resources[i])
	}
	return errors.Join(c.errs...)
}

type checker struct {
	resources []Resource
	byKey     map[key]*Resource
	claims    map[string]*Resource   // who has a key, system_id, username or number
	routes    map[string][]*Resource // by prefix
	errs      []error
}

func (c *checker) fail(r *Resource, field, format string, args ...any) {
	c.errs = append(c.errs, r.errorAt(field, format, args...))
}

func (c *checker) collect(r *Resource) {
	s, ok := r.Spec.(spec)
	switch {
	case r.Delete:
		c.fail(r, "delete", "marks a change, which must be merged before it is checked")
		return
	case newSpec(r.Kind) == nil:
		c.fail(r, "kind", "unknown kind; known are %s", kindList())
		return
	case !ok || fmt.Sprintf("%T", s) != fmt.Sprintf("%T", newSpec(r.Kind)):
		c.fail(r, "spec", "is required")
		return
	case !ValidName(r.Name):
		c.fail(r, "name", "%s", nameRule)
	}
	for _, f := range specFindings(s) {
		c.fail(r, f.field, "%s", f.msg)
	}
	if first := c.byKey[r.key()]; first != nil {
		c.fail(r, "name", "is defined twice, first %s", whereIs(first))
		return
	}
	c.byKey[r.key()] = r
}

// whereIs says where a resource was defined, for messages about another one.
func whereIs(r *Resource) string {
	if r.File == "" {
		return fmt.Sprintf("as %s %s", r.Kind, r.Name)
	}
	return fmt.Sprintf("as %s %s at %s:%d", r.Kind, r.Name, r.File, r.Line)
}

func (c *checker) references(r *Resource) {
	if c.byKey[r.key()] != r {
		return
	}
	switch s := r.Spec.(type) {
	case *APIKey:
		a := c.account(r, "spec.account", s.Account)
		c.lane(r, a, s.Lane)
		if s.Key != "" {
			c.claim(r, "spec.key", "key "+string(HashKey(string(s.Key))))
		} else {
			c.claim(r, "spec.key_sha256", "key "+string(s.KeySHA256))
		}
	case *SMPPUser:
		a := c.account(r, "spec.account", s.Account)
		c.lane(r, a, s.Lane)
		c.claim(r, "spec.system_id", "system_id "+s.SystemID)
	case *MailUser:
		a := c.account(r, "spec.account", s.Account)
		c.lane(r, a, s.Lane)
		c.claim(r, "spec.username", "username "+s.Username)
	case *Number:
		c.account(r, "spec.account", s.Account)
		c.claim(r, "spec.number", "number "+s.Digits())
		c.integration(r, s)
	case *Route:
		c.route(r, s)
	}
}

func (c *checker) account(r *Resource, field, name string) *Account {
	if name == "" {
		return nil // said already by validate
	}
	res := c.byKey[key{KindAccount, name}]
	if res == nil {
		c.fail(r, field, "there is no Account %q", name)
		return nil
	}
	a, _ := res.Spec.(*Account)
	return a
}

func (c *checker) lane(r *Resource, a *Account, l sms.Lane) {
	if a != nil && l != sms.LaneUnset && !a.MayUse(l) {
		c.fail(r, "spec.lane", "is not among the lanes of Account %q", r.Spec.(Credential).AccountName())
	}
}

// claim notes that r alone has what; the message does not repeat it, since it may be a secret's hash.
func (c *checker) claim(r *Resource, field, what string) {
	if other := c.claims[what]; other != nil {
		c.fail(r, field, "is taken %s", whereIs(other))
		return
	}
	c.claims[what] = r
}

func (c *checker) integration(r *Resource, n *Number) {
	if n.Integration == "" {
		return
	}
	for _, kind := range []string{KindAPIKey, KindSMPPUser, KindMailUser} {
		if res := c.byKey[key{kind, n.Integration}]; res != nil && res.Spec.(Credential).AccountName() == n.Account {
			return
		}
	}
	c.fail(r, "spec.integration", "Account %q has no APIKey, SMPPUser or MailUser %q", n.Account, n.Integration)
}

func (c *checker) route(r *Resource, s *Route) {
	for i, name := range s.Accounts {
		c.account(r, fmt.Sprintf("spec.accounts[%d]", i), name)
	}
	for i, t := range s.Tiers {
		for j, share := range t {
			c.tierCarrier(r, fmt.Sprintf("spec.tiers[%d][%d].carrier", i, j), share.Carrier)
		}
	}
	for i, p := range s.Prefixes {
		for _, other := range c.routes[p] {
			if other != r && ambiguous(s, other.Spec.(*Route)) {
				c.fail(r, fmt.Sprintf("spec.prefixes[%d]", i), "is routed already for the same accounts and lanes %s", whereIs(other))
			}
		}
		c.routes[p] = append(c.routes[p], r)
	}
}

// tierCarrier checks that a route's carrier exists and can submit.
func (c *checker) tierCarrier(r *Resource, field, name string) {
	if name == "" {
		return // said already by validate
	}
	res := c.byKey[key{KindCarrier, name}]
	if res == nil {
		c.fail(r, field, "there is no Carrier %q", name)
		return
	}
	if carrier, _ := res.Spec.(*Carrier); carrier != nil && carrier.Bind == BindReceiver {
		c.fail(r, field, "Carrier %q binds as receiver, which cannot submit", name)
	}
}

// ambiguous reports whether two routes with a prefix in common fit one message equally well.
func ambiguous(a, b *Route) bool {
	return a.specificity() == b.specificity() && overlap(a.Accounts, b.Accounts) && overlap(a.Lanes, b.Lanes) &&
		overlap(a.Billing, b.Billing) && overlapNP(a.NP, b.NP)
}

// specificity ranks routes with the same prefix: one for named accounts goes before one for named routing numbers, then
// billing, then lanes, and that before one for all; see Snapshot.RouteOf.
func (r *Route) specificity() int {
	n := 0
	if len(r.Accounts) > 0 {
		n += 8
	}
	if len(r.NP) > 0 {
		n += 4
	}
	if len(r.Billing) > 0 {
		n += 2
	}
	if len(r.Lanes) > 0 {
		n++
	}
	return n
}

// overlapNP reports whether a routing number can begin as both lists say; an empty list means everything.
func overlapNP(a, b []string) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool { return strings.HasPrefix(x, y) || strings.HasPrefix(y, x) })
	})
}

// overlap reports whether two lists have something in common; an empty list means everything.
func overlap[T comparable](a, b []T) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(v T) bool { return slices.Contains(b, v) })
}
