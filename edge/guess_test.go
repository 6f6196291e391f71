package edge

import (
	"errors"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"tasman/smpp"
	"tasman/smpp/smpptest"
)

// guessRig tries passwords at times of its own.
type guessRig struct {
	*guesses
	at time.Time
}

func (r *guessRig) try(who guesser, right bool) string {
	ok, paused := r.check(who, func() time.Time { return r.at }, func() bool { return right })
	switch {
	case paused:
		return "paused"
	case ok:
		return "right"
	}
	return "wrong"
}

func TestGuesses(t *testing.T) {
	who := guesserAt(netip.MustParseAddr("192.0.2.1"), "acme")
	type step struct {
		after time.Duration // since the step before
		right bool
		want  string
	}
	wrong := step{0, false, "wrong"}
	five := []step{wrong, wrong, wrong, wrong, wrong}
	cases := map[string][]step{
		"the sixth waits":            append(five[:5:5], step{0, true, "paused"}, step{time.Second, true, "right"}),
		"the pause doubles":          append(five[:5:5], step{time.Second, false, "wrong"}, step{time.Second, true, "paused"}, step{time.Second, true, "right"}),
		"a pause does not grow":      append(five[:5:5], step{0, false, "paused"}, step{0, false, "paused"}, step{time.Second, true, "right"}),
		"right ones begin anew":      append(five[:4:4], step{0, true, "right"}, wrong, wrong, wrong, wrong, step{0, true, "right"}),
		"a minute later begins anew": append(five[:4:4], step{guessSpan, false, "wrong"}, step{0, true, "right"}),
		"within a minute it does not": append(five[:4:4], step{guessSpan - time.Second, false, "wrong"},
			step{0, true, "paused"}),
		"quiet after a pause begins anew": append(five[:5:5], step{time.Second + guessSpan, false, "wrong"}, step{0, true, "right"}),
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			r := guessRig{newGuesses(), time.Now()}
			for i, s := range steps {
				r.at = r.at.Add(s.after)
				if got := r.try(who, s.right); got != s.want {
					t.Fatalf("step %d: %s, want %s", i, got, s.want)
				}
			}
		})
	}
}

func TestGuessPauseIsBounded(t *testing.T) {
	r := guessRig{newGuesses(), time.Now()}
	who := guesserAt(netip.MustParseAddr("192.0.2.1"), "acme")
	for i := range 100 {
		if i >= freeGuesses {
			r.at = r.at.Add(maxGuessPause)
		}
		r.try(who, false)
	}
	r.at = r.at.Add(maxGuessPause)
	r.at = r.at.Add(-time.Nanosecond)
	if got := r.try(who, true); got != "paused" {
		t.Errorf("%s before the pause ends", got)
	}
	r.at = r.at.Add(time.Nanosecond)
	if got := r.try(who, true); got != "right" {
		t.Errorf("%s after a minute", got)
	}
}

func TestGuessersAreToldApart(t *testing.T) {
	r := guessRig{newGuesses(), time.Now()}
	v6 := netip.MustParseAddr
	for range freeGuesses {
		r.try(guesserAt(v6("2001:db8::1"), "acme"), false)
	}
	for who, want := range map[guesser]string{
		guesserAt(v6("2001:db8::2"), "acme"):   "paused", // the same /64
		guesserAt(v6("2001:db8:1::1"), "acme"): "right",
		guesserAt(v6("2001:db8::1"), "other"):  "right",
	} {
		if got := r.try(who, true); got != want {
			t.Errorf("%v: %s, want %s", who, got, want)
		}
	}
}

// Trying many names is no way around the pauses; who was right from there before may still bind, and others elsewhere may.
func TestAddressOfManyGuessesWaits(t *testing.T) {
	r := guessRig{newGuesses(), time.Now()}
	at := func(addr, name string) guesser { return guesserAt(netip.MustParseAddr(addr), name) }
	const bad, good = "192.0.2.1", "192.0.2.2"
	want := func(who guesser, right bool, want string) {
		t.Helper()
		if got := r.try(who, right); got != want {
			t.Fatalf("%v: %s, want %s", who, got, want)
		}
	}
	want(at(bad, "customer"), true, "right")
	for i := range freeStrangers / 2 { // names that exist and names that do not count alike
		want(at(bad, strconv.Itoa(i)), false, "wrong")
		if r.stranger(at(bad, "nobody"+strconv.Itoa(i)), r.at) {
			t.Fatal("paused too soon")
		}
	}
	want(at(bad, "another"), true, "paused")
	if !r.stranger(at(bad, "nobody"), r.at) {
		t.Error("an unknown name is told to one who waits")
	}
	want(at(bad, "customer"), true, "right")
	want(at(good, "another"), true, "right")
	r.at = r.at.Add(minGuessPause)
	want(at(bad, "another"), false, "wrong") // one more, and the pause doubles
	r.at = r.at.Add(minGuessPause)
	want(at(bad, "another"), true, "paused")
	r.at = r.at.Add(minGuessPause)
	want(at(bad, "another"), true, "right")
}

