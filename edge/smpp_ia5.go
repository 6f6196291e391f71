package edge

import "tasman/sms"

func decodeIA5(payload []byte) string { return sms.DecodeIA5(payload) }
