package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// windowed are resources with a window.
func windowed(n int) string {
	return strings.Replace(acme, "country: AU", fmt.Sprintf("country: AU, window: %d", n), 1)
}

// Beyond the window nothing is handled until something was answered, but enquire_link is answered. A new window of the
// configuration holds for sessions that are there.
func TestWindowIsTheUsers(t *testing.T) {
	live, fake := liveYAML(t, windowed(3)), &fakeStorage{}
	e := runHeldEdge(t, live, fake, nil)
	c, _ := e.rawBind(t, smpp.BindTransceiver, smpp.Version34)
	c.send(aSubmit(), aSubmit(), aSubmit(), aSubmit(), aSubmit(), aSubmit(), smpp.EnquireLink{})
	if h, _, _ := c.read(); h.Command != smpp.CommandEnquireLinkResp {
		t.Fatalf("the first answer is %v", h)
	}
	if n := fake.count(); n != 3 {
		t.Errorf("%d submits were handled in a window of 3", n)
	}
	changeSpec(t, live, func(a *configs.Account) { a.Window = 5 })
	waitFor(t, "the wider window", func() bool { return fake.count() == 5 })
	for i := range 6 {
		waitFor(t, "the next submit", func() bool { return fake.count() > i })
		fake.answer(i, nil)
		c.wantStatus(smpp.CommandSubmitSM, smpp.StatusOK)
	}
}

// changeSpec makes a revision in which the resources of a kind are others, and nothing else: to seal anew would change the hashes
// of passwords, which ends sessions.
func changeSpec[T any](t *testing.T, live *configs.Live, change func(*T)) {
	t.Helper()
	old := live.Load()
	var list []configs.Resource
	for _, r := range old.Resources() {
		if spec, ok := r.Spec.(*T); ok {
			changed := *spec
			change(&changed)
			r.Spec = &changed
		}
		list = append(list, r)
	}
	snapshot, err := configs.NewSnapshot(old.Revision+1, list)
	if err != nil {
		t.Fatal(err)
	}
	if err := live.Swap(snapshot); err != nil {
		t.Fatal(err)
	}
}

// What a configuration takes away ends the session by unbind.
func TestSessionsThatAreNotAllowedAnyMoreEnd(t *testing.T) {
	for name, change := range map[string]func(*configs.SMPPUser){
		"bind mode":   func(u *configs.SMPPUser) { u.BindModes = []configs.BindMode{configs.BindTransmitter} },
		"certificate": func(u *configs.SMPPUser) { u.Certificates = []configs.Fingerprint{{1}} },
		"address":     func(u *configs.SMPPUser) { u.Addresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} },
		"system_id":   func(u *configs.SMPPUser) { u.SystemID = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			live := liveYAML(t, acme)
			e := runEdge(t, live, nil)
			esme := e.bind(t, smpptest.ESMEConfig{})
			changeSpec(t, live, change)
			select {
			case <-esme.Done():
			case <-deadline(t).Done():
				t.Fatal("the session goes on")
			}
			if err := esme.Err(); !errors.Is(err, smpp.ErrUnbound) {
				t.Errorf("the session ended with %v", err)
			}
		})
	}
}

