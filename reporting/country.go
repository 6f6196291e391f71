package reporting

import (
	"strconv"

	"github.com/nyaruka/phonenumbers"

	"tasman/sms"
)

// noCountry stands where there is none to tell: short codes, names, numbers of no country. ISO 3166 leaves ZZ to users.
const noCountry = "ZZ"

// countries maps the prefix of a number to its country: calling codes, and for the codes that several countries share also
// the code with the three digits after it. Parsing each number instead would cost as much as writing its row.
type countries map[string]string

// longestPrefix is that of a calling code of one digit with its area code.
const longestPrefix = 4

// shared are the calling codes whose countries the area code tells apart, with the rest of a plausible number. The islands
// that share the codes of Great Britain, Australia and others count as those.
var shared = map[int]string{1: "2345678", 7: "1234567"}

func newCountries() countries {
	table := countries{}
	for code := range phonenumbers.GetSupportedCallingCodes() {
		region := phonenumbers.GetRegionCodeForCountryCode(code)
		if len(region) != 2 {
			continue // a network that belongs to no country
		}
		prefix := strconv.Itoa(code)
		table[prefix] = region
		if rest, ok := shared[code]; ok {
			table.addAreas(code, region, rest)
		}
	}
	return table
}

func (t countries) addAreas(code int, usual, rest string) {
	for area := 200; area <= 999; area++ {
		national, _ := strconv.ParseUint(strconv.Itoa(area)+rest, 10, 64) // digits only
		country := int32(code)
		region := phonenumbers.GetRegionCodeForNumber(&phonenumbers.PhoneNumber{CountryCode: &country, NationalNumber: &national})
		if len(region) == 2 && region != usual && region != noCountry {
			t[strconv.Itoa(code)+strconv.Itoa(area)] = region
		}
	}
}

// of returns the ISO 3166 code of the country that a number belongs to.
func (t countries) of(a sms.Address) string {
	if a.Kind != sms.MSISDN {
		return noCountry
	}
	for n := min(len(a.Value), longestPrefix); n > 0; n-- {
		if region, ok := t[a.Value[:n]]; ok {
			return region
		}
	}
	return noCountry
}
