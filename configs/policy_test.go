package configs

import (
	"testing"
	"time"
	"unicode"

	"tasman/smpp"
	"tasman/sms"
)

// printable are ranges of characters that a stored text may hold.
var printable = []*unicode.RangeTable{unicode.L, unicode.N, unicode.P, unicode.S}

func statusOf(n uint32) smpp.Status { return smpp.Status(n) }

func TestPolicyDocIsFresh(t *testing.T) {
	golden(t, "../docs/policy.md", PolicyMarkdown())
}

func TestClassOf(t *testing.T) {
	for s, want := range map[smpp.Status]Class{
		smpp.StatusThrottled: Throttled, smpp.StatusMessageQueueFull: QueueFull, smpp.StatusSystemError: TemporaryFailure,
		smpp.StatusTemporaryAppError: TemporaryFailure, smpp.StatusSubmitFailed: Ambiguous, smpp.StatusInvalidDestination: InvalidDestination,
		smpp.StatusInvalidSource: RefusedHere, smpp.StatusInvalidDCS: RefusedHere, smpp.StatusPermanentAppError: RefusedHere,
		smpp.StatusRejectAppError: Rejected, 0x0451: RefusedHere, 0xFFFFFFFF: RefusedHere,
	} {
		if got := ClassOf(s, nil); got != want {
			t.Errorf("%v is %v, want %v", s, got, want)
		}
	}
	overrides := StatusClasses{smpp.StatusSubmitFailed: Throttled}
	if ClassOf(smpp.StatusSubmitFailed, overrides) != Throttled || ClassOf(smpp.StatusThrottled, overrides) != Throttled {
		t.Error("overrides are not used, or too much")
	}
	for s, e := range statuses {
		if !e.class.Answered() {
			t.Errorf("%v has the class %v, which no answer has", s, e.class)
		}
		if s.Temporary() && e.class != Throttled && e.class != QueueFull && e.class != TemporaryFailure {
			t.Errorf("smpp calls %v temporary, the policy %v", s, e.class)
		}
	}
}

func TestStatusNames(t *testing.T) {
	for s, e := range statuses {
		if got, err := ParseStatus(e.name); err != nil || got != s {
			t.Errorf("ParseStatus(%s) = %v, %v", e.name, got, err)
		}
		if got, err := ParseStatus(formatStatus(s)); err != nil || got != s {
			t.Errorf("%v prints as %s, which reads as %v, %v", s, formatStatus(s), got, err)
		}
	}
	if got, err := ParseStatus(formatStatus(0x451)); err != nil || got != 0x451 {
		t.Errorf("0x451 reads as %v, %v", got, err)
	}
	for _, bad := range []string{"", "0", "-1", "ESME_ROK", "ESME_", "RTHROTTLED", "esme_rthrottled", "0x100000000"} {
		if got, err := ParseStatus(bad); err == nil {
			t.Errorf("ParseStatus(%q) = %v", bad, got)
		}
	}
}