// A client that knows only an old password and tries all the time does not shut out its neighbours of the same address.
func TestOneUserAloneDoesNotMakeItsAddressWait(t *testing.T) {
	r := guessRig{newGuesses(), time.Now()}
	addr := netip.MustParseAddr("192.0.2.1")
	for range 10 * 60 * 10 { // ten a second, for ten minutes
		r.try(guesserAt(addr, "old password"), false)
		r.at = r.at.Add(100 * time.Millisecond)
		if r.pausing(guesserAt(addr, "neighbour"), r.at) {
			t.Fatal("its neighbour waits")
		}
	}
}

// Guesses sent all at once are checked before the first is known to be wrong; from the pause on no answer says anything.
func TestGuessesAtOnceSayNothing(t *testing.T) {
	g := newGuesses()
	who := guesserAt(netip.MustParseAddr("192.0.2.1"), "acme")
	now := func() time.Time { return time.Unix(0, 0) }
	ok, paused := g.check(who, now, func() bool {
		for range freeGuesses {
			g.check(who, now, func() bool { return false })
		}
		return true
	})
	if ok || !paused {
		t.Errorf("ok %v, paused %v", ok, paused)
	}
}

func TestGuessesAreBounded(t *testing.T) {
	r := guessRig{newGuesses(), time.Now()}
	for i := range 3 * guessCount {
		r.try(guesser{addr: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), name: "acme"}, false)
	}
	for i := range 3 * guessCount {
		r.try(guesser{addr: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), name: "acme"}, true)
	}
	for what, n := range map[string]int{
		"wrong": len(r.wrong.newer) + len(r.wrong.older), "right": len(r.right.newer) + len(r.right.older),
	} {
		if n > 2*guessCount {
			t.Errorf("%d of those who were %s are remembered", n, what)
		}
	}
}

var here = netip.MustParseAddr("127.0.0.1")

// wantGuesses fails unless a guesser here has sent n wrong passwords; then it is made to wait.
func wantGuesses(t *testing.T, g *guesses, name string, n int) {
	t.Helper()
	who := guesserAt(here, name)
	g.mu.Lock()
	did := g.get(who, time.Now())
	g.mu.Unlock()
	if did.wrong != n {
		t.Errorf("%d wrong passwords are known, want %d", did.wrong, n)
	}
	did.until = time.Now().Add(time.Hour)
	g.mu.Lock()
	g.wrong.put(who, did)
	g.mu.Unlock()
}

func TestBindsWithWrongPasswordsArePaused(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	bind := func(password string, want smpp.Status) {
		t.Helper()
		_, err := e.tryBind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{Password: password}})
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	bind("wrong", smpp.StatusInvalidPassword)
	bind("wrong", smpp.StatusInvalidPassword)
	wantGuesses(t, e.smpp.guesses, "acme", 2)
	bind("wrong", smpp.StatusBindFailed)
	bind(testPassword, smpp.StatusBindFailed)
}

func TestBindsOfManyNamesArePaused(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	bind := func(name string, want smpp.Status) {
		t.Helper()
		_, err := e.tryBind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{SystemID: name}})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	for i := range freeStrangers {
		bind("nobody"+strconv.Itoa(i), smpp.StatusInvalidSystemID)
	}
	g := e.smpp.guesses
	g.mu.Lock()
	everyone := guesserAt(here, "").everyone()
	did := g.get(everyone, time.Now())
	if did.wrong != freeStrangers || did.until.IsZero() {
		t.Errorf("known of the address: %+v", did)
	}
	did.until = time.Now().Add(time.Hour)
	g.wrong.put(everyone, did)
	g.mu.Unlock()
	bind("nobody", smpp.StatusBindFailed)
	bind("acme", smpp.StatusBindFailed) // though its password is right: it was never here before
}

func TestMailLoginsWithWrongPasswordsArePaused(t *testing.T) {
	d := startMail(t, newFakeFunnel(), nil)
	login := func(password string, want int) {
		t.Helper()
		c := dialMail(t, d.addr)
		if err := c.Auth(sasl.NewPlainClient("", "acme", password)); code(err) != want {
			t.Errorf("%v, want %d", err, want)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	login("wrong", 535)
	login("wrong", 535)
	wantGuesses(t, d.door.guesses, "acme", 2)
	login(mailPassword, 454)
}