// A suspended account submits nothing more, but gets the receipts of what it submitted.
func TestSuspendedAccountKeepsItsReceipts(t *testing.T) {
	live := liveYAML(t, acme)
	e := runEdge(t, live, nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	changeSpec(t, live, func(a *configs.Account) { a.Suspended = true })
	if _, err := esme.SubmitText(deadline(t), "TASMAN", "64211234567", "a"); !errors.Is(err, smpp.StatusRejectAppError) {
		t.Errorf("a submit of a suspended account: %v", err)
	}
	d := receiptFor("acme", "acme-smpp", sms.Normal)
	deliver(t, e.bus, d)
	wantReceipt(t, esme, d.ID)
	if _, err := e.tryBind(t, smpptest.ESMEConfig{}); !errors.Is(err, smpp.StatusBindFailed) {
		t.Errorf("a bind of a suspended account: %v", err)
	}
}

// A bind that was decided on by a configuration which another replaced before the session began ends like any other.
func TestBindDuringAChangeOfConfiguration(t *testing.T) {
	live := liveYAML(t, acme)
	e, err := New(Config{Node: "e1", SMPP: "127.0.0.1:0", Shards: 2}, streamstest.New(t), live, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	decide := e.smpp.server.Bind
	e.smpp.server.Bind = func(ctx context.Context, req *smpp.BindRequest, peer net.Addr) (smpp.Handler, error) {
		h, err := decide(ctx, req, peer)
		changeSpec(t, live, func(u *configs.SMPPUser) { u.BindModes = []configs.BindMode{configs.BindTransmitter} })
		return h, err
	}
	te := &testEdge{Edge: e, live: live, stop: runDoor(t, e.Run)}
	esme := te.bind(t, smpptest.ESMEConfig{})
	select {
	case <-esme.Done():
	case <-deadline(t).Done():
		t.Error("the session goes on")
	}
}

// Rate, full queues and faults have codes of their own (SMPP 3.4 5.1.3).
func TestRefusalsOfStorageHaveTheirCodes(t *testing.T) {
	full := fmt.Errorf("%w: test", streams.ErrFull)
	for name, c := range map[string]struct {
		fake   *fakeStorage
		limit  int
		answer error
		want   smpp.Status
	}{
		"disk or stream is full":      {&fakeStorage{pressure: full}, 10, nil, smpp.StatusMessageQueueFull},
		"the stream refuses as full":  {&fakeStorage{}, 10, full, smpp.StatusMessageQueueFull},
		"nobody takes it":             {&fakeStorage{refuse: streams.ErrNotStored}, 10, nil, smpp.StatusThrottled},
		"too much waits to be stored": {&fakeStorage{}, 1, nil, smpp.StatusMessageQueueFull},
	} {
		t.Run(name, func(t *testing.T) {
			e := runHeldEdge(t, liveYAML(t, acme), c.fake, func(cfg *Config) { cfg.MaxPending = c.limit })
			client, _ := e.rawBind(t, smpp.BindTransmitter, smpp.Version34)
			client.send(aSubmit())
			switch {
			case c.limit == 1:
				waitFor(t, "the first submit", func() bool { return c.fake.count() == 1 })
				client.send(aSubmit())
				client.wantStatus(smpp.CommandSubmitSM, c.want)
				c.fake.answer(0, nil)
				client.wantStatus(smpp.CommandSubmitSM, smpp.StatusOK)
				return
			case c.answer != nil:
				waitFor(t, "the submit", func() bool { return c.fake.count() == 1 })
				c.fake.answer(0, c.answer)
			}
			client.wantStatus(smpp.CommandSubmitSM, c.want)
		})
	}
	if got := statusOf(errors.New("a fault of ours")); got != smpp.StatusSystemError {
		t.Errorf("a fault is %v", got)
	}
}

// Passwords are compared whole. SMPP 3.4 5.2.2 has 8 octets; a user who was given a longer one sends it.
func TestLongPasswords(t *testing.T) {
	long := strings.Repeat("0123456789", 7)[:64]
	e := runEdge(t, liveYAML(t, acme+`---
kind: SMPPUser
name: long
spec: {account: acme, password: "`+long+`"}
---
kind: SMPPUser
name: eight
spec: {account: acme, password: "`+long[:8]+`"}
`), nil)
	for _, c := range []struct {
		user, password string
		want           error
	}{
		{"long", long, nil}, {"long", long[:63], smpp.StatusInvalidPassword}, {"long", long[:8], smpp.StatusInvalidPassword},
		{"eight", long[:8], nil}, {"eight", long[:9], smpp.StatusInvalidPassword}, {"eight", long, smpp.StatusInvalidPassword},
	} {
		if _, err := e.tryBind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{SystemID: c.user, Password: c.password}}); !errors.Is(err, c.want) {
			t.Errorf("%s with %d octets: %v, want %v", c.user, len(c.password), err, c.want)
		}
	}
	client := e.raw(t)
	body := "long\x00" + long + "5\x00" + "\x00\x34\x00\x00\x00" // one octet more than a password may have
	if _, err := client.conn.Write(append([]byte{0, 0, 0, byte(16 + len(body)), 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1}, body...)); err != nil {
		t.Fatal(err)
	}
	client.wantStatus(smpp.CommandBindTransceiver, smpp.StatusInvalidPassword)
}

// A bind that is refused leaves one line that says why, without the password.
func TestRefusedBindsSayWhy(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewTextHandler(&lines, nil))
	e, err := New(Config{Node: "e1", SMPP: "127.0.0.1:0"}, streamstest.New(t), liveYAML(t, acme+`---
kind: SMPPUser
name: pinned
spec: {account: acme, password: `+testPassword+`, certificates: [`+strings.Repeat("0a", 32)+`]}
---
kind: SMPPUser
name: sender
spec: {account: acme, password: `+testPassword+`, bind_modes: [transmitter]}
`), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	for _, c := range []struct{ user, password, want string }{
		{"nobody", testPassword, "unknown system_id"}, {"acme", testPassword + "x", "wrong password"},
		{"pinned", testPassword, "client certificate: needed, and TLS with it"}, {"sender", testPassword, "bind mode not allowed"},
	} {
		lines.Reset()
		req := &smpp.BindRequest{Mode: smpp.BindReceiver, SystemID: c.user, Password: c.password}
		if _, err := e.smpp.bind(t.Context(), req, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}); err == nil {
			t.Errorf("%s was let in", c.user)
		}
		got := lines.String()
		if strings.Count(got, "\n") != 1 || !strings.Contains(got, c.want) || !strings.Contains(got, "system_id="+c.user) || strings.Contains(got, testPassword) {
			t.Errorf("%s: want %q in\n%s", c.user, c.want, got)
		}
	}
}
