package sms_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tasman/sms"
)

func msisdn(v string) sms.Address    { return sms.Address{Kind: sms.MSISDN, Value: v} }
func shortCode(v string) sms.Address { return sms.Address{Kind: sms.ShortCode, Value: v} }
func name(v string) sms.Address      { return sms.Address{Kind: sms.Alphanumeric, Value: v} }

// checkAddress wants an address when reason is "", else an *AddressError with the reason and no trace of the value.
func checkAddress(t *testing.T, in string, source bool, got sms.Address, err error, want sms.Address, reason sms.AddressReason) {
	t.Helper()
	if reason == "" {
		if err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		return
	}
	var e *sms.AddressError
	if !errors.As(err, &e) || e.Reason != reason || e.Source != source || !got.IsZero() {
		t.Errorf("got %+v, %v, want the reason %q", got, err, reason)
	} else if len(in) > 3 && strings.Contains(err.Error(), in) {
		t.Errorf("the error tells the address: %v", err)
	}
}

func TestParseNumbers(t *testing.T) {
	for _, tc := range []struct {
		in     string
		want   sms.Address
		reason sms.AddressReason
	}{
		{in: "+64211234567", want: msisdn("64211234567")},
		{in: "64211234567", want: msisdn("64211234567")},
		{in: "0064211234567", want: msisdn("64211234567")},
		{in: " +64211234567\n", want: msisdn("64211234567")},
		{in: "+6834000", want: msisdn("6834000")},
		{in: "006834000", want: msisdn("6834000")},
		{in: "123456789", want: msisdn("123456789")},
		{in: "123456789012345", want: msisdn("123456789012345")},
		{in: "123", want: shortCode("123")},
		{in: "19123456", want: shortCode("19123456")},
		{in: "", reason: sms.AddressEmpty},
		{in: " \t", reason: sms.AddressEmpty},
		{in: "12", reason: sms.AddressTooShort},
		{in: "+123456", reason: sms.AddressTooShort},
		{in: "+12345", reason: sms.AddressTooShort},
		{in: "1234567890123456", reason: sms.AddressTooLong},
		{in: "+1234567890123456", reason: sms.AddressTooLong},
		{in: "0211234567", reason: sms.AddressNational},
		{in: "+0211234567", reason: sms.AddressCountryCode},
		{in: "000211234567", reason: sms.AddressCountryCode},
		{in: "+", reason: sms.AddressNotDigits},
		{in: "++64211234567", reason: sms.AddressNotDigits},
		{in: "+64 21 123", reason: sms.AddressNotDigits},
		{in: "(09)123-456", reason: sms.AddressNotDigits},
		{in: "٠٤١٢٣٤٥", reason: sms.AddressNotDigits},
	} {
		t.Run(tc.in, func(t *testing.T) {
			got, err := sms.ParseDestination(tc.in)
			checkAddress(t, tc.in, false, got, err, tc.want, tc.reason)
			got, err = sms.ParseSource(tc.in)
			checkAddress(t, tc.in, true, got, err, tc.want, tc.reason)
		})
	}
}

func TestParseNames(t *testing.T) {
	for _, tc := range []struct {
		in     string
		want   sms.Address
		reason sms.AddressReason
	}{
		{in: "TASMAN", want: name("TASMAN")},
		{in: " My Shop ", want: name("My Shop")},
		{in: "0800HELP", want: name("0800HELP")},
		{in: "#100#", want: name("#100#")},
		{in: "info@acme.x", want: name("info@acme.x")},
		{in: "éèùìòÇØøÅåΔ", want: name("éèùìòÇØøÅåΔ")},
		{in: "ABCDEFGHIJK", want: name("ABCDEFGHIJK")},
		{in: "ABCDEFGHI€", want: name("ABCDEFGHI€")},
		{in: "ABCDEFGHIJKL", reason: sms.AddressNameTooLong},
		{in: "ABCDEFGHIJ€", reason: sms.AddressNameTooLong},
		{in: "Māori", reason: sms.AddressNameAlphabet},
		{in: "a\nb", reason: sms.AddressNameAlphabet},
		{in: "a\x00b", reason: sms.AddressNameAlphabet},
		{in: "ab\xff", reason: sms.AddressNameAlphabet},
		{in: "АСМЕ", reason: sms.AddressNameAlphabet}, // Cyrillic look-alikes
	} {
		t.Run(tc.in, func(t *testing.T) {
			got, err := sms.ParseSource(tc.in)
			checkAddress(t, tc.in, true, got, err, tc.want, tc.reason)
			got, err = sms.ParseDestination(tc.in)
			checkAddress(t, tc.in, false, got, err, sms.Address{}, sms.AddressNotDigits)
		})
	}
}

