package sms

// Septets returns all septets of packed text that follows a user data header of so many octets (its length octet included,
// 0 = none), one in each octet. Seven spare bits at the end cannot be told from an '@' (3GPP TS 23.038 6.1.2.1).
func Septets(header int, packed []byte) []byte {
	fill := FillBits(header)
	out, err := UnpackGSM7(nil, packed, fill, max(0, (len(packed)*8-fill)/7))
	if err != nil { // cannot be: as many are asked for as there are
		return nil
	}
	return out
}
