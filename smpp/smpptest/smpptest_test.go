package smpptest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
)

// start runs an SMSC and one ESME bound to it.
func start(t *testing.T, c smpptest.Config, e smpptest.ESMEConfig) (*smpptest.SMSC, *smpptest.ESME) {
	t.Helper()
	m, err := smpptest.NewSMSC(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	esme, err := smpptest.DialESME(t.Context(), m.Addr(), e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = esme.Close() })
	return m, esme
}

// deadline bounds the waits of a test; it is never part of what is asserted.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func submit(e *smpptest.ESME, ctx context.Context) (string, error) {
	return e.SubmitText(ctx, "TASMAN", "64211234567", "Kia ora")
}

func TestSubmitIsCollected(t *testing.T) {
	ctx := deadline(t)
	m, e := start(t, smpptest.Config{}, smpptest.ESMEConfig{})
	for want := 1; want <= 2; want++ {
		if id, err := submit(e, ctx); err != nil || id != fmt.Sprint(want) {
			t.Errorf("id %q, %v", id, err)
		}
	}
	r, err := m.Next(ctx)
	if err != nil || r.N != 0 || string(r.Submit().ShortMessage) != "Kia ora" || r.Submit().Destination.Addr != "64211234567" {
		t.Errorf("received %+v, %v", r, err)
	}
	if m.Count() != 2 {
		t.Errorf("count %d", m.Count())
	}
}

func TestScriptedStatus(t *testing.T) {
	ctx := deadline(t)
	_, e := start(t, smpptest.Config{Script: smpptest.Sequence(
		smpptest.Answer{Status: smpp.StatusThrottled}, smpptest.Answer{MessageID: "abc"},
	)}, smpptest.ESMEConfig{})
	if _, err := submit(e, ctx); !errors.Is(err, smpp.StatusThrottled) {
		t.Errorf("first: %v", err)
	}
	if id, err := submit(e, ctx); err != nil || id != "abc" {
		t.Errorf("second: %q %v", id, err)
	}
}

func TestHoldAndRelease(t *testing.T) {
	ctx := deadline(t)
	late := make(chan any, 1)
	m, e := start(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Hold: true})}, smpptest.ESMEConfig{
		Options: smpp.Options{ResponseTimeout: 50 * time.Millisecond, EnquireInterval: -1,
			Late: func(token any, _ smpp.PDU, _ smpp.Status) { late <- token }},
	})
	out := make(chan smpp.Outcome, 1)
	if err := e.Send(ctx, &smpp.SubmitSM{}, "token", func(o smpp.Outcome) { out <- o }); err != nil {
		t.Fatal(err)
	}
	if o := <-out; o.Kind != smpp.Unknown || !errors.Is(o.Err, smpp.ErrResponseTimeout) {
		t.Errorf("outcome %+v", o)
	}
	if n := m.Release(-1); n != 1 {
		t.Errorf("released %d", n)
	}
	if token := <-late; token != "token" {
		t.Errorf("late token %v", token)
	}
}