func TestDecide(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		lane  sms.Lane
		class Class
		tries int
		want  Decision
	}{
		{sms.Alert, Throttled, 1, Decision{Action: Retry, Delay: s / 4}},
		{sms.Alert, Throttled, 2, Decision{Action: Retry, Delay: s / 2}},
		{sms.Alert, Throttled, 3, Decision{Action: NextCarrier}},
		{sms.Normal, Throttled, 0, Decision{Action: Retry, Delay: s}},
		{sms.Normal, Throttled, 3, Decision{Action: Retry, Delay: 4 * s}},
		{sms.Normal, Throttled, 4, Decision{Action: NextCarrier}},
		{sms.LaneUnset, Throttled, 4, Decision{Action: NextCarrier}},
		{sms.Bulk, Throttled, 8, Decision{Action: Retry, Delay: 30 * s}},
		{sms.Bulk, Throttled, 9, Decision{Action: NextCarrier}},
		{sms.Alert, Ambiguous, 1, Decision{Action: NextCarrier}},
		{sms.Normal, RefusedHere, 1, Decision{Action: NextCarrier}},
		{sms.Normal, LinkDown, 1, Decision{Action: NextCarrier}},
		{sms.Normal, NotSent, 1, Decision{Action: Retry}},
		{sms.Normal, NotSent, 4, Decision{Action: NextCarrier}},
		{sms.Alert, Unknown, 1, Decision{Action: Resend, MaybeSent: true}},
		{sms.Alert, Unknown, 2, Decision{Action: NextCarrier, MaybeSent: true}},
		{sms.Normal, Unknown, 1, Decision{Action: Resend, Delay: s, MaybeSent: true}},
		{sms.Bulk, Unknown, 1, Decision{Action: AwaitReceipt, State: sms.StateUnknown}},
		{sms.Bulk, InvalidDestination, 1, Decision{Action: Fail, State: sms.StateUndeliverable}},
		{sms.Alert, Rejected, 1, Decision{Action: Fail, State: sms.StateRejected}},
		{sms.Alert, Expired, 9, Decision{Action: Fail, State: sms.StateExpired}},
	} {
		if got := Decide(c.lane, c.class, c.tries); got != c.want {
			t.Errorf("Decide(%v, %v, %d) = %+v, want %+v", c.lane, c.class, c.tries, got, c.want)
		}
	}
}

// TestDecideEndsAtEveryCarrier checks what holds for the whole table: tries at one carrier are bounded and wait longer
// each time, only an unknown outcome makes a duplicate, bulk never does, and every Fail has a final state.
func TestDecideEndsAtEveryCarrier(t *testing.T) {
	for _, lane := range sms.Lanes() {
		for _, class := range append(Classes(), NoClass) {
			var last time.Duration
			for tries := 1; ; tries++ {
				if tries > 10 {
					t.Fatalf("%v %v is tried for ever", lane, class)
				}
				d := Decide(lane, class, tries)
				if d.MaybeSent != (class == Unknown && lane != sms.Bulk) {
					t.Errorf("%v %v: MaybeSent %v", lane, class, d.MaybeSent)
				}
				if (d.Action == Fail || d.Action == AwaitReceipt) != d.State.Final() {
					t.Errorf("%v %v: %v in state %v", lane, class, d.Action, d.State)
				}
				if d.Action != Retry && d.Action != Resend {
					break
				}
				if d.Delay < last {
					t.Errorf("%v %v: the delay shrinks to %v", lane, class, d.Delay)
				}
				last = d.Delay
			}
		}
	}
}

func TestExhausted(t *testing.T) {
	for _, class := range Classes() {
		if d := Exhausted(class, 1); d.Action != Hold || d.Delay != 5*time.Second {
			t.Errorf("%v in the first round: %+v", class, d)
		}
	}
	if d := Exhausted(RefusedHere, 2); d.Action != Fail || d.State != sms.StateRejected {
		t.Errorf("refused by all twice: %+v", d)
	}
	if d := Exhausted(LinkDown, 50); d.Action != Hold || d.Delay != 5*time.Minute {
		t.Errorf("links down: %+v", d)
	}
}

func TestHoldDelay(t *testing.T) {
	for rounds, want := range map[int]time.Duration{-1: 5 * time.Second, 0: 5 * time.Second, 1: 5 * time.Second, 2: 10 * time.Second, 3: 20 * time.Second, 7: 5 * time.Minute, 1 << 40: 5 * time.Minute} {
		if got := HoldDelay(rounds); got != want {
			t.Errorf("HoldDelay(%d) = %v, want %v", rounds, got, want)
		}
	}
}

func TestClassNames(t *testing.T) {
	for _, c := range Classes() {
		if got, err := ParseClass(c.String()); err != nil || got != c {
			t.Errorf("%v reads as %v, %v", c, got, err)
		}
	}
	if _, err := ParseClass(""); err == nil {
		t.Error("no name is a class")
	}
}

func TestBindModes(t *testing.T) {
	for _, b := range []smpp.Bind{smpp.BindTransmitter, smpp.BindReceiver, smpp.BindTransceiver} {
		if m := BindModeOf(b); m.SMPP() != b || string(m) != b.String() {
			t.Errorf("%v is %s", b, m)
		}
	}
}
