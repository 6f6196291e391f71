package configs

import "tasman/sms"

// Format writes a message id in this form; the zero form is a ULID. sms.ParseAnyID reads all of them.
func (f IDForm) Format(id sms.ID) string {
	switch f {
	case IDDecimal:
		return id.Decimal()
	case IDHex:
		return id.Hex()
	}
	return id.String()
}
