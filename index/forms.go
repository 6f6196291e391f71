package index

import (
	"math/big"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// What a carrier was seen to do with its ids. SMPP says nothing about their form, and some SMSCs write hexadecimal in
// submit_sm_resp and decimal in receipts, or the reverse. Letters give it away; digits alone do not: "100" may be itself,
// not yet learned, or hexadecimal for 256, or decimal for "64", both of which name other messages where ids count up.
const (
	formHexIDs      = 1 << iota // an id with letters was given at submit
	formHexReceipts             // a receipt's id with letters was found as decimal
	formSame                    // a receipt's id with letters was found as it is

	// What is only shown, or decides between two messages that a receipt may be about.
	formExact           // a receipt's id was found as it was answered
	formSpelling        // a receipt's id was found in other case or with other zeros in front
	formDecimalReceipts // a receipt's id was found as hexadecimal with letters
)

// formBook holds the forms by carrier: the store has the same, this saves reading it.
type formBook struct {
	mu    sync.RWMutex
	forms map[string]byte
}

func (b *formBook) load(db *pebble.DB) error {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixForms}, UpperBound: []byte{prefixForms + 1}})
	if err != nil {
		return err
	}
	for it.First(); it.Valid(); it.Next() {
		if len(it.Value()) == 1 {
			b.add(string(it.Key()[1:]), it.Value()[0])
		}
	}
	return it.Close()
}

func (b *formBook) of(carrier string) byte {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.forms[carrier]
}

func (b *formBook) add(carrier string, bits byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.forms == nil {
		b.forms = map[string]byte{}
	}
	b.forms[carrier] |= bits
}

func (b *formBook) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forms = nil
}

// form adds what was seen of a carrier, if it is news.
func (w *writer) form(carrier string, bits byte) error {
	if w.x.forms.of(carrier)&bits == bits {
		return nil
	}
	w.x.forms.add(carrier, bits)
	return w.batch.Merge(append([]byte{prefixForms}, carrier...), []byte{bits}, nil)
}

func (x *Index) sawForm(carrier string, bits byte) error {
	if x.forms.of(carrier)&bits == bits {
		return nil
	}
	w := x.newWriter()
	defer w.close()
	if err := w.form(carrier, bits); err != nil {
		return err
	}
	return w.commit(pebble.NoSync)
}

// canonicalID is the form under which ids are stored: lower case, no leading zeros.
func canonicalID(id string) string {
	s := strings.TrimLeft(strings.ToLower(strings.TrimSpace(id)), "0")
	if s == "" {
		return "0"
	}
	return s
}

// otherBases returns the canonical forms in which the answer to the submit may have had an id.
func otherBases(canonical string, seen byte) []string {
	if seen&formSame != 0 {
		return nil
	}
	var out []string
	decimal, hexadecimal := digitsOf(canonical)
	if decimal { // the receipt may be decimal, the answer was hexadecimal
		if s, ok := convert(canonical, 10, 16); ok && (isLetteredHex(s) || seen&formHexIDs != 0) {
			out = append(out, s)
		}
	}
	if hexadecimal && (!decimal || seen&formHexReceipts != 0) { // the reverse
		if s, ok := convert(canonical, 16, 10); ok {
			out = append(out, s)
		}
	}
	return out
}

// digitsOf reports whether an id can be read in base 10 and in base 16.
func digitsOf(id string) (decimal, hexadecimal bool) {
	decimal, hexadecimal = id != "", id != ""
	for i := range len(id) {
		switch c := id[i] | 0x20; {
		case '0' <= id[i] && id[i] <= '9':
		case 'a' <= c && c <= 'f':
			decimal = false
		default:
			return false, false
		}
	}
	return decimal, hexadecimal
}

// isLetteredHex reports whether an id can only be a hexadecimal number.
func isLetteredHex(id string) bool {
	decimal, hexadecimal := digitsOf(id)
	return hexadecimal && !decimal
}

// maxNumber is the length from which an id is a token rather than a number that anybody converts.
const maxNumber = 40

func convert(id string, from, to int) (string, bool) {
	if n, err := strconv.ParseUint(id, from, 64); err == nil {
		return strconv.FormatUint(n, to), true
	}
	if len(id) > maxNumber {
		return "", false
	}
	n, ok := new(big.Int).SetString(id, from)
	if !ok {
		return "", false
	}
	return n.Text(to), true
}
