package index

import (
	"encoding/binary"
	"time"

	"tasman/sms"
)

// The first byte of every key; package comment has the layout.
const (
	prefixMessage   = 'm'
	prefixAccount   = 'a'
	prefixCarrierID = 'c'
	prefixLastMT    = 'l'
	prefixKey       = 'k'
	prefixReserved  = 'r'
	prefixWaits     = 's'
	prefixForms     = 'f'
	prefixPosition  = 'p'
	prefixVersion   = 'v'
	prefixWithdrawn = 'w'
	prefixFence     = 'x'
)

// dayPrefixes are the kinds of key that have a day.
var dayPrefixes = [...]byte{prefixCarrierID, prefixLastMT, prefixKey, prefixReserved, prefixWaits}

const daySeconds = 24 * 60 * 60

// dayOf counts days since 1970, in UTC; 16 bits last until 2149.
func dayOf(t time.Time) uint16 {
	return uint16(max(0, min(t.Unix()/daySeconds, 0xFFFF)))
}

func messageKey(dst []byte, id sms.ID) []byte { return append(append(dst, prefixMessage), id[:]...) }

func accountKey(dst []byte, account string, id sms.ID) []byte {
	dst = append(append(dst, prefixAccount), account...)
	return append(append(dst, 0), id[:]...)
}

// dayKey appends the key of two names of one day.
func dayKey(dst []byte, prefix byte, day uint16, first, second string) []byte {
	dst = binary.BigEndian.AppendUint16(append(dst, prefix), day)
	dst = append(append(dst, first...), 0)
	return append(dst, second...)
}

func reservedKey(dst []byte, day uint16, carrier string, batch uint64) []byte {
	return binary.BigEndian.AppendUint64(dayKey(dst, prefixReserved, day, carrier, ""), batch)
}

func positionKey(stream string) []byte { return append([]byte{prefixPosition}, stream...) }

// after returns the smallest key greater than all that begin with key.
func after(key []byte) []byte {
	out := append([]byte(nil), key...)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i] < 0xFF {
			out[i]++
			return out[:i+1]
		}
	}
	return nil
}
