package carriers

import (
	"fmt"
	"regexp"
	"strings"

	"tasman/smpp"
)

// maxReason bounds what of an operator's own words is kept.
const maxReason = 80

// What an operator's words may repeat of a message, which stories and logs do not have: numbers, however they are written, and
// what is quoted.
var (
	numbers = regexp.MustCompile(`\+?\d[\d ().-]{3,}\d`)
	quoted  = regexp.MustCompile(`"[^"]*("|$)|'[^']*'|` + "`[^`]*`")
)

// failureReasons are the values of delivery_failure_reason (SMPP 3.4 5.3.2.33).
var failureReasons = [...]string{"destination unavailable", "destination address invalid", "permanent network error", "temporary network error"}

// reasonOf returns what the optional parameters of a response or a receipt say of a failure: delivery_failure_reason and
// additional_status_info_text (SMPP 3.4 5.3.2.33, 5.3.2.11); "" when nothing.
func reasonOf(tlvs smpp.TLVs) string {
	if len(tlvs) == 0 {
		return ""
	}
	var code string
	if v, ok := tlvs.GetByte(smpp.TagDeliveryFailureReason); ok {
		code = fmt.Sprintf("failure reason %d", v)
		if int(v) < len(failureReasons) {
			code = failureReasons[v]
		}
	}
	text, _ := tlvs.GetCString(smpp.TagAdditionalStatusInfoText)
	return joinReasons(code, cleaned(text))
}

// cleaned returns an operator's words without what is not printable, cut, and without what they may repeat of a message.
func cleaned(text string) string {
	if text == "" {
		return ""
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text[:min(len(text), 256)]) // SMPP 3.4 5.3.2.11
	text = numbers.ReplaceAllString(quoted.ReplaceAllString(text, "..."), "...")
	return strings.TrimSpace(text[:min(len(text), maxReason)])
}

func joinReasons(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ": " + b
}
