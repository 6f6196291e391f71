package configs

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
)

const liveSet = `
kind: Account
name: acme
spec: {lane: bulk, lanes: [alert, bulk], binds: 7, window: 70, addresses: [10.0.0.0/8, "2001:db8::/32"], rate: 2.5}
---
kind: Account
name: other
spec: {}
---
kind: APIKey
name: key
spec: {account: acme, key: 0123456789abcdef, addresses: [10.1.0.0/16]}
---
kind: APIKey
name: other-key
spec: {account: other, key: fedcba9876543210, lane: bulk}
---
kind: SMPPUser
name: user
spec: {account: acme, password: secret12, lane: alert, binds: 1}
---
kind: MailUser
name: mail
spec: {account: other, password: secret34, source: "+61480000001", username: mail@other.example}
---
kind: Carrier
name: telstra
spec: {addresses: ["192.0.2.1:2775"], system_id: tasman}
---
kind: Carrier
name: optus
spec: {addresses: ["192.0.2.2:2775"], system_id: tasman}
---
kind: Number
name: replies
spec: {number: "+61480000001", account: acme, integration: user}
---
kind: Number
name: code
spec: {number: 1234, account: other}
---
kind: Route
name: default
spec: {prefixes: [""], tiers: [[{carrier: optus}]]}
---
kind: Route
name: australia
spec: {prefixes: ["61", "614"], tiers: [[{carrier: telstra}]]}
---
kind: Route
name: australia-alerts
spec: {prefixes: ["61"], lanes: [alert], tiers: [[{carrier: telstra}], [{carrier: optus}]]}
---
kind: Route
name: acme-australia
spec: {prefixes: ["61"], accounts: [acme], tiers: [[{carrier: optus}], [{carrier: telstra}]]}
---
kind: Route
name: premium
spec: {prefixes: ["6119"], reject: not served}
`

