package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tasman/smpp"
)

// fakeStage notes what a timeline does.
type fakeStage struct {
	begun time.Time
	now   Settings
	did   []string
}

func (f *fakeStage) Set(s Settings) error {
	f.now = s
	f.did = append(f.did, fmt.Sprintf("%v %s", time.Since(f.begun), s.Latency))
	return nil
}

func (f *fakeStage) Settings() Settings { return f.now }

func (f *fakeStage) Disconnect(string) int {
	f.did = append(f.did, fmt.Sprintf("%v cut", time.Since(f.begun)))
	return 1
}

const phased = `
name: test
latency: fixed:1ms
phases:
  - {name: good, for: 10s}
  - {name: bad, for: 5s, set: {latency: fixed:2s}}
  - {name: cut, cut: true}
`

// play plays a scenario for a while of virtual time.
func play(t *testing.T, text string, during func(*timeline)) (did []string) {
	s, err := ParseScenario("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		stage := &fakeStage{begun: time.Now()}
		tl := newTimeline(stage, &s.Operator)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { tl.run(ctx); close(ended) }()
		during(tl)
		synctest.Wait()
		cancel()
		<-ended
		did = stage.did
	})
	return did
}

func TestPhasesFollowOneAnother(t *testing.T) {
	t.Parallel()
	got := play(t, phased, func(*timeline) { time.Sleep(time.Minute) })
	if want := []string{"0s fixed:1ms", "10s fixed:2s", "15s fixed:1ms", "15s cut"}; !slices.Equal(got, want) {
		t.Errorf("once: %q", got)
	}
	got = play(t, phased+"loop: true\n", func(*timeline) { time.Sleep(26 * time.Second) })
	want := []string{"0s fixed:1ms", "10s fixed:2s", "15s fixed:1ms", "15s cut", "15s fixed:1ms", "25s fixed:2s"}
	if !slices.Equal(got, want) {
		t.Errorf("in a loop: %q", got)
	}
}

func TestGoToAPhase(t *testing.T) {
	t.Parallel()
	got := play(t, phased, func(tl *timeline) {
		time.Sleep(time.Second)
		if err := tl.goTo(context.Background(), "bad"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if p := tl.phase(); p != "bad" {
			t.Errorf("phase %q", p)
		}
		if err := tl.goTo(context.Background(), "worse"); err == nil || !strings.Contains(err.Error(), "good, bad, cut") {
			t.Errorf("a phase that is not there: %v", err)
		}
		time.Sleep(2 * time.Second)
		_ = tl.change(func(s *Settings) error { s.Latency = Delay{Mean: time.Hour}; return nil })
		time.Sleep(time.Minute)
	})
	if want := []string{"0s fixed:1ms", "1s fixed:2s", "3s fixed:1h0m0s", "6s fixed:1ms", "6s cut"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestScenarioErrorsSayWhereAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"latency: 3s\nlatencies: 2s\n", `f:2:1: no field "latencies" here; allowed are name, about`},
		{"receipts:\n  delay: 1s\n  dealy: 1s\n", `f:3:3: no field "dealy" here; allowed are delay, undeliverable`},
		{"latency: lognormal:3s\n", "f:1:10: lognormal: want a time above 0 and either p99"},
		{"latency: {p50: 3s, p40: 4s}\n", "the times must rise"},
		{"throttled: 2\n", "f:1:1: throttled: 2 is not a share from 0 to 1"},
		{"rate: many\n", `f:1:7: want a number, not "many"`},
		{"verify: yes please\n", "f:1:9: want true or false"},
		{"rules:\n  - {to: '61*', status: RNOTHING}\n", `f:2:25: no status "RNOTHING"; want a number or one of RALYBND`},
		{"rules:\n  - {silent: true, cut: true}\n", "rules[0]: silent and cut exclude each other"},
		{"phases:\n  - {name: a, set: {latency: x}}\n", `f:2:30: "x" is not a time`},
		{"phases:\n  - {name: a, for: 1s}\n  - {name: a}\n", `f:3:5: phase "a" is there twice`},
		{"phases:\n  - {name: a, set: {id: roman}}\n", `id: "roman" is not one of decimal, hex`},
		{"loop: true\nphases:\n  - {name: a}\n", "loop: want at least one phase with a time"},
		{"rules:\n  - {to: '61*'}\n", "rules[0]: says not what happens: want status, latency"},
		{"rules:\n  - {every: 0, silent: true}\n", `f:2:13: "0" is not a whole number of 1 or more`},
		{"rules:\n  - {share: 0, silent: true}\n", `f:2:13: "0" is not a share above 0`},
		{"rules:\n  - {share: 1.5, silent: true}\n", `"1.5" is not a share`},
		{"rules:\n  - {receipt: {err: '12345'}}\n", `rules[0]: receipt.err: "12345" is not 1 to 3 characters`},
		{"phases:\n  - {name: a, for: 1s}\n  - {name: b}\n  - {name: c}\n", `f:3:5: phase "b" would be over at once: want for`},
		{"loop: true\nphases:\n  - {name: a, for: 1s}\n  - {name: b}\n", `f:4:5: phase "b" would be over at once`},
		{"receipts: 3\n", "f:1:11: want a mapping of delay"},
		{"version: 4\n", `f:1:10: "4" is not one of 3.3, 3.4, 5.0`},
		{"carriers:\n  - {copies: 0}\n", "copies: want 1 or more"},
		{"carriers:\n  - {carrier: a}\n  - {carrier: a}\n", `carrier "a" is there twice`},
		{"mo: {from: [abc]}\n", "is not a number"},
		{"listener: [\n", "f:"},
		{"", "f:1:1: is empty"},
		{"rate: 1\n---\nrate: 2\n", "want one document"},
	} {
		_, err := ParseScenario("f", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %q", c.text, err, c.want)
		}
	}
	const fine = "rules:\n  - {to: '61*', receipt: {}}\nphases:\n  - {name: a, for: 1s}\n  - {name: b, cut: true}\n  - {name: c}\n"
	if _, err := ParseScenario("f", []byte(fine)); err != nil {
		t.Error(err)
	}
	_, err := LoadScenario("no-such")
	if err == nil || !strings.Contains(err.Error(), "steady") {
		t.Errorf("a scenario that is not there: %v", err)
	}
}

