package edge

import (
	"tasman/smpp"
	"tasman/sms"
)

// readSegment marks one segment of several whose account wants them joined.
func readSegment(sub *Submission) {
	if sub.Account.SMPP.Join {
		_, total, _, ok := smpp.Concat(sub.UDH)
		sub.Join = ok && total > 1
	}
}

// markSegment makes a segment to be joined of a message whose content was checked: its content is kept as encoded, since the
// escape of an extension character, or half of a surrogate pair, may be in another segment. Where no encoding was named the one
// that was chosen for this segment's text is its own; core chooses anew when those of the others differ.
func markSegment(m *sms.Message) {
	if len(m.Data) == 0 && m.Text != "" { // else octets that its text does not tell, or binary ones
		octets, err := contentOf(m).Encode()
		if err != nil {
			m.Encoding, m.Shift, octets = sms.UCS2, sms.Shift{}, sms.AppendUCS2(nil, m.Text)
		}
		m.Data = octets
	}
	m.Join, m.Text = true, ""
}