func mustSnapshot(t testing.TB, revision uint64, yaml string) *Snapshot {
	t.Helper()
	s, err := NewSnapshot(revision, mustParse(t, yaml))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSnapshotCredentials(t *testing.T) {
	s := mustSnapshot(t, 3, liveSet)
	k, a, ok := s.APIKey("0123456789abcdef")
	if !ok || k.Name != "key" || a.Name != "acme" || k.Lane != sms.Bulk || k.Key != "" {
		t.Errorf("APIKey = %+v, %+v, %v", k, a, ok)
	}
	if k, _, _ := s.APIKey("fedcba9876543210"); k.Lane != sms.Bulk || k.Account != "other" {
		t.Errorf("a key's own lane is lost: %+v", k)
	}
	for _, bad := range []string{"", "0123456789abcde", "0123456789ABCDEF", string(k.KeySHA256)} {
		if _, _, ok := s.APIKey(bad); ok {
			t.Errorf("key %q is taken", bad)
		}
	}
	u, a, ok := s.SMPPUser("user")
	if !ok || a != s.Accounts["acme"] || u.Lane != sms.Alert || u.Binds != 1 || u.Window != 70 {
		t.Errorf("SMPPUser = %+v, %+v, %v", u, a, ok)
	}
	if !s.CheckPassword(u.PasswordHash, "secret12") || s.CheckPassword(u.PasswordHash, "secret34") || s.CheckPassword("", "") {
		t.Error("CheckPassword is wrong")
	}
	m, a, ok := s.MailUser("mail@other.example")
	if !ok || m.Name != "mail" || a.Name != "other" || m.Lane != sms.Normal {
		t.Errorf("MailUser = %+v, %+v, %v", m, a, ok)
	}
	if _, _, ok := s.SMPPUser("nobody"); ok {
		t.Error("an unknown system_id is taken")
	}
	if _, _, ok := s.MailUser("mail"); ok {
		t.Error("an unknown username is taken")
	}
	if rate, burst := s.Accounts["acme"].Limit(); rate != 2.5 || burst != 3 {
		t.Errorf("Limit = %v, %v", rate, burst)
	}
	if len(s.Carriers) != 2 || s.Carriers["optus"].Name != "optus" || s.Carriers["optus"].QueueLimit() != DefaultMaxQueue {
		t.Errorf("Carriers = %v", s.Carriers)
	}
}

func TestSnapshotNumbers(t *testing.T) {
	s := mustSnapshot(t, 1, liveSet)
	for value, want := range map[sms.Address]string{
		{Kind: sms.MSISDN, Value: "61480000001"}: "acme", {Kind: sms.ShortCode, Value: "1234"}: "other", {Kind: sms.ShortCode, Value: "12345"}: "", {}: "",
	} {
		n, a, ok := s.Number(value)
		if ok != (want != "") || (ok && (a.Name != want || n.Account != want)) {
			t.Errorf("Number(%v) = %+v, %v", value, n, ok)
		}
	}
}

func TestSnapshotRoute(t *testing.T) {
	s := mustSnapshot(t, 1, liveSet)
	for _, c := range []struct {
		digits, account string
		lane            sms.Lane
		want            string
	}{
		{"64211234567", "acme", sms.Normal, "default"},
		{"61212345678", "other", sms.Normal, "australia"},
		{"61212345678", "other", sms.Alert, "australia-alerts"},
		{"61212345678", "acme", sms.Normal, "acme-australia"},
		{"61212345678", "acme", sms.Alert, "acme-australia"}, // the account goes before the lane
		{"61412345678", "acme", sms.Alert, "australia"},      // the longer prefix goes before both
		{"6119123", "acme", sms.Alert, "premium"},
		{"6119", "acme", sms.Alert, "premium"},
		{"611", "other", sms.Bulk, "australia"},
		{"6", "other", sms.Bulk, "default"},
		{"", "other", sms.Bulk, "default"},
	} {
		r, ok := s.Route(c.digits, c.account, c.lane)
		if !ok || r.Name != c.want {
			t.Errorf("Route(%q, %s, %v) = %+v, %v; want %s", c.digits, c.account, c.lane, r, ok, c.want)
		}
	}
	if r, ok := (&Snapshot{}).Route("61", "acme", sms.Alert); ok {
		t.Errorf("the empty snapshot routes by %v", r)
	}
	if n := testing.AllocsPerRun(10, func() { s.Route("61412345678", "acme", sms.Alert) }); n != 0 {
		t.Errorf("Route allocates %v times", n)
	}
}

func TestAllowedAddress(t *testing.T) {
	s := mustSnapshot(t, 1, liveSet)
	key, acme, _ := s.APIKey("0123456789abcdef")
	user, _, _ := s.SMPPUser("user")
	mail, other, _ := s.MailUser("mail@other.example")
	for _, c := range []struct {
		cred    Credential
		account *Account
		addr    string
		want    bool
	}{
		{key, acme, "10.1.2.3", true}, {key, acme, "::ffff:10.1.2.3", true}, {key, acme, "10.2.2.3", false}, {key, acme, "192.0.2.1", false},
		{user, acme, "10.2.2.3", true}, {user, acme, "2001:db8::1", true}, {user, acme, "192.0.2.1", false}, {user, acme, "2001:db9::1", false},
		{mail, other, "192.0.2.1", true},
	} {
		if got := AllowedAddress(c.cred, c.account, netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%T from %s: %v", c.cred, c.addr, got)
		}
	}
}

func TestSnapshotRefusesBadSets(t *testing.T) {
	_, err := NewSnapshot(1, mustParse(t, "kind: Number\nname: n\nspec: {number: 1234, account: nobody}\n"))
	if err == nil || !strings.Contains(err.Error(), `test.yaml:3:22: Number n: spec.account: there is no Account "nobody"`) {
		t.Errorf("got %v", err)
	}
	_, err = NewSnapshot(1, []Resource{{Kind: "Nonsense", Name: "a"}, {Kind: KindAccount, Name: "b"}, {Kind: KindAccount, Name: "c", Spec: &Carrier{}}, {Kind: KindAccount, Name: "D", Spec: &Account{}}})
	for _, want := range []string{"Nonsense a: kind: unknown", "Account b: spec: is required", "Account c: spec: is required", "Account D: name: must be", "Account D: spec.lane"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func TestSnapshotResourcesMakeTheSameSnapshot(t *testing.T) {
	s := mustSnapshot(t, 1, liveSet)
	text, err := Marshal(s.Resources())
	if err != nil {
		t.Fatal(err)
	}
	again := mustSnapshot(t, 1, string(text))
	for _, d := range []string{cmp.Diff(s.Accounts, again.Accounts, cmp.Comparer(samePrefix)), cmp.Diff(s.Carriers, again.Carriers), cmp.Diff(s.Routes, again.Routes, cmp.Transformer("v", func(r Route) string { return r.Name + planOf(&r) }))} {
		if d != "" {
			t.Error(d)
		}
	}
}

func TestCarrierPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(" p w \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		carrier Carrier
		want    string
		ok      bool
	}{
		{Carrier{Password: "plain"}, "plain", true}, {Carrier{PasswordFile: file}, " p w ", true}, {Carrier{Name: "x", PasswordFile: file + "-"}, "", false},
	} {
		got, err := c.carrier.ReadPassword()
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("ReadPassword = %q, %v", got, err)
		}
	}
}

func TestPasswordHash(t *testing.T) {
	h, err := hashPassword("secret", 10)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := hashPassword("secret", 10)
	if h == other || !verifyPassword(string(h), "secret") || verifyPassword(string(h), "Secret") {
		t.Error("hash has no salt or does not verify")
	}
	// RFC 7914 11 gives PBKDF2-HMAC-SHA-256 of "passwd", "salt", 1 round; the first 32 octets.
	if !verifyPassword("pbkdf2-sha256$1$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLw", "passwd") {
		t.Error("the known vector does not verify")
	}
	for _, bad := range []string{"", "x", "pbkdf2-sha256$0$c2FsdA$" + strings.Repeat("A", 43), "pbkdf2-sha256$999999999$c2FsdA$" + strings.Repeat("A", 43), "pbkdf2-sha256$1$c2FsdA$AAAA", "md5$1$c2FsdA$AAAA"} {
		if _, err := parseHash(bad); err == nil {
			t.Errorf("parseHash(%q) takes it", bad)
		}
	}
}

func TestPasswordCache(t *testing.T) {
	p := newPasswords()
	h, err := hashPassword("secret", 10)
	if err != nil {
		t.Fatal(err)
	}
	if p.check(string(h), "wrong") || len(p.right) != 0 {
		t.Error("a wrong password is taken or remembered")
	}
	if !p.check(string(h), "secret") || !p.knows(p.tag(string(h), "secret")) {
		t.Error("a right password is not taken or not remembered")
	}
	if p.check(string(h)+"s", "ecret") {
		t.Error("hash and password run into each other")
	}
	for i := range passwordCacheSize + 10 {
		p.remember([32]byte{byte(i), byte(i >> 8)})
	}
	if len(p.right) != passwordCacheSize {
		t.Errorf("the cache holds %d", len(p.right))
	}
}

func TestLive(t *testing.T) {
	l := NewLive()
	if s := l.Load(); s == nil || s.Revision != 0 || s.CheckPassword("", "x") {
		t.Fatal("no empty snapshot at the start")
	}
	if _, _, ok := l.Load().APIKey("x"); ok {
		t.Error("the empty snapshot has a key")
	}
	changes, cancel := l.Subscribe()
	other, cancelOther := l.Subscribe()
	cancelOther()
	cancelOther()
	first, second := mustSnapshot(t, 5, liveSet), mustSnapshot(t, 6, liveSet)
	for _, s := range []*Snapshot{first, second} {
		if err := l.Swap(s); err != nil {
			t.Fatal(err)
		}
	}
	if l.Load() != second {
		t.Error("the snapshot was not swapped")
	}
	select {
	case <-changes:
	default:
		t.Error("no token after two swaps")
	}
	select {
	case <-changes:
		t.Error("two tokens for two swaps that nobody looked between")
	case <-other:
		t.Error("a token after cancel")
	default:
	}
	if err := l.Swap(first); err == nil || !strings.Contains(err.Error(), "5 after 6") || l.Load() != second {
		t.Errorf("a lower revision: %v", err)
	}
	if err := l.Swap(mustSnapshot(t, 6, liveSet)); err != nil || l.Load() != second {
		t.Errorf("the same revision: %v", err)
	}
	if err := l.Swap(nil); err == nil {
		t.Error("nil is taken")
	}
	cancel()
}

func TestLiveKeepsKnownPasswords(t *testing.T) {
	l := NewLive()
	first := mustSnapshot(t, 1, liveSet)
	if err := l.Swap(first); err != nil {
		t.Fatal(err)
	}
	u, _, _ := first.SMPPUser("user")
	if !l.Load().CheckPassword(u.PasswordHash, "secret12") {
		t.Fatal("the password is refused")
	}
	second, err := NewSnapshot(2, first.Resources())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Swap(second); err != nil {
		t.Fatal(err)
	}
	p := l.Load().passwords.Load()
	if u, _, _ := second.SMPPUser("user"); !p.knows(p.tag(string(u.PasswordHash), "secret12")) {
		t.Error("a new revision forgets the passwords found right")
	}
}

func TestWebhookSigningKey(t *testing.T) {
	for secret, want := range map[Secret]string{"whsec_c2l4dGVlbiBvY3RldHMhIQ==": "sixteen octets!!", "plain secret here": "plain secret here"} {
		got, err := (&Webhook{Secret: secret}).SigningKey()
		if err != nil || string(got) != want {
			t.Errorf("SigningKey of %q = %q, %v", string(secret), got, err)
		}
	}
	if (*Webhook)(nil).Wants(WebhookMO) {
		t.Error("no webhook wants something")
	}
}

func BenchmarkCheckPassword(b *testing.B) {
	h, err := HashPassword("secret12")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			verifyPassword(string(h), "secret12")
		}
	})
	b.Run("known", func(b *testing.B) {
		p := newPasswords()
		for b.Loop() {
			p.check(string(h), "secret12")
		}
	})
}

func BenchmarkRoute(b *testing.B) {
	s := mustSnapshot(b, 1, liveSet)
	for b.Loop() {
		s.Route("64211234567", "acme", sms.Alert)
	}
}
