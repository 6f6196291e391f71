package interop

import (
	"fmt"
	"strings"
	"testing"

	"tasman/smpp"
	"tasman/smpp/smpptest"
)

// sentRows are what the edge sends on its own, by version. One client is bound at a time, as what comes is for any that is.
func sentRows(t *testing.T) []row {
	op := newOperator(t)
	g := newGateway(t, op.Addr(), "", "")
	operator, err := op.Session(within(t, answerTime))
	if err != nil {
		t.Fatal(err)
	}
	inData := newOperator(t)
	data := newGateway(t, inData.Addr(), "smpp: {receipt_pdu: data_sm}", "")
	mo := func(op *smpptest.SMSC, text string) {
		m := &smpp.DeliverSM{Source: handset, Destination: smpp.Address{TON: 1, NPI: 1, Addr: ours}, ShortMessage: []byte(text)}
		if len(text) > 254 {
			m.ShortMessage = nil
			m.TLVs.Add(smpp.TagMessagePayload, []byte(text))
		}
		deliver(t, op, m)
	}
	var rows []row
	for _, c := range []struct {
		name string
		on   *gateway
		have func(*wire) // makes the edge send
	}{
		{"a receipt", g, submitForReceipt},
		{"a receipt, where the account wants data_sm", data, submitForReceipt},
		{"an MO", g, func(*wire) { mo(op, "hello") }},
		{"an MO of 400 characters", g, func(*wire) { mo(op, strings.Repeat("hello ", 66)+"1234") }},
		{"alert_notification of the operator, and an MO", g, func(*wire) {
			if err := operator.Notify(&smpp.AlertNotification{Source: handset, ESME: sender}); err != nil {
				t.Fatal(err)
			}
			mo(op, "hello")
		}},
	} {
		r := row{name: c.name}
		for _, v := range versions {
			w := bindWire(t, c.on, v, smpp.BindTransceiver)
			c.have(w)
			r.cells = append(r.cells, w.hears())
			w.leave()
		}
		rows = append(rows, r)
	}
	return rows
}

// submitForReceipt submits what the operator reports as delivered.
func submitForReceipt(w *wire) {
	w.t.Helper()
	m := submit()
	m.RegisteredDelivery = 1
	w.send(2, smpp.StatusOK, m)
}

// leave unbinds, so that what comes next is not for this session.
func (w *wire) leave() {
	w.send(3, smpp.StatusOK, smpp.Unbind{})
	for {
		if _, _, err := w.read(); err != nil {
			w.conn.Close()
			return
		}
	}
}

// hears answers what the other side sends, until a message is whole, and puts it into words.
func (w *wire) hears() string {
	w.t.Helper()
	for n := 1; ; {
		h, b, err := w.read()
		if err != nil {
			w.t.Fatalf("nothing is sent: %v", err)
		}
		if h.Command.IsResponse() {
			continue
		}
		_, pdu, err := smpp.Decode(b)
		if err != nil {
			w.t.Fatal(err)
		}
		switch m := pdu.(type) {
		case *smpp.DeliverSM:
			w.send(h.Sequence, smpp.StatusOK, &smpp.DeliverSMResp{})
			_, total, _, ok := concatOf(m)
			if ok && n < int(total) {
				n++
				continue
			}
			return describe("deliver_sm", m.ESMClass, m.ShortMessage, m.TLVs, n)
		case *smpp.DataSM:
			w.send(h.Sequence, smpp.StatusOK, &smpp.DataSMResp{})
			return describe("data_sm", m.ESMClass, nil, m.TLVs, n)
		default:
			return h.Command.String()
		}
	}
}

func concatOf(m *smpp.DeliverSM) (ref uint16, total, seq uint8, ok bool) {
	if m.ESMClass&smpp.ESMUDHI == 0 {
		return 0, 0, 0, false
	}
	udh, _, err := smpp.SplitUDH(m.ShortMessage)
	if err != nil {
		return 0, 0, 0, false
	}
	return smpp.Concat(udh)
}

func describe(name string, esm uint8, text []byte, tlvs smpp.TLVs, n int) string {
	words := []string{name}
	if _, ok := smpp.ReceiptOf(esm, text, tlvs); ok && len(text) > 0 {
		words = append(words, "text of Appendix B")
	}
	if n > 1 {
		words = append(words, fmt.Sprintf("%d segments with a header", n))
	}
	for _, t := range []struct {
		tag  smpp.Tag
		name string
	}{{smpp.TagReceiptedMessageID, "receipted_message_id"}, {smpp.TagMessageState, "message_state"}, {smpp.TagMessagePayload, "message_payload"}} {
		if _, ok := tlvs.Get(t.tag); ok {
			words = append(words, t.name)
		}
	}
	if len(tlvs) == 0 {
		words = append(words, "no TLV")
	}
	return strings.Join(words, ", ")
}
