package bench

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// IDForm is how a simulator writes its message ids. Operators differ, and some write an id otherwise in the receipt than
// in the answer.
type IDForm string

// The forms.
const (
	IDDecimal IDForm = "decimal"
	IDHex     IDForm = "hex"   // lower case, no leading zeros
	IDUpper   IDForm = "upper" // hex in upper case
	IDPadded  IDForm = "padded"
	IDUUID    IDForm = "uuid"
)

// paddedWidth is the width of IDPadded: leading zeros up to the longest decimal id.
const paddedWidth = 20

// format writes the n-th id.
func (f IDForm) format(n uint64) string {
	switch f {
	case IDHex:
		return strconv.FormatUint(n, 16)
	case IDUpper:
		return strings.ToUpper(strconv.FormatUint(n, 16))
	case IDPadded:
		return fmt.Sprintf("%0*d", paddedWidth, n)
	case IDUUID:
		return uuidOf(n)
	}
	return strconv.FormatUint(n, 10)
}

// append writes the n-th id behind dst.
func (f IDForm) append(dst []byte, n uint64) []byte {
	switch f {
	case IDHex:
		return strconv.AppendUint(dst, n, 16)
	case IDDecimal, "":
		return strconv.AppendUint(dst, n, 10)
	}
	return append(dst, f.format(n)...)
}

// uuidOf spreads n over the digits of a version 8 UUID (RFC 9562 section 5.8), so that ids of one run share no prefix.
func uuidOf(n uint64) string {
	const spread = 0x9E3779B97F4A7C15 // 2^64 by the golden ratio: neighbours come out far apart, and it is odd, so none collide
	high := n * spread
	var b [16]byte
	for i := range 8 {
		b[i], b[8+i] = byte(high>>(56-8*i)), byte(n>>(56-8*i))
	}
	// The version and the variant cost six bits. Those of high are lost without harm, those of n are zero for 2^62 ids.
	b[6], b[8] = 0x80|b[6]&0x0F, 0x80|b[8]&0x3F
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// firstID is where a run starts to count: later than any earlier run got, at up to a million messages a second, because
// the gateway remembers an operator's ids for days.
func firstID() uint64 { return uint64(time.Now().UnixMicro()) }
