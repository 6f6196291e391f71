package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tasman/smpp"
)

// testTime bounds what a test waits for; nothing is measured against it.
const testTime = 30 * time.Second

func startSMSC(t *testing.T, o SMSCOptions) *SMSC {
	t.Helper()
	if o.Seed == 0 {
		o.Seed = 1
	}
	s := NewSMSC(o)
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testTime)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// client is an ESME that notes what happens to it, in order.
type client struct {
	*smpp.Session
	happened chan happening
	refuse   chan smpp.Status // statuses for the next deliver_sm
}

// happening is an outcome of a submit_sm or a deliver_sm.
type happening struct {
	outcome *smpp.Outcome
	id      string // of the answer or of the receipt
	receipt *smpp.Receipt
	mo      string
	source  string // of the deliver_sm
}

func bindTo(t *testing.T, s *SMSC, mode smpp.Bind) *client {
	t.Helper()
	return bindAs(t, s, mode, "test")
}

func bindAs(t *testing.T, s *SMSC, mode smpp.Bind, systemID string) *client {
	t.Helper()
	c := &client{happened: make(chan happening, 1000), refuse: make(chan smpp.Status, 10)}
	session, err := smpp.Dial(t.Context(), s.Addr().String(), smpp.BindRequest{Mode: mode, SystemID: systemID, Password: "secret"},
		smpp.Options{Window: 100, Handler: smpp.HandlerFunc(c.serve)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close(); <-session.Done() })
	c.Session = session
	return c
}

func (c *client) serve(r *smpp.Request) {
	m := r.PDU().(*smpp.DeliverSM)
	select {
	case st := <-c.refuse:
		_ = r.Reply(st, nil)
		return
	default:
	}
	h := happening{source: m.Source.Addr}
	if receipt, ok := m.Receipt(); ok {
		h.receipt, h.id = &receipt, receipt.MessageID
	} else {
		h.mo = string(m.Payload())
	}
	_ = r.Reply(smpp.StatusOK, nil)
	c.happened <- h
}

func message(to, text string) *smpp.SubmitSM {
	return &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: to},
		RegisteredDelivery: 1, ShortMessage: []byte(text)}
}

