package edge

import (
	"fmt"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// deliverPDU makes the PDU of a receipt or an MO as its account wants it, for a session of the given version; account is nil
// when it is not known here. 3.3 has no TLVs, so such a session gets its receipts in deliver_sm whatever the account says.
func deliverPDU(d *sms.Delivery, account *configs.Account, version uint8) (smpp.PDU, error) {
	speech := &configs.AccountSMPP{}
	if account != nil {
		speech = &account.SMPP
	}
	m, err := deliverSM(d, speech)
	if err == nil && d.MO == nil && speech.ReceiptPDU == configs.ReceiptDataSM && version >= smpp.Version34 {
		return asDataSM(m), nil
	}
	return m, err
}

// deliverSM makes the deliver_sm of a receipt or an MO. It fails for an MO whose text does not fit its encoding.
func deliverSM(d *sms.Delivery, speech *configs.AccountSMPP) (*smpp.DeliverSM, error) {
	if d.MO == nil {
		return receiptSM(d, speech), nil
	}
	m, err := moSM(d.MO)
	if err == nil {
		m.TLVs = configs.PassTLVs(m.TLVs, d.MO.TLVs, speech.TLVs)
	}
	return m, err
}

func moSM(mo *sms.MO) (*smpp.DeliverSM, error) {
	m := &smpp.DeliverSM{Source: wireAddress(mo.Source), Destination: wireAddress(mo.Destination)}
	body := make([]byte, 0, len(mo.UDH)+len(mo.Text)+len(mo.Data))
	if len(mo.UDH) > 0 {
		m.ESMClass = smpp.ESMUDHI
		body = append(body, mo.UDH...)
	}
	var err error
	switch mo.Encoding {
	case sms.UCS2:
		m.DataCoding = 8
		body = sms.AppendUCS2(body, mo.Text)
	case sms.Latin1:
		m.DataCoding = 3
		body, err = sms.AppendLatin1(body, mo.Text)
	case sms.Binary:
		m.DataCoding = 4
		body = append(body, mo.Data...)
	default:
		body, err = sms.AppendGSM7(body, mo.Text)
	}
	if err != nil {
		return nil, fmt.Errorf("MO: %w", err)
	}
	if len(body) > maxShortMessage {
		m.TLVs.Add(smpp.TagMessagePayload, body)
	} else {
		m.ShortMessage = body
	}
	return m, nil
}

// maxShortMessage is what short_message holds (SMPP 3.4 5.2.21).
const maxShortMessage = 254

func wireAddress(a sms.Address) smpp.Address {
	ton, npi, addr := a.SMPP()
	return smpp.Address{TON: ton, NPI: npi, Addr: addr}
}
