package bench

import (
	"net"
	"time"

	"tasman/bench/journal"
	"tasman/smpp"
)

// receiptWriter writes receipts into buffers that are used again.
type receiptWriter struct {
	text []byte
	tlvs smpp.TLVs
	id   []byte

	minute int64 // of stamp
	stamp  [10]byte
}

// write makes pdu the receipt that n says, in the form of SMPP 3.4 Appendix B. ReceiptText.Append does the same, at three
// times the cost.
func (w *receiptWriter) write(pdu *smpp.DeliverSM, p *plan, n *owed) {
	w.id = p.Receipts.ID.append(w.id[:0], n.id)
	dlvrd, code := "000", n.errCode
	if n.state == smpp.StateDelivered {
		dlvrd = "001"
	}
	switch {
	case code != "":
	case n.state == smpp.StateDelivered || n.interim:
		code = "000"
	default:
		code = "001"
	}
	b := append(append(w.text[:0], "id:"...), w.id...)
	b = append(append(append(b, " sub:001 dlvrd:"...), dlvrd...), " submit date:"...)
	b = w.appendDate(b, n.submitted)
	b = append(b, " done date:"...)
	b = w.appendDate(b, time.Now())
	b = append(append(b, " stat:"...), n.state.Stat()...)
	b = append(append(append(b, " err:"...), code...), " text:"...)
	w.text = b
	pdu.ESMClass, pdu.ShortMessage = smpp.ESMReceipt, b
	if n.interim {
		pdu.ESMClass = smpp.ESMIntermediate
	}
	if !p.Receipts.NoTLVs {
		w.id = append(w.id, 0)
		w.tlvs = smpp.AppendTLV(w.tlvs[:0], smpp.TagReceiptedMessageID, w.id)
		w.tlvs = append(w.tlvs, byte(smpp.TagMessageState>>8), byte(smpp.TagMessageState&0xFF), 0, 1, byte(n.state))
		pdu.TLVs = w.tlvs
	}
}

// appendDate appends YYMMDDhhmm in UTC. Most receipts are of the same minute.
func (w *receiptWriter) appendDate(dst []byte, t time.Time) []byte {
	if minute := t.Unix() / 60; minute != w.minute {
		w.minute = minute
		t.UTC().AppendFormat(w.stamp[:0], "0601021504")
	}
	return append(dst, w.stamp[:]...)
}

// note writes a receipt or an MO that was taken into the journal.
func (e *esme) note(n *owed) {
	j := e.smsc.opts.Journal
	if j == nil {
		return
	}
	entry := journal.Entry{Kind: journal.ReceiptSent, Marker: journal.NoMarker, At: time.Now(), State: uint8(n.state), Interim: n.interim,
		Via: n.via}
	if n.mo {
		entry.Kind, entry.Marker, entry.State = journal.MOSent, n.marker, 0
		entry.Destination, entry.Part, entry.Parts = journal.Destination(n.destination.Addr), n.part, n.parts
		if n.doubt {
			entry.Outcome = journal.Unanswered
		}
	} else {
		entry.ID = e.smsc.plan.Load().Receipts.ID.format(n.id)
		entry.Destination = journal.Destination(n.source.Addr)
	}
	j.Write(&entry)
}

// viaOf names a session in the journal: the system_id and the port at the other end, which tells its binds apart.
func viaOf(systemID string, s *smpp.Session) string {
	_, port, err := net.SplitHostPort(s.Peer().String())
	if err != nil {
		return systemID
	}
	return systemID + "/" + port
}

// partOf reads the reference and the place of a segment from its user data header or its sar TLVs; zeros for a message in
// one piece.
func partOf(m *smpp.SubmitSM) (reference uint16, part, parts uint8) {
	if m.ESMClass&smpp.ESMUDHI != 0 {
		if header, _, err := smpp.SplitUDH(m.Payload()); err == nil {
			reference, parts, part, _ = smpp.Concat(header)
		}
		return reference, part, parts
	}
	reference, parts, part, _ = smpp.SAR(m.TLVs)
	return reference, part, parts
}
