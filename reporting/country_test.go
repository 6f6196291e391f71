package reporting

import (
	"testing"

	"tasman/sms"
)

func TestCountryOfNumber(t *testing.T) {
	table := newCountries()
	for number, want := range map[string]string{
		"64211234567": "NZ", "61412345678": "AU", "12125550123": "US", "14165550123": "CA", "18765550123": "JM",
		"79161234567": "RU", "77011234567": "KZ", "447700900123": "GB", "8562012345678": "LA", "999": noCountry, "": noCountry,
	} {
		if got := table.of(sms.Address{Kind: sms.MSISDN, Value: number}); got != want {
			t.Errorf("%s is in %s, want %s", number, got, want)
		}
	}
	if got := table.of(sms.Address{Kind: sms.ShortCode, Value: "6421"}); got != noCountry {
		t.Errorf("a short code is in %s", got)
	}
}

func BenchmarkNewCountries(b *testing.B) {
	for b.Loop() {
		newCountries()
	}
}
