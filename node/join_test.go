package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// joinResources is an operator and an account whose long messages are joined, both ways.
const joinResources = `kind: Carrier
name: a
spec: {addresses: ["%s"], system_id: x, password: x, reconnect_min: 20ms, reconnect_max: 50ms}
---
kind: Route
name: all
spec: {prefixes: [""], tiers: [[{carrier: a}]]}
---
kind: Account
name: acme
spec: {join_mo: true, receipt_rule: each_segment, smpp: {join: true}}
---
kind: SMPPUser
name: acme-smpp
spec: {account: acme, system_id: acme, password: secret42}
---
kind: APIKey
name: acme-key
spec: {account: acme, key: 0123456789abcdef-acme}
---
kind: Number
name: ours
spec: {number: "8123", account: acme}
`

// TestLongMessagesBothWays takes a long message from two sessions of a customer to an operator, its receipts back, and a long
// reply.
func TestLongMessagesBothWays(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	op, err := smpptest.NewSMSC(smpptest.Config{Script: func(n int, _ smpp.PDU) smpptest.Answer {
		return smpptest.Answer{MessageID: fmt.Sprintf("op%d", n), Receipts: []smpptest.Receipt{
			{State: smpp.StateEnroute, Intermediate: true}, {}}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { op.Close() })
	data := t.TempDir()
	n := testNode(t, data, configs.RoleStreams, configs.RoleEdge, configs.RoleCore, configs.RoleCarriers)
	if _, err := adminOf(t, data).Apply(ctx, "join.yaml", fmt.Appendf(nil, joinResources, op.Addr())); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return n.live.Load().Revision == 1 })
	one, two := bindCustomer(ctx, t, n), bindCustomer(ctx, t, n)
	await(t, func() bool { // the edge may be about to see the resources
		_, err := one.SubmitText(ctx, "TASMAN", "64211234567", "short")
		return err == nil
	})
	if got := submitAt(ctx, t, op); string(got.ShortMessage) != "short" {
		t.Fatalf("the operator got %q", got.ShortMessage)
	}
	nextOf(ctx, t, one, two)

	text := strings.Repeat("long {text} ", 20) + "with an end."
	septets, err := sms.AppendGSM7(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	segment := func(seq uint8, body []byte) *smpp.SubmitSM {
		return &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"},
			RegisteredDelivery: 0x11, ESMClass: smpp.ESMUDHI, ShortMessage: append(smpp.AppendConcat8(nil, 9, 2, seq), body...)}
	}
	cut := bytes.LastIndexByte(septets[:153], 0x1B) + 1 // between an escape and its character
	second, err := two.Submit(ctx, segment(2, septets[cut:]))
	if err != nil {
		t.Fatal(err)
	}
	first, err := one.Submit(ctx, segment(1, septets[:cut]))
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Fatal("two segments have one id")
	}
	var body []byte
	for i := range 2 {
		got := submitAt(ctx, t, op)
		udh, rest, err := smpp.SplitUDH(got.ShortMessage)
		if err != nil || len(udh) != sms.Header16 || got.RegisteredDelivery != 0x11 {
			t.Fatalf("segment %d: header % x, registered_delivery %#x, %v", i+1, udh, got.RegisteredDelivery, err)
		}
		body = append(body, rest...)
	}
	if got := sms.DecodeGSM7(body); got != text {
		t.Errorf("the operator got %q", got)
	}
	states := map[string]string{}
	for range 4 { // an intermediate notification and a receipt of each segment
		d := nextOf(ctx, t, one, two)
		r, ok := smpp.ReceiptOf(d.ESMClass, d.ShortMessage, d.TLVs)
		if !ok {
			t.Fatalf("no receipt: %+v", d)
		}
		states[r.MessageID] += fmt.Sprintf("%d/%t ", r.State, r.Intermediate)
	}
	if want := "1/true 2/false "; states[first] != want || states[second] != want {
		t.Errorf("receipts %v of %s and %s", states, first, second)
	}
	await(t, func() bool { return shownState(ctx, t, n, second) == "delivered" })

	for _, seq := range []byte{2, 1} {
		reply := &smpp.DeliverSM{Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, Destination: smpp.Address{TON: 3, Addr: "8123"},
			DataCoding: 8, ShortMessage: []byte{0xD8, 0x3D}}
		if seq == 2 {
			reply.ShortMessage = []byte{0xDE, 0x00}
		}
		reply.TLVs.Add(smpp.TagSARMsgRefNum, []byte{0, 7})
		reply.TLVs.AddByte(smpp.TagSARTotalSegments, 2)
		reply.TLVs.AddByte(smpp.TagSARSegmentSeqnum, seq)
		if err := op.Deliver(ctx, reply); err != nil {
			t.Fatal(err)
		}
	}
	mo := nextOf(ctx, t, one, two)
	if got, err := sms.DecodeUCS2(mo.ShortMessage); err != nil || got != "\U0001F600" || mo.ESMClass != 0 || mo.DataCoding != 8 {
		t.Errorf("MO %q, esm_class %#x, data_coding %d", got, mo.ESMClass, mo.DataCoding)
	}
	ack := &smpp.DeliverSM{Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, Destination: smpp.Address{TON: 3, Addr: "8123"},
		ESMClass: smpp.ESMUserAck, ShortMessage: []byte("read")}
	if err := op.Deliver(ctx, ack); err != nil {
		t.Fatal(err)
	}
	if got := nextOf(ctx, t, one, two); got.ESMClass != smpp.ESMUserAck || string(got.ShortMessage) != "read" {
		t.Errorf("acknowledgement %#x %q", got.ESMClass, got.ShortMessage)
	}
}

func bindCustomer(ctx context.Context, t *testing.T, n *Node) *smpptest.ESME {
	t.Helper()
	var esme *smpptest.ESME
	await(t, func() (ok bool) { // the edge may be about to see the resources
		var err error
		esme, err = smpptest.DialESME(ctx, n.Addrs().SMPP.String(), smpptest.ESMEConfig{
			Bind: smpp.BindRequest{SystemID: "acme", Password: "secret42", InterfaceVersion: smpp.Version34}})
		return err == nil
	})
	t.Cleanup(func() { _ = esme.Close() })
	return esme
}

// submitAt returns the next submit_sm that the operator got.
func submitAt(ctx context.Context, t *testing.T, op *smpptest.SMSC) *smpp.SubmitSM {
	t.Helper()
	got, err := op.Next(ctx)
	if err != nil {
		t.Fatalf("the operator got nothing: %v", err)
	}
	return got.Submit()
}

// nextOf returns the next deliver_sm of either session: deliveries go to any of an account's.
func nextOf(ctx context.Context, t *testing.T, sessions ...*smpptest.ESME) *smpp.DeliverSM {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		for _, s := range sessions {
			short, done := context.WithTimeout(ctx, 20*time.Millisecond)
			got, err := s.Next(short)
			done()
			if err == nil {
				return got.Deliver()
			}
		}
		if ctx.Err() != nil {
			t.Fatal("the customer got nothing")
		}
	}
}

// shownState asks the HTTP door.
func shownState(ctx context.Context, t *testing.T, n *Node, id string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Addrs().HTTP.String()+"/v1/messages/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer 0123456789abcdef-acme")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var shown struct{ State string }
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, &shown); err != nil {
			t.Fatal(err)
		}
	}
	return shown.State
}
