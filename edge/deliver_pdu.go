package edge

import (
	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// receiptPDU makes the PDU of a receipt as its account wants it, for a session of the given version; account is nil when it is
// not known here. 3.3 has no TLVs, so such a session gets its receipts in deliver_sm whatever the account says.
func receiptPDU(d *sms.Delivery, account *configs.Account, version uint8) smpp.PDU {
	speech := &configs.AccountSMPP{}
	if account != nil {
		speech = &account.SMPP
	}
	m := receiptSM(d, speech, version)
	if speech.ReceiptPDU == configs.ReceiptDataSM && version >= smpp.Version34 {
		return asDataSM(m)
	}
	return m
}
