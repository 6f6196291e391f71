package edge

import (
	"encoding/binary"
	"strconv"

	"tasman/configs"
	"tasman/smpp"
)

// maxTLVs is how many octets of optional parameters are kept of a message: those of billing_identification, which may have
// 1,024 (SMPP 5.0 4.8.4.3), and as much again.
const maxTLVs = 2048

// readTLVs keeps what goes on of a submit_sm's optional parameters: those that routes look at, those that the account's rule
// names, and user_message_reference, which comes back with receipts. All others are ignored (SMPP 3.4 3.3). Nothing of
// the result aliases m.
func readTLVs(sub *Submission, m *smpp.SubmitSM) error {
	sub.ReplaceIfPresent = m.ReplaceIfPresent == 1
	if len(m.TLVs) == 0 {
		return nil
	}
	var kept smpp.TLVs
	for tag, value := range m.TLVs.All() {
		switch {
		case tag == smpp.TagUserMessageReference:
			sub.Reference = referenceOf(value)
		case configs.RoutingTag(tag) || configs.HasTag(sub.Account.SMPP.TLVs, tag):
			kept.Add(tag, value)
		}
	}
	if len(kept) > maxTLVs {
		return smpp.StatusInvalidTLVLength
	}
	sub.TLVs = kept
	return nil
}

// referenceOf writes a user_message_reference (SMPP 3.4 5.3.2.17) as a message's reference: a decimal number. One that has
// not its two octets is ignored.
func referenceOf(value []byte) string {
	if len(value) != 2 {
		return ""
	}
	return strconv.Itoa(int(binary.BigEndian.Uint16(value)))
}

// addReference appends the user_message_reference that a message's reference stands for, if it does.
func addReference(t *smpp.TLVs, reference string) {
	n, err := strconv.ParseUint(reference, 10, 16)
	if err != nil || strconv.Itoa(int(n)) != reference { // another customer's word, "007" perhaps
		return
	}
	t.Add(smpp.TagUserMessageReference, []byte{byte(n >> 8), byte(n)})
}
