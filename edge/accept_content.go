package edge

import (
	"unicode/utf8"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

func setContent(m *sms.Message, s *Submission) *Refusal {
	if len(m.Data) > 0 || m.Encoding == sms.Binary {
		return setBinary(m)
	}
	switch {
	case m.Text == "" && len(m.UDH) == 0:
		return refuse(ReasonEmpty, "text", "the message is empty")
	case !utf8.ValidString(m.Text):
		return refuse(ReasonEncoding, "text", "the text is not UTF-8")
	case m.Class < 0 || m.Class > 4:
		return refuse(ReasonClass, "class", "the message class must be 0 to 3")
	}
	switch m.Encoding {
	case 0:
		chooseEncoding(m, s.Account)
	case sms.GSM7:
		m.Shift = shiftOf(m.UDH)
		if !m.Shift.Fits(m.Text) {
			return refuse(ReasonEncoding, "encoding", "the text has characters outside the GSM alphabet")
		}
	case sms.Latin1:
		if !sms.FitsLatin1(m.Text) {
			return refuse(ReasonEncoding, "encoding", "the text has characters outside Latin-1")
		}
	case sms.UCS2:
	default:
		return refuse(ReasonEncoding, "encoding", "the encoding is not known")
	}
	if s.Account.SmartEncoding {
		smarten(m, s.Account)
	}
	if r := setSegments(m, "text", s.Join); r != nil || len(s.Octets) == 0 {
		return r
	}
	return setOctets(m, s.Octets)
}

// setOctets keeps a segment's content as it came, beside its text. It must fit a segment as the text does.
func setOctets(m *sms.Message, octets []byte) *Refusal {
	room, _ := contentOf(m).Limits(0)
	if m.Encoding == sms.UCS2 {
		room *= 2
	}
	if len(octets) > room {
		return refuse(ReasonTooLong, "text", "a segment of a long message must fit one segment")
	}
	m.Data = octets
	return nil
}

// shiftOf returns the tables that a header names.
func shiftOf(udh smpp.UDH) (s sms.Shift) {
	if len(udh) > 0 {
		s.Locking, s.Single = udh.Languages()
	}
	return s
}

// chooseEncoding takes the default alphabet where it has the text, shift tables of the account's languages where they take
// fewer segments than UCS2, and UCS2 else. A header of its own says itself which tables the text is in.
func chooseEncoding(m *sms.Message, account *configs.Account) {
	if shift := shiftOf(m.UDH); !shift.IsZero() && shift.Fits(m.Text) {
		m.Encoding, m.Shift = sms.GSM7, shift
		return
	}
	if m.Encoding = sms.ChooseEncoding(m.Text); m.Encoding != sms.UCS2 || len(account.Languages) == 0 || len(m.UDH) > 0 {
		return
	}
	shift, segments, ok := sms.ChooseShift(m.Text, configs.LanguageIDs(account.Languages)...)
	if !ok {
		return
	}
	if n, _ := sms.Count(m.Text, sms.UCS2); segments < n {
		m.Encoding, m.Shift = sms.GSM7, shift
	}
}

// smarten replaces typographic characters, and writes the text in the GSM alphabet, where that saves a segment. A text in
// that alphabet has none of them, and one with a header of its own was counted by its submitter.
func smarten(m *sms.Message, account *configs.Account) {
	if m.Encoding == sms.GSM7 && m.Shift.IsZero() || len(m.UDH) > 0 {
		return
	}
	plain := *m
	plain.Text, plain.Shift = sms.Smarten(m.Text), sms.Shift{}
	if chooseEncoding(&plain, account); plain.Encoding != sms.GSM7 {
		return
	}
	had, _ := contentOf(m).Count()
	if needs, _ := contentOf(&plain).Count(); needs < had {
		m.Text, m.Encoding, m.Shift = plain.Text, plain.Encoding, plain.Shift
	}
}

func setBinary(m *sms.Message) *Refusal {
	switch {
	case m.Text != "" || m.Encoding != 0 && m.Encoding != sms.Binary:
		return refuse(ReasonEncoding, "encoding", "data must be binary and come without text")
	case len(m.Data) == 0 && len(m.UDH) == 0:
		return refuse(ReasonEmpty, "data", "the message is empty")
	case m.Class < 0 || m.Class > 4:
		return refuse(ReasonClass, "class", "the message class must be 0 to 3")
	}
	m.Encoding = sms.Binary
	return setSegments(m, "data", false)
}

// contentOf returns what is counted and cut. The elements of a header of its own, concatenation left out, are in every
// segment; those of tables that we chose are too.
func contentOf(m *sms.Message) *sms.Content {
	c := &sms.Content{Encoding: m.Encoding, Text: m.Text, Data: m.Data, Shift: m.Shift}
	if len(m.UDH) == 0 {
		c.Elements = m.Shift.HeaderLen()
	} else {
		c.Elements = len(m.UDH) - 1
	}
	return c
}

// setSegments bounds the message. One that says itself which segment of a long one it is (or whose header cannot be read)
// is passed through, so it must fit one segment with its header; not so when it is joined, and cut anew: 153 characters of ASCII
// can be more septets.
func setSegments(m *sms.Message, field string, join bool) *Refusal {
	if len(m.UDH) > 0 && len(m.UDH) != 1+int(m.UDH[0]) {
		return refuse(ReasonHeader, "udh", "the user data header does not have the length it says")
	}
	content := contentOf(m)
	segments, _ := content.Count()
	switch {
	case segments == 0:
		return refuse(ReasonTooLong, field, "the user data header leaves no room")
	case segments > 1 && !join && len(m.UDH) > 0 && isSegment(m.UDH):
		return refuse(ReasonTooLong, field, "a segment of a long message must fit one segment")
	case segments > sms.MaxSegments:
		return refuse(ReasonTooLong, field, "the message needs more than 255 segments")
	}
	m.Segments = segments
	return nil
}

// isSegment reports whether a header says that its message is one segment of several, or cannot be taken apart.
func isSegment(udh smpp.UDH) bool {
	_, _, _, ok := smpp.Concat(udh)
	return ok || !udh.Valid()
}