func TestAddressString(t *testing.T) {
	for a, want := range map[sms.Address]string{
		msisdn("64211234567"): "+64211234567", shortCode("3456"): "3456", name("TASMAN"): "TASMAN", {}: "",
	} {
		if got := a.String(); got != want {
			t.Errorf("%+v: got %q, want %q", a, got, want)
		}
	}
}

func TestAddressKindText(t *testing.T) {
	for k := sms.NoAddress; k <= sms.Alphanumeric; k++ {
		text, err := k.MarshalText()
		back := sms.AddressKind(99)
		if err := errors.Join(err, back.UnmarshalText(text)); err != nil || back != k {
			t.Errorf("%d comes back as %d, %v", k, back, err)
		}
	}
	var k sms.AddressKind
	if k.UnmarshalText([]byte("email")) == nil {
		t.Error("an unknown kind is taken")
	}
	if got := sms.AddressKind(9).String(); got != "address(9)" {
		t.Errorf("got %q", got)
	}
}

func TestAddressToSMPP(t *testing.T) {
	for _, tc := range []struct {
		in       sms.Address
		ton, npi uint8
		addr     string
	}{
		{sms.Address{}, 0, 0, ""},
		{msisdn("64211234567"), 1, 1, "64211234567"},
		{shortCode("3456"), 3, 0, "3456"},
		{name("My_Shop $"), 5, 0, "My_Shop $"},
		{name("info@acme"), 5, 0, "info?acme"},
		{name("Café Öl €"), 5, 0, "Cafe Ol E"},
		{name("Δ£¡"), 5, 0, "???"},
		{name("åäàæèéìñòöø"), 5, 0, "aaaaeeinooo"},
		{name("ßùüÅÄÆÇÉÑÖØ"), 5, 0, "suuAAACENOO"},
		{name("Ü^{}|"), 5, 0, "U^{}|"},
	} {
		ton, npi, addr := tc.in.SMPP()
		if ton != tc.ton || npi != tc.npi || addr != tc.addr {
			t.Errorf("%+v: got %d %d %q, want %d %d %q", tc.in, ton, npi, addr, tc.ton, tc.npi, tc.addr)
		}
	}
}

