package interop

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// TestKannel has Kannel send and receive by way of the gateway, bound in both ways that it knows: one transceiver of 3.4, and
// a transmitter with a receiver of 3.3.
func TestKannel(t *testing.T) {
	for _, c := range []struct {
		name string
		conf kannelConf
	}{
		{"transceiver 3.4", kannelConf{Version: "34", Window: 10}},
		{"transmitter and receiver 3.3", kannelConf{Version: "33", Window: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := newOperator(t)
			k := newKannel(t, newGateway(t, op.Addr(), "", "").smpp, c.conf)
			k.sendsAll(op)
			k.takesMOs(op)
			k.stop()
		})
	}
}

// sendsAll sends each kind of text and waits for the reports.
func (k *kannel) sendsAll(op *smpptest.SMSC) {
	k.t.Helper()
	long := strings.Repeat("a long text, ", 30)
	longUni := strings.Repeat("ā long text, ", 12)
	for _, m := range []struct {
		name     string
		query    url.Values
		segments int
		text     string
	}{
		{"text", nil, 1, "Kia ora @£$ {}[]€"},
		{"unicode", url.Values{"coding": {"2"}}, 1, "Tēnā koe 😀"},
		{"long", nil, 3, long},
		{"long-unicode", url.Values{"coding": {"2"}}, 3, longUni},
	} {
		query := url.Values{"text": {m.text}}
		for key, v := range m.query {
			query[key] = v
		}
		k.send(m.name, query)
		if got := texts(k.t, op, m.segments); got != m.text {
			k.t.Errorf("%s: the operator got %q, want %q", m.name, got, m.text)
		}
		k.dlr(m.name, "8")
		k.dlr(m.name, "1")
	}
	k.send("refused", url.Values{"text": {"to nobody"}, "to": {"+12"}})
	k.dlr("refused", "16")
}

// takesMOs delivers MOs of each coding to Kannel's service.
func (k *kannel) takesMOs(op *smpptest.SMSC) {
	k.t.Helper()
	for _, text := range []string{"yes please @£$ {}", "āe, ka pai 😀"} {
		d := &smpp.DeliverSM{Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: ours}}
		var err error
		if d.ShortMessage, err = sms.AppendGSM7(nil, text); err != nil {
			d.ShortMessage, d.DataCoding = sms.AppendUCS2(nil, text), 8
		}
		deliver(k.t, op, d)
		got := k.await("MO", func(h hit) bool { return h.path == "/mo" }).query
		body := got.Get("text")
		if got.Get("coding") == "2" {
			if body, err = sms.DecodeUCS2([]byte(body)); err != nil {
				k.t.Error(err)
			}
		}
		if body != text || strings.TrimPrefix(got.Get("from"), "+") != "64211234567" || strings.TrimPrefix(got.Get("to"), "+") != ours {
			k.t.Errorf("MO %q: Kannel's service got %v", text, got)
		}
	}
}

// TestKannelKeepsItsWindow has Kannel send a hundred messages as fast as it can: each is submitted once and reported once.
func TestKannelKeepsItsWindow(t *testing.T) {
	op := newOperator(t)
	k := newKannel(t, newGateway(t, op.Addr(), "", "").smpp, kannelConf{Version: "34", Window: 50})
	const n = 100
	names := map[string]bool{}
	for i := range n {
		name := "m" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		names[name] = true
		k.send(name, url.Values{"text": {name}})
	}
	submits := map[string]int{}
	for range n {
		submits[string(next(t, op).ShortMessage)]++
	}
	for name := range names {
		if submits[name] != 1 {
			t.Errorf("%s was submitted %d times", name, submits[name])
		}
		k.dlr(name, "1")
	}
	eventually(t, "the operator's receipts are answered", func() error { // which the client's need not wait for
		if taken, failed := op.Receipts(); taken != n || failed != 0 {
			return fmt.Errorf("the gateway took %d receipts of the operator and refused %d", taken, failed)
		}
		return nil
	})
}
