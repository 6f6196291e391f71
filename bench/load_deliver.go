package bench

import (
	"tasman/bench/journal"
	"tasman/smpp"
)

// delivered takes a deliver_sm, and answers it before anything else.
func (t *smppTarget) delivered(b *loadBind, r *smpp.Request) {
	m, ok := r.PDU().(*smpp.DeliverSM)
	if !ok {
		_ = r.Reply(smpp.StatusInvalidCommandID, nil) // fails only with the session, which keep notices
		return
	}
	_ = r.Reply(smpp.StatusOK, &t.sent)
	const receiptTypes = smpp.ESMReceipt | smpp.ESMIntermediate
	if m.ESMClass&receiptTypes == 0 && len(m.TLVs) == 0 {
		t.mo(b, m)
		return
	}
	id, hasID := m.TLVs.GetCString(smpp.TagReceiptedMessageID)
	state, hasState := m.TLVs.GetByte(smpp.TagMessageState)
	interim := m.ESMClass&smpp.ESMTypeMask == smpp.ESMIntermediate
	if hasID && hasState { // spares the text
		t.receipt(b, id, smpp.MessageState(state), interim)
	} else if receipt, ok := m.Receipt(); ok {
		t.receipt(b, receipt.MessageID, receipt.State, receipt.Intermediate)
	} else {
		t.mo(b, m)
	}
}

func (t *smppTarget) receipt(b *loadBind, id string, state smpp.MessageState, interim bool) {
	t.rec.receipt(id, state, interim, b.name)
}

// receipt takes a receipt that came over via.
func (r *recorder) receipt(id string, state smpp.MessageState, interim bool, via string) {
	now := r.now()
	if r.receipts != nil {
		r.receipts.receipt(id, state, interim, now)
	}
	if r.journal != nil {
		r.note(&journal.Entry{Kind: journal.Receipt, Marker: journal.NoMarker, ID: id, State: uint8(state), Interim: interim, Via: via}, now, 0)
	}
}

// mo takes a message from a handset; of one in segments, the first counts.
func (t *smppTarget) mo(b *loadBind, m *smpp.DeliverSM) {
	text := m.Payload()
	if m.ESMClass&smpp.ESMUDHI != 0 {
		udh, body, err := smpp.SplitUDH(text)
		if err != nil {
			return
		}
		if _, _, seq, ok := smpp.Concat(udh); ok && seq > 1 {
			return
		}
		text = body
	}
	t.rec.mo(text, m.Destination.Addr, b.name)
}

// mo takes a message from a handset that came over via.
func (r *recorder) mo(text []byte, to, via string) {
	now := r.now()
	marker, marked := r.mos.came(text, to, r.started().Add(now))
	if r.journal == nil {
		return
	}
	if !marked {
		marker = journal.NoMarker
	}
	r.note(&journal.Entry{Kind: journal.MO, Marker: marker, Destination: journal.Destination(to), Via: via}, now, 0)
}
