package carriers

import (
	"context"
	"sync"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
	"tasman/streams"
)

// inbound serves what a carrier sends on a link: receipts and MOs. Each is answered only when it is stored; when storage
// keeps it waiting too long the carrier is told to come again. The session's reader never waits for storage (see later).
type inbound struct {
	w    *worker
	link string
	ctx  context.Context // ends with the link

	mu      sync.Mutex
	waiting []arrival // in order; as many as the session lets be unanswered
	storing bool      // a goroutine of the worker serves waiting
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
	case *smpp.AlertNotification:
		h.alert(pdu)
		return
	default:
		r.Reply(smpp.StatusInvalidCommandID, nil)
		return
	}
	if in.Receipt != nil {
		h.w.counted.receipt(in.Receipt.State)
	}
	h.arrived(arrival{r, in})
}

// alert counts an alert_notification, which has no response (SMPP 3.4 4.12). It would be for who asked for it by set_dpf in a
// data_sm; that is not passed on to operators, so none is expected.
func (h *inbound) alert(m *smpp.AlertNotification) {
	h.w.metrics.alerts.WithLabelValues(h.w.name).Inc()
	status, told := m.TLVs.GetByte(smpp.TagMSAvailabilityStatus)
	h.w.log.Debug("alert_notification", "link", h.link, "availability_told", told, "availability", status)
}

// read makes a receipt or an MO of what the carrier sent. What cannot be told apart as a receipt is an MO.
func (h *inbound) read(src, dst smpp.Address, esm, coding uint8, payload []byte, tlvs smpp.TLVs) *sms.Inbound {
	spec := h.w.spec()
	in := &sms.Inbound{Carrier: h.w.name, Link: h.link, Node: h.w.node, Received: time.Now()}
	in.Source = address(src, true)
	in.Dest = address(dst, false)
	if receipt, ok := smpp.ReceiptOf(esm, payload, tlvs); ok {
		in.Receipt = receiptFrom(spec, &receipt, tlvs)
		return in
	}
	mo := &sms.MO{ID: h.w.ids.Next(), Source: in.Source, Destination: in.Dest, TLVs: configs.PassTLVs(nil, tlvs, spec.TLVs), Ack: ackOf(esm)}
	keepSegment(mo, readMO(mo, spec, esm, coding, payload, tlvs))
	in.MO = mo
	return in
}

// address keeps what the carrier wrote even where it is no valid address: an MO must not be lost to it.
func address(a smpp.Address, source bool) sms.Address {
	parsed, err := sms.AddressFromSMPP(a.TON, a.NPI, a.Addr, source)
	if err != nil {
		return sms.Address{Kind: sms.Alphanumeric, Value: a.Addr}
	}
	return parsed
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