// TestReleaseOfWhatCame: an answer to what Next has returned is held by then.
func TestReleaseOfWhatCame(t *testing.T) {
	m, e := start(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Hold: true})}, smpptest.ESMEConfig{})
	ctx := deadline(t)
	for range 500 {
		answered := make(chan error, 1)
		go func() {
			_, err := submit(e, ctx)
			answered <- err
		}()
		if _, err := m.Next(ctx); err != nil {
			t.Fatal(err)
		}
		if n := m.Release(1); n != 1 {
			t.Fatalf("released %d answers", n)
		}
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name   string
		answer smpptest.Answer
		want   error // how the ESME's session ends
	}{
		{"drop", smpptest.Answer{Silent: true, Fault: smpptest.Drop}, smpp.ErrPeerClosed},
		{"garbage", smpptest.Answer{Silent: true, Fault: smpptest.WriteRaw, Raw: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")}, &smpp.FrameError{}},
		{"half a frame", smpptest.Answer{Silent: true, Fault: smpptest.RawDrop, Raw: []byte{0, 0, 0, 17, 0x80}}, nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ctx := deadline(t)
			_, e := start(t, smpptest.Config{Script: smpptest.Always(tc.answer)}, smpptest.ESMEConfig{})
			var o *smpp.OutcomeError
			if _, err := submit(e, ctx); !errors.As(err, &o) || o.Kind != smpp.Unknown {
				t.Errorf("submit: %v", err)
			}
			<-e.Done()
			var frame *smpp.FrameError
			switch err := e.Err(); {
			case errors.As(tc.want, &frame):
				if !errors.As(err, &frame) {
					t.Errorf("ended with %v", err)
				}
			case tc.want != nil && !errors.Is(err, tc.want), err == nil:
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestUnbindFault(t *testing.T) {
	ctx := deadline(t)
	_, e := start(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Fault: smpptest.Unbind})}, smpptest.ESMEConfig{})
	if _, err := submit(e, ctx); err != nil {
		t.Errorf("submit: %v", err)
	}
	<-e.Done()
	if err := e.Err(); !errors.Is(err, smpp.ErrUnbound) {
		t.Errorf("ended with %v", err)
	}
}

func TestReceiptForms(t *testing.T) {
	hex := func(id string) string { return "0x" + id }
	tests := []struct {
		name    string
		receipt smpptest.Receipt
		want    smpp.Receipt
	}{
		{"default", smpptest.Receipt{}, smpp.Receipt{MessageID: "77", State: smpp.StateDelivered, Err: "000"}},
		{"text only", smpptest.Receipt{Form: smpptest.TextOnly, State: smpp.StateUndeliverable, Err: "0A1"},
			smpp.Receipt{MessageID: "77", State: smpp.StateUndeliverable, Err: "0A1"}},
		{"TLVs only", smpptest.Receipt{Form: smpptest.TLVsOnly, State: smpp.StateExpired}, smpp.Receipt{MessageID: "77", State: smpp.StateExpired}},
		{"id TLV only", smpptest.Receipt{Form: smpptest.IDTLVOnly, State: smpp.StateRejected}, smpp.Receipt{MessageID: "77", State: smpp.StateRejected, Err: "000"}},
		{"data_sm", smpptest.Receipt{Form: smpptest.InDataSM}, smpp.Receipt{MessageID: "77", State: smpp.StateDelivered}},
		{"another form of id", smpptest.Receipt{ID: hex, Form: smpptest.TextOnly}, smpp.Receipt{MessageID: "0x77", State: smpp.StateDelivered, Err: "000"}},
		{"intermediate", smpptest.Receipt{Intermediate: true, State: smpp.StateEnroute, Form: smpptest.TLVsOnly},
			smpp.Receipt{MessageID: "77", State: smpp.StateEnroute, Intermediate: true}},
		{"own print", smpptest.Receipt{Form: smpptest.TextOnly, Print: func(r smpp.ReceiptText) []byte { return []byte("stat:DELIVRD id:" + r.ID) }},
			smpp.Receipt{MessageID: "77", State: smpp.StateDelivered}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ctx := deadline(t)
			_, e := start(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{MessageID: "77", Receipts: []smpptest.Receipt{tc.receipt}})},
				smpptest.ESMEConfig{})
			if _, err := submit(e, ctx); err != nil {
				t.Fatal(err)
			}
			in, err := e.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var got smpp.Receipt
			var ok bool
			switch m := in.PDU.(type) {
			case *smpp.DeliverSM:
				got, ok = m.Receipt()
			case *smpp.DataSM:
				got, ok = m.Receipt()
			}
			got.Submitted, got.Done = time.Time{}, time.Time{}
			if !ok || fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("receipt %v %+v, want %+v", ok, got, tc.want)
			}
		})
	}
}