func TestCarriersInherit(t *testing.T) {
	t.Parallel()
	s, err := ParseScenario("f", []byte(`
latency: fixed:5ms
receipts: {delay: "fixed:1s", undeliverable: 0.5}
carriers:
  - {carrier: a, copies: 2, receipts: {undeliverable: 0.1}}
  - {carrier: b, latency: {lognormal: 40ms, p99: 200ms}, listen: 127.0.0.1:0}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, op := range s.Operators() {
		got = append(got, fmt.Sprintf("%s %v %v %g %v", op.Carrier, op.Latency, op.Receipts.Delay, op.Receipts.Undeliverable, op.Listen))
	}
	want := []string{"a-1 fixed:5ms fixed:1s 0.1 []", "a-2 fixed:5ms fixed:1s 0.1 []",
		"b lognormal:40ms,p99=200ms fixed:1s 0.5 [127.0.0.1:0]"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestShippedScenarios(t *testing.T) {
	t.Parallel()
	for _, name := range ShippedScenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc, err := LoadScenario(name)
			if err != nil {
				t.Fatal(err)
			}
			if sc.Name != name || sc.About == "" {
				t.Errorf("name %q, about %q", sc.Name, sc.About)
			}
			// Fast: no settings that wait.
			fast := Delay{Mean: time.Millisecond, Spread: SpreadFixed}
			flags := SMSCFlags{Latency: &fast, LateBy: &fast, Receipt: &fast}
			every := 10 * time.Millisecond
			if sc.Receipts.Every > 0 {
				flags.Every = &every
			}
			if err := flags.override(sc); err != nil {
				t.Fatal(err)
			}
			f, err := startFleet(t.Context(), sc, fleetOptions{listen: []string{"127.0.0.1:0"}, options: SMSCOptions{Seed: 1}})
			if err != nil {
				t.Fatal(err)
			}
			defer f.close(context.WithoutCancel(t.Context()))
			c := bindTo(t, f.carriers[0].smsc, smpp.BindTransceiver)
			for i := range 20 {
				if _, err := c.Submit(t.Context(), message(fmt.Sprintf("6141234%04d", 5000+i), "Kia ora")); err != nil && !isStatus(err) {
					t.Fatal(err)
				}
			}
			await(t, func() bool { return f.stats().ReceiptsAcked > 0 })
			for i := range sc.Phases { // each can be put into force on a simulator that runs
				if err := f.carriers[0].smsc.Set(*sc.Phases[i].Set); err != nil {
					t.Errorf("phase %s: %v", sc.Phases[i].Name, err)
				}
			}
		})
	}
}

func isStatus(err error) bool {
	var st smpp.Status
	return errors.As(err, &st)
}

// TestRefusedBindsAreTakenAgain: the time of a refusal ends it, but not one that was asked for later, nor what a phase says.
func TestRefusedBindsAreTakenAgain(t *testing.T) {
	t.Parallel()
	const status = StatusCode(smpp.StatusBindFailed)
	refuse := func(tl *timeline, during time.Duration) {
		if err := tl.refuse(status, during); err != nil {
			t.Error(err)
		}
	}
	check := func(tl *timeline, when string, want StatusCode) {
		synctest.Wait()
		tl.mu.Lock()
		defer tl.mu.Unlock()
		if got := tl.stage.Settings().RefuseBinds; got != want {
			t.Errorf("%s: %v", when, got)
		}
	}
	play(t, "name: test\n", func(tl *timeline) {
		refuse(tl, 4*time.Second)
		time.Sleep(2 * time.Second)
		check(tl, "meanwhile", status)
		time.Sleep(3 * time.Second)
		check(tl, "after its time", 0)
		refuse(tl, 4*time.Second)
		time.Sleep(2 * time.Second)
		refuse(tl, 10*time.Second)
		time.Sleep(7 * time.Second)
		check(tl, "the first of two would be over", status)
		time.Sleep(4 * time.Second)
		check(tl, "after the second", 0)
		refuse(tl, 4*time.Second)
		refuse(tl, 0)
		time.Sleep(time.Hour)
		check(tl, "without an end", status)
	})
	play(t, "name: test\nphases:\n  - {name: good, for: 5s}\n  - {name: bad, for: 1h, set: {refuse_binds: RBINDFAIL}}\n", func(tl *timeline) {
		time.Sleep(time.Second)
		refuse(tl, 10*time.Second)
		time.Sleep(time.Minute)
		check(tl, "the phase refuses too", status)
	})
}
