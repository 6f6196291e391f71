package configs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tasman/sms"
)

// Route is a rule: which carriers, in which order, take the messages whose destination starts with one of its prefixes.
// Of the routes that fit a message, the one with the longest prefix counts; see Snapshot.RouteOf for ties.
type Route struct {
	// Name of the resource.
	Name string `yaml:"-"`
	// Prefixes of destinations in international form, digits only. "" is the default route. At least one.
	Prefixes []string `yaml:"prefixes"`
	// Accounts that the route is for. Empty = all.
	Accounts []string `yaml:"accounts"`
	// Lanes that the route is for. Empty = all.
	Lanes []sms.Lane `yaml:"lanes"`
	// Billing are the values of billing_identification (SMPP 5.0 4.8.4.3) that the route is for: text, or octets as 0x and
	// hexadecimal digits. Empty = any, also none.
	Billing []string `yaml:"billing"`
	// NP are the beginnings of dest_addr_np_information (SMPP 5.0 4.8.4.18), the routing number of a ported number, that the
	// route is for. Empty = any, also none.
	NP []string `yaml:"np"`
	// Tiers of carriers, best first. Within a tier the order is drawn by weight; a later tier serves when an earlier one fails.
	Tiers []Tier `yaml:"tiers"`
	// Reject blocks the prefixes with this reason, at most 200 octets. Exactly one of Tiers and Reject is set.
	Reject string `yaml:"reject"`
}

// maxRoutingNumber is the length of dest_addr_np_information (SMPP 5.0 4.8.4.18).
const maxRoutingNumber = 10

// Tier is a set of carriers of equal preference.
type Tier []Share

// Share is a carrier's part of a tier.
type Share struct {
	// Carrier to use. Required.
	Carrier string `yaml:"carrier"`
	// Weight of the carrier within its tier, 1 to 1000. Default 1.
	Weight int `yaml:"weight"`
}

func (s *Share) setDefaults() { *s = Share{Weight: 1} }

// Number is a number or short code of ours: an MO to it belongs to the account.
type Number struct {
	// Name of the resource.
	Name string `yaml:"-"`
	// Number in international form such as +61480000000, or a short code of 3 to 8 digits. Required, unique.
	Number string `yaml:"number"`
	// Account that gets what comes to the number. Required.
	Account string `yaml:"account"`
	// Integration that it is handed to, by the name of an APIKey, SMPPUser or MailUser of the account. Empty = any.
	Integration string `yaml:"integration"`
}

// Digits returns the number in the form of sms.Address.Value: digits only, with the country code unless it is a short code.
func (n *Number) Digits() string {
	a, err := sms.ParseDestination(n.Number)
	if err != nil {
		return n.Number // not valid, which Parse and Check say
	}
	return a.Value
}

// Serves reports whether the route is for the account and lane, whatever the destination.
func (r *Route) Serves(account string, lane sms.Lane) bool {
	return (len(r.Accounts) == 0 || slices.Contains(r.Accounts, account)) && (len(r.Lanes) == 0 || slices.Contains(r.Lanes, lane))
}

func (r *Route) setName(n string) { r.Name = n }
func (r *Route) setDefaults()     { *r = Route{} }

func (n *Number) setName(name string) { n.Name = name }
func (n *Number) setDefaults()        { *n = Number{} }

// wrongPrefix says what is wrong with a prefix, "" when nothing is.
func wrongPrefix(p string) string {
	other := strings.IndexFunc(p, func(r rune) bool { return r < '0' || r > '9' })
	switch {
	case strings.HasPrefix(p, "+") && digits(p[1:]):
		return "must be without +: digits in international form"
	case strings.HasSuffix(p, "*") && other == len(p)-1:
		return "must be without *: a prefix fits all numbers that begin with it"
	case other >= 0:
		c, _ := utf8.DecodeRuneInString(p[other:])
		return fmt.Sprintf("must be digits only, and has %q", c)
	case len(p) > 15:
		return "must be at most 15 digits"
	}
	return ""
}

func (r *Route) validate(f *findings) {
	if len(r.Prefixes) == 0 {
		f.add("prefixes", `must list at least one prefix; "" is the default route`)
	}
	for i, p := range r.Prefixes {
		if wrong := wrongPrefix(p); wrong != "" {
			f.add(fmt.Sprintf("prefixes[%d]", i), "%s", wrong)
		}
	}
	f.unique("prefixes", r.Prefixes)
	f.unique("accounts", r.Accounts)
	checkLanes(f, "lanes", r.Lanes)
	for i, v := range r.Billing {
		if _, err := TLVValue(v); err != nil {
			f.add(fmt.Sprintf("billing[%d]", i), "%v", err)
		}
	}
	f.unique("billing", r.Billing)
	for i, v := range r.NP {
		if v == "" || len(v) > maxRoutingNumber {
			f.add(fmt.Sprintf("np[%d]", i), "must have 1 to %d characters", maxRoutingNumber)
		}
	}
	f.unique("np", r.NP)
	f.text("reject", r.Reject, 200)
	if (len(r.Tiers) == 0) == (r.Reject == "") {
		f.add("tiers", "exactly one of tiers and reject is required")
	}
	var carriers []string
	for i, t := range r.Tiers {
		if len(t) == 0 {
			f.add(fmt.Sprintf("tiers[%d]", i), "must list at least one carrier")
		}
		for j, s := range t {
			field := fmt.Sprintf("tiers[%d][%d]", i, j)
			if f.required(field+".carrier", s.Carrier) && slices.Contains(carriers, s.Carrier) {
				f.add(field+".carrier", "is in the route twice")
			}
			carriers = append(carriers, s.Carrier)
			between(f, field+".weight", s.Weight, 1, 1000)
		}
	}
}

func (n *Number) validate(f *findings) {
	f.required("account", n.Account)
	if f.required("number", n.Number) {
		checkAddress(f, "number", sms.ParseDestination, n.Number)
	}
}

// checkAddress says what is wrong with an address, by its reason alone: the field says which one.
func checkAddress(f *findings, field string, parse func(string) (sms.Address, error), value string) {
	_, err := parse(value)
	var ae *sms.AddressError
	switch {
	case errors.As(err, &ae):
		f.add(field, "is no address: %s", ae.Reason)
	case err != nil:
		f.add(field, "is no address")
	}
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
