package configs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// Fingerprint is the SHA-256 of a certificate in DER, as `openssl x509 -fingerprint -sha256` shows it.
type Fingerprint [sha256.Size]byte

// ParseFingerprint reads 64 hexadecimal digits of either case, with or without a colon between each two.
func ParseFingerprint(s string) (f Fingerprint, err error) {
	digits := []byte(s)
	if len(s) == 3*len(f)-1 {
		digits = digits[:0]
		for pair := range strings.SplitSeq(s, ":") {
			if len(pair) == 2 {
				digits = append(digits, pair...)
			}
		}
	}
	if len(digits) == 2*len(f) {
		if _, err = hex.Decode(f[:], digits); err == nil {
			return f, nil
		}
	}
	return Fingerprint{}, errors.New("want a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons")
}

// String writes 64 hexadecimal digits in lower case.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }
