package node

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
)

// gateway is a whole node between one customer and one operator.
type gateway struct {
	t    *testing.T
	node *Node
	op   *smpptest.SMSC
	esme *smpptest.ESME
	ctx  context.Context
}

func newGateway(t *testing.T, script smpptest.Script) *gateway {
	t.Helper()
	op, err := smpptest.NewSMSC(smpptest.Config{Script: script})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	data := t.TempDir()
	n := testNode(t, data, configs.RoleStreams, configs.RoleEdge, configs.RoleCore, configs.RoleCarriers)
	resources := good + fmt.Sprintf(`---
kind: SMPPUser
name: acme-smpp
spec: {account: acme, system_id: acme, password: secret42}
---
kind: Carrier
name: a
spec: {addresses: [%q], system_id: x, password: x, window: 1}
---
kind: Route
name: all
spec: {prefixes: [""], tiers: [[{carrier: a}]]}
`, op.Addr())
	if _, err := adminOf(t, data).Apply(t.Context(), "test.yaml", []byte(resources)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	if _, err := op.Session(ctx); err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, node: n, op: op, ctx: ctx}
	await(t, func() bool {
		g.esme, err = smpptest.DialESME(ctx, n.Addrs().SMPP.String(), smpptest.ESMEConfig{
			Bind: smpp.BindRequest{SystemID: "acme", Password: "secret42", InterfaceVersion: smpp.Version34}})
		return err == nil
	})
	t.Cleanup(func() { _ = g.esme.Close() })
	return g
}

// exchange has a request answered, again while core is not there yet.
func (g *gateway) exchange(pdu smpp.PDU) (smpp.PDU, smpp.Status) {
	g.t.Helper()
	for {
		outcome := make(chan smpp.Outcome, 1)
		if err := g.esme.Send(g.ctx, pdu, nil, func(o smpp.Outcome) { outcome <- o }); err != nil {
			g.t.Fatal(err)
		}
		o := <-outcome
		if o.Kind != smpp.Answered {
			g.t.Fatalf("%s was not answered: %v", pdu.Command(), o.Err)
		}
		if o.Status != smpp.StatusSystemError {
			return o.Resp, o.Status
		}
	}
}

func (g *gateway) want(pdu smpp.PDU, want smpp.Status) smpp.PDU {
	g.t.Helper()
	resp, status := g.exchange(pdu)
	if status != want {
		g.t.Fatalf("%s: %v, want %v", pdu.Command(), status, want)
	}
	return resp
}

func (g *gateway) query(id string, want smpp.MessageState) {
	g.t.Helper()
	resp := g.want(&smpp.QuerySM{MessageID: id, Source: taxi}, smpp.StatusOK).(*smpp.QuerySMResp)
	if resp.State != want || (resp.FinalDate != "") != (want != smpp.StateEnroute) {
		g.t.Errorf("query: %+v, want state %d", resp, want)
	}
}

// receipt waits for the receipt of a message in a state, and for no other.
func (g *gateway) receipt(id, stat string) {
	g.t.Helper()
	got, err := g.esme.Next(g.ctx)
	if err != nil {
		g.t.Fatal(err)
	}
	if text := string(got.PDU.(*smpp.DeliverSM).ShortMessage); !strings.Contains(text, "id:"+id) || !strings.Contains(text, "stat:"+stat) {
		g.t.Errorf("receipt %q, want %s of %s", text, stat, id)
	}
}

var taxi = smpp.Address{TON: 5, Addr: "TAXI"}

func submitOf(text, schedule string) *smpp.SubmitSM {
	return &smpp.SubmitSM{Source: taxi, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, RegisteredDelivery: 1,
		ScheduleDeliveryTime: schedule, ShortMessage: []byte(text)}
}

const inAnHour = "000000010000000R"

// TestOperationsOnScheduled takes messages that wait for their time through query, replace and cancel, over SMPP and HTTP.
func TestOperationsOnScheduled(t *testing.T) {
	g := newGateway(t, nil)
	submit := func(m smpp.PDU) string {
		t.Helper()
		switch r := g.want(m, smpp.StatusOK).(type) {
		case *smpp.SubmitSMResp:
			return r.MessageID
		case *smpp.SubmitMultiResp:
			return r.MessageID
		}
		return ""
	}
	id := submit(submitOf("first", inAnHour))
	g.query(id, smpp.StateEnroute)
	g.want(&smpp.ReplaceSM{MessageID: id, Source: taxi, RegisteredDelivery: 1, ShortMessage: []byte("second")}, smpp.StatusOK)
	g.want(&smpp.ReplaceSM{MessageID: id, Source: taxi, RegisteredDelivery: 1, ScheduleDeliveryTime: "000000000001000R"}, smpp.StatusOK)
	got, err := g.op.Next(g.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(got.Submit().ShortMessage); text != "second" {
		t.Errorf("submitted %q", text)
	}
	g.want(&smpp.ReplaceSM{MessageID: id, Source: taxi, ShortMessage: []byte("late")}, smpp.StatusReplaceFailed)
	g.want(&smpp.CancelSM{MessageID: id, Source: taxi}, smpp.StatusCancelFailed)

	id = submit(submitOf("cancelled", inAnHour))
	g.want(&smpp.CancelSM{MessageID: id, Source: smpp.Address{TON: 5, Addr: "OTHER"}}, smpp.StatusCancelFailed)
	g.want(&smpp.CancelSM{MessageID: id, Source: taxi}, smpp.StatusOK)
	g.receipt(id, "DELETED")
	g.query(id, smpp.StateDeleted)

	id = submit(submitOf("by addresses", inAnHour))
	g.want(&smpp.CancelSM{Source: taxi, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234568"}}, smpp.StatusCancelFailed)
	g.want(&smpp.CancelSM{Source: taxi, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}}, smpp.StatusOK)
	g.receipt(id, "DELETED")

	multi := &smpp.SubmitMulti{Source: taxi, RegisteredDelivery: 1, ScheduleDeliveryTime: inAnHour, ShortMessage: []byte("all")}
	for i := range 3 {
		multi.Destinations = append(multi.Destinations, smpp.Destination{Address: smpp.Address{TON: 1, NPI: 1, Addr: fmt.Sprintf("6421123456%d", i)}})
	}
	id = submit(multi)
	g.want(&smpp.CancelSM{MessageID: id, Source: taxi}, smpp.StatusOK)
	for range multi.Destinations {
		g.receipt(id, "DELETED")
	}

	id = submit(submitOf("by HTTP", inAnHour))
	if status := g.delete(id); status != http.StatusOK {
		t.Errorf("DELETE: %d", status)
	}
	g.receipt(id, "DELETED")
	if n := g.op.Count(); n != 1 {
		t.Errorf("%d submits, want that of the replaced message", n)
	}
}

func (g *gateway) delete(id string) int {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.ctx, http.MethodDelete, "http://"+g.node.Addrs().HTTP.String()+"/v1/messages/"+id, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer 0123456789abcdef-acme")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode
}

// TestCancelQueued cancels what is queued behind a message that its operator does not answer.
func TestCancelQueued(t *testing.T) {
	g := newGateway(t, smpptest.Always(smpptest.Answer{Hold: true}))
	var ids []string
	for i := range 4 {
		ids = append(ids, g.want(submitOf(fmt.Sprint(i), ""), smpp.StatusOK).(*smpp.SubmitSMResp).MessageID)
	}
	if _, err := g.op.Next(g.ctx); err != nil {
		t.Fatal(err)
	}
	g.want(&smpp.CancelSM{MessageID: ids[0], Source: taxi}, smpp.StatusCancelFailed)
	g.want(&smpp.CancelSM{MessageID: ids[1], Source: taxi}, smpp.StatusOK)
	g.receipt(ids[1], "DELETED")
	if status := g.delete(ids[2]); status != http.StatusOK {
		t.Errorf("DELETE: %d", status)
	}
	g.receipt(ids[2], "DELETED")
	if status := g.delete(ids[0]); status != http.StatusConflict {
		t.Errorf("DELETE of what the operator has: %d", status)
	}
	g.op.Release(1)
	got, err := g.op.Next(g.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(got.Submit().ShortMessage); text != "3" {
		t.Errorf("submitted %q", text)
	}
	g.op.Release(1)
	g.query(ids[0], smpp.StateEnroute)
}

// TestCancelledOrSubmitted races cancel_sm against routing and submitting: each message is either cancelled and not submitted,
// or refused and submitted.
func TestCancelledOrSubmitted(t *testing.T) {
	const n = 200
	g := newGateway(t, nil)
	g.want(&smpp.QuerySM{MessageID: "4711", Source: taxi}, smpp.StatusInvalidMessageID)
	ids, outcomes := make([]string, n), make([]chan smpp.Outcome, n)
	for i := range ids {
		ids[i] = g.want(submitOf(fmt.Sprint(i), ""), smpp.StatusOK).(*smpp.SubmitSMResp).MessageID
		outcomes[i] = make(chan smpp.Outcome, 1)
		if err := g.esme.Send(g.ctx, &smpp.CancelSM{MessageID: ids[i], Source: taxi}, nil, func(o smpp.Outcome) { outcomes[i] <- o }); err != nil {
			t.Fatal(err)
		}
	}
	canceled := map[string]bool{}
	for i := range ids {
		switch o := <-outcomes[i]; o.Status {
		case smpp.StatusOK:
			canceled[fmt.Sprint(i)] = true
		case smpp.StatusCancelFailed:
		default:
			t.Errorf("message %d: %v, %v", i, o.Status, o.Err)
		}
	}
	last := g.want(submitOf("last", ""), smpp.StatusOK).(*smpp.SubmitSMResp).MessageID
	for range n - len(canceled) + 1 {
		got, err := g.op.Next(g.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(got.Submit().ShortMessage); canceled[text] {
			t.Errorf("message %s was cancelled and submitted", text)
		}
	}
	await(t, func() bool { // no more comes: the last one, behind all others, is there and answered
		resp := g.want(&smpp.QuerySM{MessageID: last, Source: taxi}, smpp.StatusOK).(*smpp.QuerySMResp)
		return resp.State == smpp.StateEnroute && g.op.Count() == n-len(canceled)+1
	})
	if len(canceled) == 0 || len(canceled) == n {
		t.Errorf("%d of %d cancelled: no race", len(canceled), n)
	}
}