// TestReceiptBeforeResponse: the receipt overtakes the submit_sm_resp.
func TestReceiptBeforeResponse(t *testing.T) {
	ctx := deadline(t)
	order := make(chan string, 3)
	_, e := start(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{
		Receipts: []smpptest.Receipt{{Before: true, Times: 2}},
	})}, smpptest.ESMEConfig{Script: func(int, smpp.PDU) smpptest.Answer {
		order <- "receipt"
		return smpptest.Answer{}
	}})
	if err := e.Send(ctx, &smpp.SubmitSM{}, nil, func(smpp.Outcome) { order <- "response" }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"receipt", "receipt", "response"} {
		if got := <-order; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestReceiptOnAnotherBind: the transmitter submits, the receiver of the same
// system_id gets the receipt.
func TestReceiptOnAnotherBind(t *testing.T) {
	ctx := deadline(t)
	m, tx := start(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}})},
		smpptest.ESMEConfig{Bind: smpp.BindRequest{Mode: smpp.BindTransmitter}})
	rx, err := smpptest.DialESME(ctx, m.Addr(), smpptest.ESMEConfig{Bind: smpp.BindRequest{Mode: smpp.BindReceiver}})
	if err != nil {
		t.Fatal(err)
	}
	defer rx.Close()
	for range 2 { // both are bound on the SMSC's side too
		if _, err := m.Session(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := submit(tx, ctx); err != nil {
		t.Fatal(err)
	}
	if in, err := rx.Next(ctx); err != nil || in.Deliver() == nil {
		t.Errorf("received %+v, %v", in, err)
	}
}

func TestBindRefused(t *testing.T) {
	m, err := smpptest.NewSMSC(smpptest.Config{Bind: func(*smpp.BindRequest) error { return smpp.StatusInvalidPassword }})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, err = smpptest.DialESME(t.Context(), m.Addr(), smpptest.ESMEConfig{})
	var refused *smpp.BindError
	if !errors.As(err, &refused) || refused.Status != smpp.StatusInvalidPassword {
		t.Errorf("bind: %v", err)
	}
}

// TestDeliverRefusedByESME: the ESME's script answers deliver_sm.
func TestDeliverRefusedByESME(t *testing.T) {
	ctx := deadline(t)
	m, _ := start(t, smpptest.Config{}, smpptest.ESMEConfig{Script: smpptest.Always(smpptest.Answer{Status: smpp.StatusTemporaryAppError})})
	if _, err := m.Session(ctx); err != nil {
		t.Fatal(err)
	}
	if err := m.Deliver(ctx, &smpp.DeliverSM{ShortMessage: []byte("mo")}); !errors.Is(err, smpp.StatusTemporaryAppError) {
		t.Errorf("deliver: %v", err)
	}
}

func TestShutdownUnbinds(t *testing.T) {
	ctx := deadline(t)
	m, err := smpptest.NewSMSC(smpptest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := smpptest.DialESME(ctx, m.Addr(), smpptest.ESMEConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Session(ctx); err != nil {
		t.Fatal(err)
	}
	if err := m.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	<-e.Done()
	if err := e.Err(); !errors.Is(err, smpp.ErrUnbound) {
		t.Errorf("ended with %v", err)
	}
}

// TestManyReceipts: with receipts for every submit nothing stands still.
func TestManyReceipts(t *testing.T) {
	ctx := deadline(t)
	const n = 2000
	m, e := start(t, smpptest.Config{Keep: -1, Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}})},
		smpptest.ESMEConfig{Options: smpp.Options{Window: 50}})
	bad := make(chan smpp.Outcome, n)
	for range n {
		err := e.Send(ctx, &smpp.SubmitSM{}, nil, func(o smpp.Outcome) {
			if o.Kind != smpp.Answered || o.Status != smpp.StatusOK {
				bad <- o
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range n {
		if _, err := e.Next(ctx); err != nil {
			t.Fatalf("%v after %d receipts of %d submits", err, e.Count(), m.Count())
		}
	}
	if len(bad) > 0 {
		t.Errorf("%d submits failed, one of them %+v", len(bad), <-bad)
	}
}

// TestOperations: a script answers every operation, in general and in particular.
func TestOperations(t *testing.T) {
	ctx := deadline(t)
	state := &smpp.QuerySMResp{MessageID: "1", State: smpp.StateDelivered}
	m, e := start(t, smpptest.Config{Script: func(_ int, pdu smpp.PDU) smpptest.Answer {
		if _, ok := pdu.(*smpp.QuerySM); ok {
			return smpptest.Answer{Resp: state}
		}
		return smpptest.Answer{MessageID: "1", TLVs: smpp.AppendTLV(nil, smpp.TagCongestionState, []byte{7})}
	}}, smpptest.ESMEConfig{})
	multi, err := e.SubmitMulti(ctx, &smpp.SubmitMulti{Destinations: []smpp.Destination{{List: "staff"}}, ShortMessage: []byte("Kia ora")})
	if level, ok := multi.TLVs.GetByte(smpp.TagCongestionState); err != nil || multi.MessageID != "1" || !ok || level != 7 {
		t.Errorf("submit_multi: %+v, %v", multi, err)
	}
	if r, err := m.Next(ctx); err != nil || string(r.PDU.(*smpp.SubmitMulti).ShortMessage) != "Kia ora" {
		t.Errorf("received %+v, %v", r.PDU, err)
	}
	if q, err := e.Query(ctx, &smpp.QuerySM{MessageID: "1"}); err != nil || q.State != smpp.StateDelivered {
		t.Errorf("query: %+v, %v", q, err)
	}
	if err := errors.Join(e.Cancel(ctx, &smpp.CancelSM{MessageID: "1"}), e.Replace(ctx, &smpp.ReplaceSM{MessageID: "1"})); err != nil {
		t.Error(err)
	}
	s, err := m.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Notify(&smpp.AlertNotification{Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}}); err != nil {
		t.Fatal(err)
	}
	if in, err := e.Next(ctx); err != nil || in.PDU.(*smpp.AlertNotification).Source.Addr != "64211234567" {
		t.Errorf("alert: %+v, %v", in.PDU, err)
	}
}
