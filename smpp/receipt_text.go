package smpp

import (
	"time"
)

// ReceiptText is the text of a delivery receipt (SMPP 3.4 Appendix B). The
// appendix is an example and not a format, so peers differ; see ParseReceipt.
type ReceiptText struct {
	ID         string // the SMSC's message id, opaque
	Sub, Dlvrd string // numbers of messages submitted and delivered, three digits by custom
	// Submitted and Done carry no zone on the wire: they are read and printed
	// as if it were UTC. Zero when missing or malformed.
	Submitted, Done time.Time
	Stat            string // DELIVRD, EXPIRED ...; see StateOfStat
	Err             string // network or SMSC error, often alphanumeric
	Text            string // the first 20 octets of the message by custom
}

// receiptKey is one of the keys of Appendix B.
type receiptKey uint8

const (
	keyNone receiptKey = iota
	keyID
	keySub
	keyDlvrd
	keySubmitted
	keyDone
	keyStat
	keyErr
	keyText
)

// receiptKeys lists the spellings seen, in lower case.
var receiptKeys = [...]struct {
	name string
	key  receiptKey
}{
	{"id:", keyID}, {"sub:", keySub}, {"dlvrd:", keyDlvrd},
	{"submit date:", keySubmitted}, {"submit_date:", keySubmitted}, {"submitdate:", keySubmitted},
	{"done date:", keyDone}, {"done_date:", keyDone}, {"donedate:", keyDone},
	{"stat:", keyStat}, {"err:", keyErr}, {"text:", keyText},
}

// ParseReceipt reads a receipt text: fields in any order and any of them missing,
// keys in any case, dates of 10 (YYMMDDhhmm), 12 (with seconds, or with a
// four-digit year) or 14 digits, ids of any form. text: takes the rest once stat
// has been seen. ErrNotReceipt is returned when there is neither id nor stat.
func ParseReceipt(text []byte) (ReceiptText, error) {
	var r ReceiptText
	key, end := keyNone, 0
	for at := 0; ; {
		if key == keyText && r.Stat != "" {
			r.Text = trimField(text[end:])
			break
		}
		next, start, stop := findKey(text, at)
		r.set(key, text[end:start])
		if next == keyNone {
			break
		}
		key, end, at = next, stop, stop
	}
	if r.ID == "" && r.Stat == "" {
		return ReceiptText{}, ErrNotReceipt
	}
	return r, nil
}

// findKey returns the first key at or after from, where it starts and where its
// value may start; keyNone and the length of text when there is none.
func findKey(text []byte, from int) (key receiptKey, start, stop int) {
	for i := from; i < len(text); i++ {
		if i > from && isWord(text[i-1]) || !isWord(text[i]) {
			continue
		}
		for _, k := range receiptKeys {
			if hasPrefixFold(text[i:], k.name) {
				return k.key, i, i + len(k.name)
			}
		}
	}
	return keyNone, len(text), len(text)
}

// hasPrefixFold compares with an ASCII prefix in lower case.
func hasPrefixFold(b []byte, prefix string) bool {
	if len(b) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

func isGap(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', ';', '|', 0:
		return true
	}
	return false
}

// trimField cuts the gaps around a value.
func trimField(b []byte) string {
	for len(b) > 0 && isGap(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isGap(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return string(b)
}

// firstField returns the value up to the first gap.
func firstField(b []byte) string {
	s := trimField(b)
	for i := range len(s) {
		if isGap(s[i]) {
			return s[:i]
		}
	}
	return s
}

// set stores the value of a key; the first of two equal keys wins.
func (r *ReceiptText) set(key receiptKey, value []byte) {
	keep := func(field *string, v string) {
		if *field == "" {
			*field = v
		}
	}
	switch key {
	case keyID:
		keep(&r.ID, firstField(value))
	case keySub:
		keep(&r.Sub, firstField(value))
	case keyDlvrd:
		keep(&r.Dlvrd, firstField(value))
	case keySubmitted:
		r.Submitted = parseReceiptDate(firstField(value))
	case keyDone:
		r.Done = parseReceiptDate(firstField(value))
	case keyStat:
		keep(&r.Stat, firstField(value))
	case keyErr:
		keep(&r.Err, firstField(value))
	case keyText:
		keep(&r.Text, trimField(value))
	}
}

// parseReceiptDate returns zero for what is not a date. Twelve digits are
// YYMMDDhhmmss, or YYYYMMDDhhmm where that is the only possible reading.
func parseReceiptDate(s string) time.Time {
	layouts := [...]string{"0601021504"}
	long := [...]string{"060102150405", "200601021504"}
	full := [...]string{"20060102150405"}
	var try []string
	switch len(s) {
	case 10:
		try = layouts[:]
	case 12:
		try = long[:]
	case 14:
		try = full[:]
	}
	for _, layout := range try {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// Append appends the text in the form and order of Appendix B with dates of ten
// digits; a zero time is printed as zeros.
func (r *ReceiptText) Append(dst []byte) []byte { return r.AppendDates(dst, 10) }

// AppendDates is Append with dates of 10 (YYMMDDhhmm), 12 (with seconds) or 14
// digits (with the century as well).
func (r *ReceiptText) AppendDates(dst []byte, digits int) []byte {
	field := func(key, value string) {
		dst = append(append(dst, key...), value...)
	}
	field("id:", r.ID)
	field(" sub:", r.Sub)
	field(" dlvrd:", r.Dlvrd)
	field(" submit date:", "")
	dst = appendReceiptDate(dst, r.Submitted, digits)
	field(" done date:", "")
	dst = appendReceiptDate(dst, r.Done, digits)
	field(" stat:", r.Stat)
	field(" err:", r.Err)
	field(" text:", r.Text)
	return dst
}

func appendReceiptDate(dst []byte, t time.Time, digits int) []byte {
	layout, zeros := "0601021504", "0000000000"
	switch digits {
	case 12:
		layout, zeros = "060102150405", "000000000000"
	case 14:
		layout, zeros = "20060102150405", "00000000000000"
	}
	if t.IsZero() {
		return append(dst, zeros...)
	}
	return t.UTC().AppendFormat(dst, layout)
}
