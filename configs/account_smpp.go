package configs

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tasman/smpp"
	"tasman/sms"
)

// IDForm is how message ids are written to a customer.
type IDForm string

// The forms of message ids. All of them are the whole id, so any of them finds the message.
const (
	IDULID    IDForm = "ulid"    // 26 characters of Crockford base32
	IDDecimal IDForm = "decimal" // up to 39 digits
	IDHex     IDForm = "hex"     // 32 characters
)

// ReceiptPDU is the operation that brings a receipt to a customer.
type ReceiptPDU string

// The operations.
const (
	ReceiptDeliverSM ReceiptPDU = "deliver_sm"
	ReceiptDataSM    ReceiptPDU = "data_sm"
)

// AccountSMPP is how an account's SMPP sessions speak.
type AccountSMPP struct {
	// Charset is what data_coding 0 stands for, both ways: gsm, gsm_packed, latin1 or ascii. Default gsm.
	Charset Charset `yaml:"charset"`
	// MessageIDs are written as ulid, decimal or hex; every form is understood. Default ulid.
	MessageIDs IDForm `yaml:"message_ids"`
	// ReceiptDates is how many digits the dates in a receipt's text have: 10, 12 (with seconds) or 14 (and century). Default 10.
	ReceiptDates int `yaml:"receipt_dates"`
	// ReceiptPDU brings receipts: deliver_sm or data_sm. Default deliver_sm.
	ReceiptPDU ReceiptPDU `yaml:"receipt_pdu"`
	// Join makes one message of the segments of a long one, however they come. Default false: each is passed on as it is.
	Join bool `yaml:"join"`
	// JoinTimeout is how long the first segment waits for the others before what there is goes on, 1s to 10m. Default 60s.
	JoinTimeout time.Duration `yaml:"join_timeout"`
	// TLVs are the vendor's optional parameters that are passed on from submit_sm, and from receipts and MOs: tags such as
	// 0x1400, or ranges such as 0x1400-0x14FF, within 0x1400-0x3FFF. Default none.
	TLVs []TagRange `yaml:"tlvs"`
}

func (a *AccountSMPP) setDefaults() {
	*a = AccountSMPP{Charset: CharsetGSM, MessageIDs: IDULID, ReceiptDates: 10, ReceiptPDU: ReceiptDeliverSM, JoinTimeout: time.Minute}
}

func (a *AccountSMPP) validate(f *findings) {
	oneOf(f, "smpp.charset", a.Charset, CharsetGSM, CharsetGSMPacked, CharsetLatin1, CharsetASCII)
	oneOf(f, "smpp.message_ids", a.MessageIDs, IDULID, IDDecimal, IDHex)
	if a.ReceiptDates != 10 && a.ReceiptDates != 12 && a.ReceiptDates != 14 {
		f.add("smpp.receipt_dates", "must be 10, 12 or 14")
	}
	oneOf(f, "smpp.receipt_pdu", a.ReceiptPDU, ReceiptDeliverSM, ReceiptDataSM)
	f.duration("smpp.join_timeout", a.JoinTimeout, time.Second, 10*time.Minute)
	checkTags(f, "smpp.tlvs", a.TLVs, false)
}

// Language is a national language of 3GPP TS 23.038 with shift tables of its own.
type Language string

// The languages.
const (
	Turkish    Language = "tr"
	Spanish    Language = "es"
	Portuguese Language = "pt"
)

// receiptRules are the names of sms.ReceiptRule.
var receiptRules = map[sms.ReceiptRule]string{
	sms.ReceiptWhole: "whole", sms.ReceiptFirstFailure: "first_failure", sms.ReceiptEachSegment: "each_segment",
}

func readReceiptRule(s string) (any, error) {
	for r, name := range receiptRules {
		if name == s {
			return r, nil
		}
	}
	return nil, errors.New("want whole, first_failure or each_segment")
}

// TagRange is a range of tags of optional parameters, both ends in it.
type TagRange struct{ From, To smpp.Tag }

// Has reports whether the range holds the tag.
func (r TagRange) Has(t smpp.Tag) bool { return r.From <= t && t <= r.To }

// Tags of vendors (SMPP 3.4 5.3).
const (
	firstVendorTag smpp.Tag = 0x1400
	lastVendorTag  smpp.Tag = 0x3FFF
)

// ParseTagRange reads one tag, 0x1400, or a range, 0x1400-0x14FF.
func ParseTagRange(s string) (TagRange, error) {
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		last = first
	}
	from, err1 := strconv.ParseUint(first, 0, 16)
	to, err2 := strconv.ParseUint(last, 0, 16)
	if err1 != nil || err2 != nil || from > to {
		return TagRange{}, errors.New("want a tag such as 0x1400 or a range such as 0x1400-0x14FF")
	}
	return TagRange{smpp.Tag(from), smpp.Tag(to)}, nil
}

// String writes the range as ParseTagRange reads it.
func (r TagRange) String() string {
	if r.From == r.To {
		return fmt.Sprintf("0x%04X", uint16(r.From))
	}
	return fmt.Sprintf("0x%04X-0x%04X", uint16(r.From), uint16(r.To))
}

// readTag reads the tag of an optional parameter.
func readTag(s string) (any, error) {
	n, err := strconv.ParseUint(s, 0, 16)
	if err != nil {
		return nil, errors.New("want a tag such as 0x1400")
	}
	return smpp.Tag(n), nil
}

// TLVValue reads the value of an optional parameter: octets as 0x and hexadecimal digits, else text.
func TLVValue(s string) ([]byte, error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok {
		return []byte(s), nil
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, errors.New("must have an even number of hexadecimal digits after 0x")
	}
	return b, nil
}

func checkTLVs(f *findings, field string, tlvs map[smpp.Tag]string) {
	for tag, value := range tlvs {
		if b, err := TLVValue(value); err != nil {
			f.add(fmt.Sprintf("%s[0x%04X]", field, uint16(tag)), "%v", err)
		} else if len(b) > 255 {
			f.add(fmt.Sprintf("%s[0x%04X]", field, uint16(tag)), "must have at most 255 octets")
		}
		if madeByUs(tag) {
			f.add(fmt.Sprintf("%s[0x%04X]", field, uint16(tag)), "is made by the gateway itself")
		}
	}
}

// checkTags lets vendors' tags pass and, for carriers, those that routes look at.
func checkTags(f *findings, field string, tags []TagRange, routing bool) {
	for i, r := range tags {
		vendors := firstVendorTag <= r.From && r.To <= lastVendorTag
		known := routing && RoutingTag(r.From) && RoutingTag(r.To) && r.To-r.From < 3
		switch {
		case vendors || known:
		case routing:
			f.add(fmt.Sprintf("%s[%d]", field, i), "must lie within 0x1400-0x3FFF, the vendors' tags, or be 0x060B or of 0x0611-0x0613")
		default:
			f.add(fmt.Sprintf("%s[%d]", field, i), "must lie within 0x1400-0x3FFF, the vendors' tags")
		}
	}
}
