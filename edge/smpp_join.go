package edge

import (
	"bytes"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// readSegment marks one segment of several whose account wants them joined. Its content is kept as encoded: the escape of
// an extension character, or half of a surrogate pair, may be in another segment.
func readSegment(sub *Submission, m *smpp.SubmitSM) {
	if !sub.Account.SMPP.Join {
		return
	}
	if _, total, _, ok := smpp.Concat(sub.UDH); !ok || total < 2 {
		return
	}
	payload, header := m.Payload(), 0
	if m.ESMClass&smpp.ESMUDHI != 0 { // readContent has cut it before
		header = 1 + int(payload[0])
		payload = payload[header:]
	}
	sub.Join = true
	switch charset := sub.Account.SMPP.Charset; {
	case sub.Encoding == sms.UCS2, sub.Encoding == sms.GSM7 && charset == configs.CharsetGSM:
		sub.Octets = bytes.Clone(payload)
	case sub.Encoding == sms.GSM7 && charset == configs.CharsetGSMPacked:
		sub.Octets = sms.Septets(header, payload)
	}
}

// markSegment makes a segment to be joined of a message whose content was checked. Where no encoding was named the one that
// was chosen for this segment's text is its own; core chooses anew when those of the others differ.
func markSegment(m *sms.Message, s *Submission) {
	octets := s.Octets
	switch {
	case m.Encoding == sms.Binary:
		octets = m.Data
	case octets == nil:
		var err error
		if octets, err = sms.AppendText(nil, m.Text, m.Encoding); err != nil {
			m.Encoding, octets = sms.UCS2, sms.AppendUCS2(nil, m.Text)
		}
	}
	m.Join, m.Text, m.Data = true, "", octets
}