func TestAddressFromSMPP(t *testing.T) {
	const source, destination = true, false
	for _, tc := range []struct {
		title  string
		ton    uint8
		addr   string
		source bool
		want   sms.Address
		reason sms.AddressReason
	}{
		{"international", 1, "64211234567", destination, msisdn("64211234567"), ""},
		{"international with plus", 1, "+64211234567", destination, msisdn("64211234567"), ""},
		{"international with 00", 1, "0064211234567", destination, msisdn("64211234567"), ""},
		{"international of 7 digits", 1, "6834000", destination, msisdn("6834000"), ""},
		{"international of 8 digits", 1, "68340001", destination, msisdn("68340001"), ""},
		{"international that can only be a short code", 1, "34567", destination, shortCode("34567"), ""},
		{"international that is national", 1, "0211234567", destination, sms.Address{}, sms.AddressNational},
		{"international name", 1, "ACME", source, sms.Address{}, sms.AddressNotDigits},
		{"national with plus", 2, "+64211234567", destination, msisdn("64211234567"), ""},
		{"national with 00", 2, "0064211234567", destination, msisdn("64211234567"), ""},
		{"national written in full", 2, "61412345678", destination, msisdn("61412345678"), ""},
		{"national of AU, not of Switzerland", 2, "412345678", destination, sms.Address{}, sms.AddressNational},
		{"national of NZ", 2, "2112345678", destination, sms.Address{}, sms.AddressNational},
		{"national with trunk prefix", 2, "0412345678", destination, sms.Address{}, sms.AddressNational},
		{"national of 8 digits", 2, "91234567", destination, sms.Address{}, sms.AddressNational},
		{"national short code", 2, "3456", source, shortCode("3456"), ""},
		{"subscriber", 4, "5551234", destination, sms.Address{}, sms.AddressNational},
		{"unknown", 0, "64211234567", destination, msisdn("64211234567"), ""},
		{"unknown with plus", 0, "+64211234567", destination, msisdn("64211234567"), ""},
		{"unknown short code", 0, "12345678", source, shortCode("12345678"), ""},
		{"unknown name", 0, "ACME", source, name("ACME"), ""},
		{"unknown national", 0, "0211234567", destination, sms.Address{}, sms.AddressNational},
		{"network specific", 3, "3456", destination, shortCode("3456"), ""},
		{"abbreviated", 6, "3456", destination, shortCode("3456"), ""},
		{"network specific, but a number", 3, "64211234567", source, msisdn("64211234567"), ""},
		{"name", 5, "ACME", source, name("ACME"), ""},
		{"name padded", 5, "ACME  ", source, name("ACME"), ""},
		{"name with at", 5, "info@acme", source, name("info@acme"), ""},
		{"name in Latin-1", 5, "Caf\xe9", source, name("Café"), ""},
		{"name in UTF-8", 5, "Café", source, name("Café"), ""},
		{"name that is a short code", 5, "3456", source, shortCode("3456"), ""},
		{"name that is a number", 5, "+6421123456", source, msisdn("6421123456"), ""},
		{"name that plays a number", 5, "021 123 456", source, sms.Address{}, sms.AddressNotDigits},
		{"name too long", 5, "ABCDEFGHIJKL", source, sms.Address{}, sms.AddressNameTooLong},
		{"name as destination", 5, "ACME", destination, sms.Address{}, sms.AddressNotDigits},
		{"number marked as name, as destination", 5, "64211234567", destination, msisdn("64211234567"), ""},
		{"no source", 0, "", source, sms.Address{}, ""},
		{"no source, marked as a name", 5, " ", source, sms.Address{}, ""},
		{"no destination", 1, "", destination, sms.Address{}, sms.AddressEmpty},
		{"unknown type", 7, "64211234567", destination, sms.Address{}, sms.AddressTON},
	} {
		t.Run(tc.title, func(t *testing.T) {
			for npi := range uint8(2) {
				got, err := sms.AddressFromSMPP(tc.ton, npi, tc.addr, tc.source)
				checkAddress(t, tc.addr, tc.source, got, err, tc.want, tc.reason)
			}
		})
	}
}

// TestAddressRoundTripProperty: what ParseSource takes has one written form, and numbers survive the wire.
func TestAddressRoundTripProperty(t *testing.T) {
	anything := rapid.OneOf(rapid.StringMatching(`(\+|00)?[0-9]{1,17}`), gsmText(12), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		a, err := sms.ParseSource(anything.Draw(t, "text"))
		if err != nil {
			return
		}
		if again, err := sms.ParseSource(a.String()); err != nil || again != a {
			t.Fatalf("%+v comes back as %+v, %v", a, again, err)
		}
		ton, npi, addr := a.SMPP()
		wire, err := sms.AddressFromSMPP(ton, npi, addr, true)
		if err != nil || wire.Kind != a.Kind || a.Kind != sms.Alphanumeric && wire != a {
			t.Fatalf("%+v comes off the wire as %+v, %v", a, wire, err)
		}
	})
}

func FuzzAddress(f *testing.F) {
	f.Add(uint8(5), "ACME\xff", true)
	f.Add(uint8(1), "+64211234567", false)
	f.Fuzz(func(t *testing.T, ton uint8, text string, source bool) {
		a, err := sms.AddressFromSMPP(ton, 0, text, source)
		if err != nil {
			return
		}
		if a.Kind == sms.Alphanumeric && !source || !utf8.ValidString(a.Value) || utf8.RuneCountInString(a.Value) > 15 {
			t.Fatalf("%+v", a)
		}
		_, _, addr := a.SMPP()
		for _, c := range []byte(addr) {
			if c < ' ' || c > '~' {
				t.Fatalf("octet %#x on the wire", c)
			}
		}
	})
}
