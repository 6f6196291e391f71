package configs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync/atomic"

	"tasman/smpp"
	"tasman/sms"
)

// Snapshot is one revision of all resources, compiled for look-ups. It never changes and may be read from any goroutine;
// callers must not change what it returns. In its specs, what a credential leaves to its account is filled in: Lane of
// every credential, Binds and Window of SMPP users.
type Snapshot struct {
	// Revision in the config store; 0 = nothing was ever applied.
	Revision uint64
	// Accounts and Carriers by name.
	Accounts map[string]*Account
	Carriers map[string]*Carrier
	// Routes by name, in order.
	Routes []*Route

	resources []Resource
	keys      map[[sha256.Size]byte]*APIKey
	smppUsers map[string]*SMPPUser
	mailUsers map[string]*MailUser
	numbers   map[string]*Number
	prefixes  map[string][]*Route // most specific first
	longest   int                 // prefix, in digits
	passwords atomic.Pointer[passwords]
}

// NewSnapshot compiles the resources of a revision. It fails, as Check does, when they do not fit together. Plain keys and
// passwords are sealed on the way.
func NewSnapshot(revision uint64, resources []Resource) (*Snapshot, error) {
	if err := Check(resources); err != nil {
		return nil, err
	}
	sealed, err := Seal(resources)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(sealed, compareResources)
	s := &Snapshot{
		Revision: revision, resources: sealed,
		Accounts: map[string]*Account{}, Carriers: map[string]*Carrier{},
		keys: map[[sha256.Size]byte]*APIKey{}, smppUsers: map[string]*SMPPUser{}, mailUsers: map[string]*MailUser{},
		numbers: map[string]*Number{}, prefixes: map[string][]*Route{},
	}
	s.passwords.Store(newPasswords())
	for i := range sealed { // accounts come first in canonical order, so that credentials find theirs
		s.add(sealed[i].Name, sealed[i].Spec)
	}
	for _, list := range s.prefixes {
		slices.SortStableFunc(list, func(a, b *Route) int {
			return cmp.Or(cmp.Compare(b.specificity(), a.specificity()), strings.Compare(a.Name, b.Name))
		})
	}
	return s, nil
}

func (s *Snapshot) add(name string, spec any) {
	switch v := spec.(type) {
	case *Account:
		c := *v
		c.Name = name
		s.Accounts[name] = &c
	case *APIKey:
		c := *v
		c.Name, c.Lane = name, cmp.Or(c.Lane, s.Accounts[c.Account].Lane)
		var sum [sha256.Size]byte
		_, _ = hex.Decode(sum[:], []byte(c.KeySHA256)) // Check saw that it is hexadecimal
		s.keys[sum] = &c
	case *SMPPUser:
		c, a := *v, s.Accounts[v.Account]
		c.Name, c.Lane = name, cmp.Or(c.Lane, a.Lane)
		c.Binds, c.Window = cmp.Or(c.Binds, a.Binds), cmp.Or(c.Window, a.Window)
		s.smppUsers[c.SystemID] = &c
	case *MailUser:
		c := *v
		c.Name, c.Lane = name, cmp.Or(c.Lane, s.Accounts[c.Account].Lane)
		s.mailUsers[c.Username] = &c
	case *Carrier:
		c := *v
		c.Name, c.FixedTLVs = name, fixedTLVs(c.SetTLVs)
		s.Carriers[name] = &c
	case *Route:
		c := *v
		c.Name = name
		s.Routes = append(s.Routes, &c)
		for _, p := range c.Prefixes {
			s.prefixes[p] = append(s.prefixes[p], &c)
			s.longest = max(s.longest, len(p))
		}
	case *Number:
		c := *v
		c.Name = name
		s.numbers[c.Digits()] = &c
	}
}

// Resources returns what the snapshot was made of, sealed and in canonical order. Callers must not change it.
func (s *Snapshot) Resources() []Resource { return s.resources }

// APIKey finds a key by its plain form, at a cost that does not depend on how many there are nor on how much of a key was
// guessed right: what is compared is its SHA-256.
func (s *Snapshot) APIKey(plain string) (*APIKey, *Account, bool) {
	k, ok := s.keys[sha256.Sum256([]byte(plain))]
	if !ok {
		return nil, nil, false
	}
	return k, s.Accounts[k.Account], true
}

// SMPPUser finds a user by system_id. The password is still to be checked.
func (s *Snapshot) SMPPUser(systemID string) (*SMPPUser, *Account, bool) {
	u, ok := s.smppUsers[systemID]
	if !ok {
		return nil, nil, false
	}
	return u, s.Accounts[u.Account], true
}

// MailUser finds a user by username. The password is still to be checked.
func (s *Snapshot) MailUser(username string) (*MailUser, *Account, bool) {
	u, ok := s.mailUsers[username]
	if !ok {
		return nil, nil, false
	}
	return u, s.Accounts[u.Account], true
}

// CheckPassword reports whether the plain password fits the hash. The first right answer costs about 20 ms of CPU, later
// ones a microsecond; wrong ones always cost 20 ms and at most two are computed at a time, so callers may have to wait.
func (s *Snapshot) CheckPassword(hash Secret, plain string) bool {
	return s.passwords.Load().check(string(hash), plain)
}

// Number finds our number or short code that an MO was sent to.
func (s *Snapshot) Number(addr sms.Address) (*Number, *Account, bool) {
	n, ok := s.numbers[addr.Value]
	if !ok {
		return nil, nil, false
	}
	return n, s.Accounts[n.Account], true
}

// Route finds the route of a message without optional parameters, as RouteOf does.
func (s *Snapshot) Route(digits, account string, lane sms.Lane) (*Route, bool) {
	return s.route(digits, account, lane, nil)
}

// RouteOf finds the route of a message: of those for its account, lane, billing_identification and routing number the one
// with the longest prefix of the destination's digits in international form. Among equals one that names the account goes
// before one that names the routing number, then the billing, then the lane, and that before one for all. Prefix and account
// come first because they are the operator's word and the other two the customer's. It allocates nothing for a message
// without optional parameters.
func (s *Snapshot) RouteOf(m *sms.Message) (*Route, bool) {
	return s.route(m.Destination.Value, m.Account, m.Lane, m.TLVs)
}

func (s *Snapshot) route(digits, account string, lane sms.Lane, tlvs smpp.TLVs) (*Route, bool) {
	for n := min(s.longest, len(digits)); n >= 0; n-- {
		for _, r := range s.prefixes[digits[:n]] {
			if r.Serves(account, lane) && r.takes(tlvs) {
				return r, true
			}
		}
	}
	return nil, false
}