// send submits without waiting; the outcome happens.
func (c *client) send(t *testing.T, m *smpp.SubmitSM) {
	t.Helper()
	err := c.Send(t.Context(), m, nil, func(o smpp.Outcome) {
		h := happening{outcome: &o}
		if resp, ok := o.Resp.(*smpp.SubmitSMResp); ok {
			h.id = resp.MessageID
		}
		c.happened <- h
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *client) wait(t *testing.T) happening {
	t.Helper()
	select {
	case h := <-c.happened:
		return h
	case <-time.After(testTime):
		t.Fatal("nothing happened")
	}
	return happening{}
}

// String is short, for comparison: what happened without ids.
func (h happening) String() string {
	switch {
	case h.outcome != nil && h.outcome.Kind != smpp.Answered:
		return "unanswered"
	case h.outcome != nil && h.outcome.Status != smpp.StatusOK:
		return "refused " + strings.Fields(h.outcome.Status.String())[0]
	case h.outcome != nil:
		return "answer"
	case h.receipt != nil:
		return "receipt " + h.receipt.State.Stat()
	}
	if marker, rest, ok := strings.Cut(h.mo, stampSign); ok && len(rest) > stampDigits {
		return "mo " + marker + stampSign + rest[stampDigits:]
	}
	return "mo " + h.mo
}

func TestMagicDestinations(t *testing.T) {
	const throttled, system = "refused throttled", "refused system"
	cases := []struct {
		ending int
		want   []string // of as many submissions of the same message as there are answers
		any    bool     // in any order
	}{
		{9001, []string{"answer", "receipt UNDELIV"}, false},
		{9002, []string{"answer", "receipt EXPIRED"}, false},
		{9003, []string{"refused invalid"}, false},
		{9004, []string{throttled, "answer", "receipt DELIVRD", throttled}, false},
		{9005, []string{system, "answer", "receipt DELIVRD", system}, false},
		{9007, []string{"receipt DELIVRD", "answer"}, false},
		{9008, []string{"receipt DELIVRD", "answer"}, false},
		{9009, []string{"answer", "receipt DELIVRD", "receipt DELIVRD"}, false},
		{9010, []string{"answer"}, false},
		{9012, []string{"answer", "receipt DELIVRD", "mo Kia ora 9012"}, true},
		{9013, []string{"answer", "receipt DELIVRD"}, false},
	}
	s := startSMSC(t, SMSCOptions{LateBy: 300 * time.Millisecond, Latency: Delay{Mean: time.Millisecond}, ReceiptDelay: Delay{Mean: 50 * time.Millisecond}})
	for _, c := range cases {
		t.Run(fmt.Sprint(c.ending), func(t *testing.T) {
			// A system_id of its own: a receipt whose answer is lost with the session comes again, to the next one.
			esme := bindAs(t, s, smpp.BindTransceiver, fmt.Sprint(c.ending))
			to := fmt.Sprintf("6421123%d", c.ending)
			m := message(to, fmt.Sprintf("Kia ora %d", c.ending))
			var got, ids []string
			for i, want := range c.want {
				if i == 0 || len(got) > 0 && (strings.HasPrefix(got[i-1], "refused") || strings.HasPrefix(want, "refused")) {
					esme.send(t, m)
				}
				h := esme.wait(t)
				got = append(got, h.String())
				if h.id != "" {
					ids = append(ids, h.id)
				}
				if h.source != "" && h.source != to {
					t.Errorf("deliver_sm from %s", h.source)
				}
			}
			if c.any {
				slices.Sort(c.want)
				slices.Sort(got)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("happened: %q, not %q", got, c.want)
			}
			if ids = slices.Compact(ids); len(ids) > 1 {
				t.Errorf("answer and receipts differ in their ids: %q", ids)
			}
			esme.quiet(t)
		})
	}
}

// quiet checks that nothing else is on its way: what is sent now is what happens next.
func (c *client) quiet(t *testing.T) {
	t.Helper()
	c.send(t, message("64211230000", "last"))
	if h := c.wait(t); h.String() != "answer" {
		t.Errorf("something else happened: %v", h)
	}
	if h := c.wait(t); h.String() != "receipt DELIVRD" {
		t.Errorf("something else happened: %v", h)
	}
}

func TestMagicSilence(t *testing.T) {
	s := startSMSC(t, SMSCOptions{})
	c := bindTo(t, s, smpp.BindTransceiver)
	c.send(t, message("64211239006", "no answer"))
	c.quiet(t)
	c.Close()
	if h := c.wait(t); h.String() != "unanswered" {
		t.Errorf("the silent one: %v", h)
	}
	if n := s.Stats().Silent; n != 1 {
		t.Errorf("%d silent", n)
	}
}

func TestMagicCut(t *testing.T) {
	s := startSMSC(t, SMSCOptions{})
	m := message("64211239011", "cut")
	c := bindTo(t, s, smpp.BindTransceiver)
	c.send(t, m)
	if h := c.wait(t); h.String() != "unanswered" || h.outcome.Kind != smpp.Unknown {
		t.Errorf("the first time: %v, %v", h, h.outcome.Kind)
	}
	<-c.Done()
	again := bindTo(t, s, smpp.BindTransceiver)
	again.send(t, m)
	if h := again.wait(t); h.String() != "answer" {
		t.Errorf("the second time: %v", h)
	}
}

func TestMagicCanBeOff(t *testing.T) {
	s := startSMSC(t, SMSCOptions{NoMagic: true})
	if _, err := bindTo(t, s, smpp.BindTransceiver).Submit(t.Context(), message("64211239003", "plain")); err != nil {
		t.Error(err)
	}
}

func TestBindChecksCredentials(t *testing.T) {
	s := startSMSC(t, SMSCOptions{SystemID: "test", Password: "secret"})
	for _, c := range []struct {
		systemID, password string
		want               smpp.Status
	}{{"test", "secret", smpp.StatusOK}, {"other", "secret", smpp.StatusInvalidSystemID}, {"test", "other", smpp.StatusInvalidPassword}} {
		session, err := smpp.Dial(t.Context(), s.Addr().String(),
			smpp.BindRequest{Mode: smpp.BindTransceiver, SystemID: c.systemID, Password: c.password}, smpp.Options{})
		if err == nil {
			session.Close()
		}
		got := smpp.StatusOK
		var refused *smpp.BindError
		if errors.As(err, &refused) {
			got = refused.Status
		}
		if got != c.want {
			t.Errorf("%s, %s: %v", c.systemID, c.password, err)
		}
	}
}

func TestReceiptsGoToAReceiver(t *testing.T) {
	s := startSMSC(t, SMSCOptions{ID: IDHex, ReceiptID: IDDecimal, FirstID: 0xBEEF, NoReceiptTLVs: true})
	tx := bindTo(t, s, smpp.BindTransmitter)
	id, err := tx.Submit(t.Context(), message("64211230001", "receipt later"))
	if err != nil || id != "beef" {
		t.Fatalf("id %q, %v", id, err)
	}
	rx := bindTo(t, s, smpp.BindReceiver) // the receipt has waited for it
	if h := rx.wait(t); h.id != "48879" || h.receipt.State != smpp.StateDelivered {
		t.Errorf("receipt for %q: %v", h.id, h)
	}
}

func TestReceiptsAreSentAgain(t *testing.T) {
	s := startSMSC(t, SMSCOptions{})
	c := bindTo(t, s, smpp.BindTransceiver)
	c.refuse <- smpp.StatusMessageQueueFull
	c.send(t, message("64211230001", "refused for the time being"))
	if a, r := c.wait(t), c.wait(t); a.String() != "answer" || r.id != a.id {
		t.Errorf("%v %s, then %v %s", a, a.id, r, r.id)
	}
	c.refuse <- smpp.StatusInvalidDestination
	c.send(t, message("64211230002", "refused for good"))
	c.wait(t) // its answer
	await(t, func() bool { return s.Stats().Owed == 0 })
	if got := s.Stats(); got.ReceiptsRetried != 1 || got.ReceiptsAcked != 1 || got.ReceiptsRefused != 1 {
		t.Errorf("retried %d, acked %d, refused %d", got.ReceiptsRetried, got.ReceiptsAcked, got.ReceiptsRefused)
	}
}

// await looks until cond holds.
func await(t *testing.T, cond func() bool) {
	t.Helper()
	end := time.NewTimer(testTime)
	defer end.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatal("it did not happen")
		}
	}
}

