package core

import (
	"strconv"

	"github.com/nyaruka/phonenumbers"

	"tasman/sms"
)

// numberPlan tells destinations that cannot exist from those that may, without the phone number library's cost per
// message: the country calling code is found in a table built from the library, and only AU and NZ, which are routed
// direct, are looked at more closely.
type numberPlan struct {
	callingCodes map[string]bool
}

func newNumberPlan() *numberPlan {
	p := &numberPlan{callingCodes: map[string]bool{}}
	for code := range phonenumbers.GetSupportedCallingCodes() {
		p.callingCodes[strconv.Itoa(code)] = true
	}
	return p
}

// valid reports whether a number (E.164 digits) may belong to a subscriber.
func (p *numberPlan) valid(digits string) bool {
	code := ""
	for n := 1; n <= 3 && n <= len(digits); n++ {
		if p.callingCodes[digits[:n]] {
			code = digits[:n]
			break
		}
	}
	national := len(digits) - len(code)
	switch {
	case code == "" || national < 4 || len(digits) > 15:
		return false
	case code == "61":
		return national == 9
	case code == "64":
		return national >= 8 && national <= 10
	}
	return true
}

// numbers rejects destinations that no numbering plan has.
func (c *Core) numbers(j *job) verdict {
	if d := j.message.Destination; d.Kind == sms.MSISDN && !c.plan.valid(d.Value) {
		return j.rejectAs(sms.FailInvalidDestination, sms.StateRejected, "the destination is in no numbering plan")
	}
	return goOn
}
