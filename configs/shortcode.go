package configs

// ShortCodeTON is the type of number under which a carrier knows short codes (SMPP 3.4 5.2.5), on which operators differ.
type ShortCodeTON string

// The types of number.
const (
	ShortCodeNetwork     ShortCodeTON = "network"     // 3, network specific
	ShortCodeAbbreviated ShortCodeTON = "abbreviated" // 6
	ShortCodeUnknown     ShortCodeTON = "unknown"     // 0
)

// SMPP returns the type of number on the wire.
func (s ShortCodeTON) SMPP() uint8 {
	switch s {
	case ShortCodeAbbreviated:
		return 6
	case ShortCodeUnknown:
		return 0
	}
	return 3
}
