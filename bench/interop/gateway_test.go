package interop

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/node"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

const (
	systemID = "acme"
	password = "secret42"
	// ours is a number whose MOs belong to the account.
	ours = "61480000001"
)

// gateway is a whole node in this process, without a database, on free ports of loopback.
type gateway struct {
	t    *testing.T
	smpp string // address of the edge's SMPP door
	log  *bytes.Buffer
}

// newGateway starts a node whose account acme is routed to the operator at addr. account and carrier are further lines of
// their specs in flow form.
func newGateway(t *testing.T, addr string, account, carrier string) *gateway {
	t.Helper()
	cfg := configs.Defaults()
	cfg.Name, cfg.Data, cfg.Drain = "interop", t.TempDir(), 5*time.Second
	cfg.Roles = []configs.Role{configs.RoleStreams, configs.RoleCore, configs.RoleCarriers, configs.RoleEdge}
	cfg.NATS.SyncAlways = false
	cfg.Listen = configs.Listen{SMPP: "127.0.0.1:0"}
	g := &gateway{t: t, log: new(bytes.Buffer)}
	n, err := node.Start(within(t, time.Minute), cfg, slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		if err := n.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Logf("the gateway's warnings:\n%s", g.log)
		}
	})
	admin, err := node.NewAdmin(cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Apply(t.Context(), "interop.yaml", []byte(resources(addr, account, carrier))); err != nil {
		t.Fatal(err)
	}
	g.smpp = n.Addrs().SMPP.String()
	eventually(t, "the resources are in service", func() error {
		s, err := smpp.Dial(t.Context(), g.smpp, smpp.BindRequest{Mode: smpp.BindTransmitter, SystemID: "probe", Password: password,
			InterfaceVersion: smpp.Version34}, smpp.Options{})
		if err == nil {
			err = s.Unbind(within(t, 10*time.Second))
		}
		return err
	})
	return g
}

func resources(addr, account, carrier string) string {
	flow := func(more string) string {
		if more != "" {
			more = ", " + more
		}
		return more
	}
	return fmt.Sprintf(`
kind: Account
name: acme
spec: {lanes: [alert, normal, bulk], binds: 100%s}
---
kind: SMPPUser
name: acme-smpp
spec: {account: acme, system_id: %s, password: %s}
---
kind: SMPPUser
name: probe
spec: {account: acme, password: %s, bind_modes: [transmitter]}
---
kind: Number
name: ours
spec: {number: "+%s", account: acme}
---
kind: Carrier
name: operator
spec: {addresses: ["%s"], system_id: tasman, password: tasman, reconnect_min: 20ms, reconnect_max: 100ms%s}
---
kind: Route
name: all
spec: {prefixes: [""], tiers: [[{carrier: operator}]]}
`, flow(account), systemID, password, password, ours, addr, flow(carrier))
}

// newOperator starts a simulated operator that delivers all and says so.
func newOperator(t *testing.T) *smpptest.SMSC {
	t.Helper()
	m, err := smpptest.NewSMSC(smpptest.Config{Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}}),
		Options: smpp.Options{Window: 100, MaxPending: 1000}}) // it answers between receipts, so it must not stop reading their answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// next returns the next submit_sm of the operator.
func next(t *testing.T, m *smpptest.SMSC) *smpp.SubmitSM {
	t.Helper()
	got, err := m.Next(within(t, 20*time.Second))
	if err != nil {
		t.Fatalf("the operator got nothing: %v", err)
	}
	return got.Submit()
}

// texts collects n submits of the operator and returns their text, put together by their concatenation headers.
func texts(t *testing.T, m *smpptest.SMSC, n int) string {
	t.Helper()
	parts := make([]string, n)
	for range n {
		s := next(t, m)
		payload, at := s.Payload(), 0
		if s.ESMClass&smpp.ESMUDHI != 0 {
			udh, body, err := smpp.SplitUDH(payload)
			if err != nil {
				t.Fatal(err)
			}
			_, total, seq, ok := smpp.Concat(udh)
			if !ok || int(total) != n {
				t.Fatalf("header % X is not one of %d segments", udh, n)
			}
			payload, at = body, int(seq)-1
		}
		switch s.DataCoding {
		case 8:
			text, err := sms.DecodeUCS2(payload)
			if err != nil {
				t.Fatal(err)
			}
			parts[at] = text
		case 3:
			parts[at] = sms.DecodeLatin1(payload)
		default:
			parts[at] = sms.DecodeGSM7(payload)
		}
	}
	return strings.Join(parts, "")
}

// deliver sends an MO once the carriers role has bound.
func deliver(t *testing.T, m *smpptest.SMSC, d *smpp.DeliverSM) {
	t.Helper()
	eventually(t, "the operator delivers", func() error { return m.Deliver(within(t, 20*time.Second), d) })
}

// within bounds what a test waits for.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until check returns nil.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	limit := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s: %v", what, err)
		}
	}
}
