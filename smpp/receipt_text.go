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

// beginsKey reports whether a key begins with this letter, which spares most words the comparison.
func beginsKey(c byte) bool {
	switch c | 0x20 { // lower case
	case 'i', 's', 'd', 'e', 't':
		return true
	}
	return false
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
			r.Text = string(trimField(text[end:]))
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
		if !beginsKey(text[i]) || i > from && isWord(text[i-1]) {
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
func trimField(b []byte) []byte {
	for len(b) > 0 && isGap(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isGap(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// firstField returns the value up to the first gap.
func firstField(b []byte) []byte {
	b = trimField(b)
	for i := range b {
		if isGap(b[i]) {
			return b[:i]
		}
	}
	return b
}

// set stores the value of a key; the first of two equal keys wins.
func (r *ReceiptText) set(key receiptKey, value []byte) {
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

// keep stores a value in a field that has none. The usual short ones cost no memory of their own.
func keep(field *string, value []byte) {
	if *field != "" {
		return
	}
	switch string(value) {
	case "000":
		*field = "000"
	case "001":
		*field = "001"
	case statDelivered:
		*field = statDelivered
	default:
		*field = string(value)
	}
}

// statDelivered is the stat of most receipts.
const statDelivered = "DELIVRD"

// parseReceiptDate returns zero for what is not a date. Twelve digits are
// YYMMDDhhmmss, or YYYYMMDDhhmm where that is the only possible reading.
func parseReceiptDate(s []byte) time.Time {
	const century = 2
	switch len(s) {
	case 10:
		return receiptDate(s, century)
	case 12:
		if t := receiptDate(s, century); !t.IsZero() {
			return t
		}
		return receiptDate(s, 2*century)
	case 14:
		return receiptDate(s, 2*century)
	}
	return time.Time{}
}

// receiptDate reads a year of 2 or 4 digits, as time.Parse understands them, and month, day, hour and minute of 2, then perhaps the
// seconds. Zero when it is no date.
func receiptDate(s []byte, yearDigits int) time.Time {
	var n [6]int // year, month, day, hour, minute, second
	for i, at := 0, 0; at < len(s); i++ {
		digits := 2
		if i == 0 {
			digits = yearDigits
		}
		for _, c := range s[at : at+digits] {
			if c < '0' || c > '9' {
				return time.Time{}
			}
			n[i] = n[i]*10 + int(c-'0')
		}
		at += digits
	}
	if yearDigits == 2 {
		n[0] += 1900
		if n[0] < 1969 {
			n[0] += 100
		}
	}
	if n[1] < 1 || n[1] > 12 || n[3] > 23 || n[4] > 59 || n[5] > 59 {
		return time.Time{}
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	if t.Day() != n[2] { // there is no such day
		return time.Time{}
	}
	return t
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
	if digits != 12 && digits != 14 {
		digits = 10
	}
	if t.IsZero() {
		return append(dst, "00000000000000"[:digits]...)
	}
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	if digits == 14 {
		dst = append2(dst, year/100)
	}
	dst = append2(append2(append2(dst, year%100), int(month)), day)
	dst = append2(append2(dst, hour), minute)
	if digits > 10 {
		dst = append2(dst, second)
	}
	return dst
}

// append2 appends two digits.
func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10%10), byte('0'+n%10)) }
