package carriers

import (
	"context"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
	"tasman/streams"
)

// inbound serves what a carrier sends on a link: receipts and MOs. Each is answered only when it is stored; when storage
// keeps it waiting too long the carrier is told to come again.
type inbound struct {
	w    *worker
	link string
}

const storeWait = 5 * time.Second // below the time-out that operators use for deliver_sm

var _ smpp.Handler = (*inbound)(nil)

// ServeSMPP implements smpp.Handler.
func (h *inbound) ServeSMPP(r *smpp.Request) {
	var in *sms.Inbound
	switch pdu := r.PDU().(type) {
	case *smpp.DeliverSM:
		in = h.read(pdu.Source, pdu.Destination, pdu.ESMClass, pdu.DataCoding, pdu.Payload(), pdu.TLVs)
	case *smpp.DataSM:
		in = h.read(pdu.Source, pdu.Destination, pdu.ESMClass, pdu.DataCoding, pdu.Payload(), pdu.TLVs)
	default:
		r.Reply(smpp.StatusInvalidCommandID, nil)
		return
	}
	if in.Receipt != nil && h.w.index.Ready() == nil && h.matched(r, in) { // else core matches it
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeWait)
	defer cancel()
	h.store(ctx, r, in)
}

// matched passes a receipt on whose message the index knows. It reports false when it does not.
func (h *inbound) matched(r *smpp.Request, in *sms.Inbound) bool {
	h.w.counted.receipt(in.Receipt.State)
	return h.w.matcher.Receipt(context.Background(), in, func(err error) {
		if err != nil {
			h.w.log.Warn("receipt not stored: the carrier is asked to repeat it", "link", h.link, "err", err)
			r.Reply(smpp.StatusTemporaryAppError, nil)
			return
		}
		r.Reply(smpp.StatusOK, nil)
	})
}

// store leaves an MO, or a receipt of an unknown message, to core.
func (h *inbound) store(ctx context.Context, r *smpp.Request, in *sms.Inbound) {
	err := h.w.bus.Publish(ctx, streams.InboundSubject(h.w.name), &sms.Record{Inbound: in}, func(_ streams.Placed, err error) {
		if err != nil {
			r.Reply(smpp.StatusTemporaryAppError, nil)
			return
		}
		r.Reply(smpp.StatusOK, nil)
	})
	if err != nil {
		r.Reply(smpp.StatusMessageQueueFull, nil)
	}
}

// read makes a receipt or an MO of what the carrier sent. What cannot be told apart as a receipt is an MO.
func (h *inbound) read(src, dst smpp.Address, esm, coding uint8, payload []byte, tlvs smpp.TLVs) *sms.Inbound {
	in := &sms.Inbound{Carrier: h.w.name, Link: h.link, Node: h.w.node, Received: time.Now()}
	in.Source = address(src, true)
	in.Dest = address(dst, false)
	if receipt, ok := smpp.ReceiptOf(esm, payload, tlvs); ok {
		in.Receipt = &sms.Receipt{CarrierID: receipt.MessageID, State: stateOf(receipt.State), Error: receipt.ErrorCode(),
			Intermediate: receipt.Intermediate || !stateOf(receipt.State).Final(), Submitted: receipt.Submitted, Done: receipt.Done,
			TLVs: receiptTLVs(h.w.spec, tlvs, &receipt)}
		return in
	}
	mo := &sms.MO{ID: h.w.ids.Next(), Source: in.Source, Destination: in.Dest, TLVs: configs.PassTLVs(nil, tlvs, h.w.spec.TLVs)}
	body := payload
	if esm&udhi != 0 {
		if udh, rest, err := smpp.SplitUDH(payload); err == nil {
			mo.UDH, body = append([]byte(nil), udh...), rest
		}
	}
	mo.Encoding, mo.Text, mo.Data = h.content(coding, body)
	in.MO = mo
	return in
}

// content decodes an MO's body by its data_coding (SMPP 3.4 5.2.19); what is no text is kept as octets.
func (h *inbound) content(coding uint8, body []byte) (sms.Encoding, string, []byte) {
	switch {
	case coding == 8:
		if text, err := sms.DecodeUCS2(body); err == nil {
			return sms.UCS2, text, nil
		}
	case coding == 3, (coding <= 1) && h.w.spec.GSM7Charset != "gsm":
		return sms.Latin1, sms.DecodeLatin1(body), nil
	case coding <= 1, coding&0xF4 == 0xF0:
		return sms.GSM7, sms.DecodeGSM7(body), nil
	}
	return sms.Binary, "", append([]byte(nil), body...)
}

// address keeps what the carrier wrote even where it is no valid address: an MO must not be lost to it.
func address(a smpp.Address, source bool) sms.Address {
	parsed, err := sms.AddressFromSMPP(a.TON, a.NPI, a.Addr, source)
	if err != nil {
		return sms.Address{Kind: sms.Alphanumeric, Value: a.Addr}
	}
	return parsed
}

// stateOf maps message_state (SMPP 3.4 5.2.28, 5.0 4.7.15). Accepted and scheduled by the operator means under way.
func stateOf(s smpp.MessageState) sms.State {
	switch s {
	case smpp.StateDelivered:
		return sms.StateDelivered
	case smpp.StateExpired:
		return sms.StateExpired
	case smpp.StateDeleted:
		return sms.StateDeleted
	case smpp.StateUndeliverable:
		return sms.StateUndeliverable
	case smpp.StateRejected, smpp.StateSkipped:
		return sms.StateRejected
	case smpp.StateUnknown:
		return sms.StateUnknown
	}
	return sms.StateEnroute
}

// lateAnswer keeps the id of a segment that the carrier took after we gave up waiting.
func (f *flight) lateAnswer(segment int, id string) {
	if id == "" {
		return
	}
	w := f.w
	w.learn(f, segment, id)
	e := w.fact(sms.EventSent, f.item.record())
	e.Link, e.State, e.Submitted, e.Reason = f.link.name, sms.StateEnroute, f.submitted, "answered after the response time-out"
	e.CarrierIDs = make([]string, len(f.ids))
	e.CarrierIDs[segment] = id
	w.store(f.base, streams.EventSubject(Role), &sms.Record{Event: e}, func() {})
}
