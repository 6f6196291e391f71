package edge

import (
	"strconv"

	"github.com/nyaruka/phonenumbers"

	"tasman/sms"
)

// international completes a number in national form with its country's code; false when it cannot be one of that country.
func international(national, country string) (sms.Address, bool) {
	n, err := phonenumbers.Parse(national, country)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return sms.Address{}, false
	}
	a, err := sms.ParseDestination("+" + strconv.Itoa(int(n.GetCountryCode())) + phonenumbers.GetNationalSignificantNumber(n))
	return a, err == nil
}
