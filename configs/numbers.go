package configs

import (
	"strconv"

	"github.com/nyaruka/phonenumbers"
)

// NumberPlan tells destinations that cannot exist from those that may, without the phone number library's cost per
// message: country calling codes are found in a table built from the library, and only AU and NZ, which are routed direct,
// are looked at more closely.
type NumberPlan struct{ callingCodes map[string]bool }

// NewNumberPlan builds the table.
func NewNumberPlan() *NumberPlan {
	p := &NumberPlan{callingCodes: map[string]bool{}}
	for code := range phonenumbers.GetSupportedCallingCodes() {
		p.callingCodes[strconv.Itoa(code)] = true
	}
	return p
}

// Possible reports whether a number, E.164 digits, may belong to a subscriber.
func (p *NumberPlan) Possible(digits string) bool {
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