func TestReceiptsSurviveACut(t *testing.T) {
	s := startSMSC(t, SMSCOptions{DisconnectAfter: 5, ReceiptDelay: Delay{Mean: 20 * time.Millisecond}})
	first := bindTo(t, s, smpp.BindTransceiver)
	for i := range 4 {
		if _, err := first.Submit(t.Context(), message("64211230001", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	first.send(t, message("64211230001", "the fifth"))
	<-first.Done()
	second := bindTo(t, s, smpp.BindTransceiver)
	await(t, func() bool { return s.Stats().ReceiptsAcked >= 4 && s.Stats().Owed == 0 })
	if got := s.Stats(); got.Cut != 1 || got.ReceiptsDue != 4 {
		t.Errorf("%d cut, %d receipts due", got.Cut, got.ReceiptsDue)
	}
	second.Close()
}

func TestRegisteredDelivery(t *testing.T) {
	for _, c := range []struct {
		registered uint8
		state      smpp.MessageState
		want       bool
	}{
		{0, smpp.StateDelivered, false}, {1, smpp.StateDelivered, true}, {1, smpp.StateExpired, true}, {2, smpp.StateDelivered, false},
		{2, smpp.StateUndeliverable, true}, {3, smpp.StateDelivered, true}, {3, smpp.StateExpired, false}, {0x11, smpp.StateDelivered, true},
	} {
		if got := wantsReceipt(c.registered, c.state); got != c.want {
			t.Errorf("%#x, %v: %v", c.registered, c.state, got)
		}
	}
}

func TestRateThrottles(t *testing.T) {
	s := startSMSC(t, SMSCOptions{Rate: 0.001, Burst: 3})
	c := bindTo(t, s, smpp.BindTransceiver)
	var got []error
	for range 5 {
		_, err := c.Submit(t.Context(), message("64211230001", "x"))
		got = append(got, err)
	}
	if want := []error{nil, nil, nil, smpp.StatusThrottled, smpp.StatusThrottled}; !slices.Equal(got, want) {
		t.Errorf("answers %v", got)
	}
}

func TestOwedIsBounded(t *testing.T) {
	s := startSMSC(t, SMSCOptions{MaxOwed: 3})
	c := bindTo(t, s, smpp.BindTransmitter) // nobody takes the receipts
	for i := range 5 {
		_, err := c.Submit(t.Context(), message("64211230001", "x"))
		if full := errors.Is(err, smpp.StatusMessageQueueFull); full != (i >= 3) {
			t.Errorf("submit %d: %v", i, err)
		}
	}
	bindTo(t, s, smpp.BindReceiver)
	await(t, func() bool { return s.Stats().Owed == 0 })
	if _, err := c.Submit(t.Context(), message("64211230001", "room again")); err != nil {
		t.Error(err)
	}
}

func TestSilenceIsBounded(t *testing.T) {
	s := startSMSC(t, SMSCOptions{SilentShare: 1, MaxPending: 8})
	c := bindTo(t, s, smpp.BindTransceiver)
	for range 4 {
		c.send(t, message("64211230001", "silent"))
	}
	if _, err := c.Submit(t.Context(), message("64211230001", "one too many")); !errors.Is(err, smpp.StatusSystemError) {
		t.Errorf("beyond the bound: %v", err)
	}
}

func TestShares(t *testing.T) {
	const n = 4000
	s := startSMSC(t, SMSCOptions{ThrottledShare: 0.25, ErrorShare: 0.25, UndeliverableShare: 0.5, RepeatShare: 0.5})
	c := bindTo(t, s, smpp.BindTransceiver)
	for range n {
		if err := c.Send(t.Context(), message("64211230001", "x"), nil, func(smpp.Outcome) {}); err != nil {
			t.Fatal(err)
		}
		for len(c.happened) > 0 {
			<-c.happened
		}
	}
	await(t, func() bool {
		for len(c.happened) > 0 {
			<-c.happened
		}
		got := s.Stats()
		return got.Answered == n && got.Owed == 0
	})
	got := s.Stats()
	near := func(what string, n, want uint64) {
		if n < want*8/10 || n > want*12/10 {
			t.Errorf("%s: %d, not about %d", what, n, want)
		}
	}
	near("throttled", got.ByStatus[smpp.StatusThrottled.String()], n/4)
	near("errors", got.ByStatus[smpp.StatusSystemError.String()], n/4)
	near("accepted", got.ByStatus[smpp.StatusOK.String()], n/2)
	near("receipts with repeats", got.ReceiptsAcked, n*3/4)
}

func TestHandsetsOriginate(t *testing.T) {
	s := startSMSC(t, SMSCOptions{MORate: 500, MOTo: []string{"61480000001", "61480000002"}})
	c := bindTo(t, s, smpp.BindReceiver)
	seen := map[uint64]bool{}
	for range 20 {
		h := c.wait(t)
		n, ok := parseMarker([]byte(h.mo))
		if !ok || seen[n] || !strings.HasPrefix(h.source, "614") {
			t.Fatalf("from %s: %q", h.source, h.mo)
		}
		seen[n] = true
	}
}

func TestOnSubmitAndVerify(t *testing.T) {
	texts := make(chan string, 10)
	s := startSMSC(t, SMSCOptions{Verify: true, OnSubmit: func(m *smpp.SubmitSM) { texts <- string(m.ShortMessage) }})
	c := bindTo(t, s, smpp.BindTransceiver)
	for _, text := range []string{"#0000000001", "#0000000002", "#0000000001", "none"} {
		if _, err := c.Submit(t.Context(), message("64211230001", text)); err != nil {
			t.Fatal(err)
		}
		if got := <-texts; got != text {
			t.Errorf("OnSubmit saw %q", got)
		}
	}
	if got := s.Stats(); got.Distinct != 2 || got.Repeated != 1 || got.Unmarked != 1 {
		t.Errorf("distinct %d, repeated %d, unmarked %d", got.Distinct, got.Repeated, got.Unmarked)
	}
}

func TestCloseAnswersWhatWaits(t *testing.T) {
	s := NewSMSC(SMSCOptions{Latency: Delay{Mean: time.Hour}})
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	c := bindTo(t, s, smpp.BindTransceiver)
	c.send(t, message("64211230001", "waits for an hour"))
	await(t, func() bool { return s.Stats().Submits == 1 })
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h := c.wait(t); h.String() != "answer" {
		t.Errorf("%v", h)
	}
	<-c.Done()
	if err := c.Err(); !errors.Is(err, smpp.ErrUnbound) {
		t.Errorf("the session ended with %v", err)
	}
}

func TestStartOnATakenAddress(t *testing.T) {
	s := startSMSC(t, SMSCOptions{})
	if err := NewSMSC(SMSCOptions{}).Start(s.Addr().String()); err == nil {
		t.Error("no error")
	}
	if _, _, err := Simulate(s.Addr().String(), "", ""); err == nil {
		t.Error("Simulate: no error")
	}
}

func TestSimulate(t *testing.T) {
	addr, stop, err := Simulate("127.0.0.1:0", "sim-nz", "secret")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	c, err := smpp.Dial(t.Context(), addr, smpp.BindRequest{Mode: smpp.BindTransceiver, SystemID: "sim-nz", Password: "secret"},
		smpp.Options{Handler: smpp.HandlerFunc(func(r *smpp.Request) {
			if receipt, ok := r.PDU().(*smpp.DeliverSM).Receipt(); ok {
				got <- receipt.MessageID + " " + receipt.State.Stat()
			}
			_ = r.Reply(smpp.StatusOK, nil)
		})})
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.Submit(t.Context(), message("64211239001", "Kia ora"))
	if err != nil {
		t.Fatal(err)
	}
	if receipt := <-got; receipt != id+" UNDELIV" {
		t.Errorf("receipt %s for %s", receipt, id)
	}
	if err := stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-c.Done()
}
