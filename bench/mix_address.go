package bench

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tasman/smpp"
	"tasman/sms"
)

// numberDigits is how long a destination becomes when its pattern is shorter: numbers of both countries of DefaultTo.
const numberDigits = 11

// maxNumbers bounds the numbers read from one file.
const maxNumbers = 10_000_000

// numbers is a set of destinations, without '+'.
type numbers struct {
	pattern []byte   // digits, and 'x' for any; nil: the list
	list    []string // of a file
	pool    uint64   // that many of the pattern only; 0: all
	spelled bool     // the last four digits are the user's, magic or not
}

// newPattern reads a prefix, a number or a pattern with x.
func newPattern(to string) (*numbers, error) {
	p := []byte(strings.TrimPrefix(to, "+"))
	if strings.Trim(string(p), "0123456789x") != "" || len(p) == 0 || len(p) > 20 {
		return nil, fmt.Errorf("%q is not a number, a prefix or a pattern with x, of 1 to 20 digits", to)
	}
	if !strings.Contains(to, "x") {
		for len(p) < numberDigits {
			p = append(p, 'x')
		}
	}
	return &numbers{pattern: p, spelled: !strings.Contains(string(p[max(len(p)-4, 0):]), "x")}, nil
}

// append appends the number that draw chooses.
func (s *numbers) append(dst []byte, draw uint64) []byte {
	if s.pattern == nil {
		return append(dst, s.list[draw%uint64(len(s.list))]...)
	}
	if s.pool > 0 {
		draw = scramble(draw % s.pool)
	}
	for {
		dst = append(dst[:0], s.pattern...)
		digits, left := draw, 18
		for i, c := range dst {
			if c != 'x' {
				continue
			}
			if left == 0 {
				digits, left = scramble(digits+draw), 18
			}
			dst[i] = byte('0' + digits%10)
			digits /= 10
			left--
		}
		if s.spelled || !endsMagic(dst) {
			return dst
		}
		draw = scramble(draw)
	}
}

func endsMagic(number []byte) bool {
	if len(number) < 7 || number[len(number)-4] != '9' || number[len(number)-3] != '0' { // spares the string
		return false
	}
	_, magic := magicOf(string(number))
	return magic
}

// scramble mixes the bits of n: the finalizer of splitmix64, a permutation.
func scramble(n uint64) uint64 {
	n += 0x9E3779B97F4A7C15
	n = (n ^ n>>30) * 0xBF58476D1CE4E5B9
	n = (n ^ n>>27) * 0x94D049BB133111EB
	return n ^ n>>31
}

// numbers makes the set of a share; dir is where its file is looked for.
func (d *DestinationShare) numbers(dir string) (*numbers, error) {
	given := 0
	for _, s := range []string{d.Prefix, d.Pattern, d.File} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return nil, inField("prefix", "exactly one of prefix, pattern and file must be given, not %d", given)
	}
	if d.Pool < 0 {
		return nil, inField("pool", "%d; at least 0 is allowed", d.Pool)
	}
	if d.File != "" {
		if d.Pool > 0 {
			return nil, inField("pool", "given beside file, whose numbers are a pool already")
		}
		return readNumbers(d.File, dir)
	}
	field, text := "prefix", d.Prefix
	if text == "" {
		field, text = "pattern", d.Pattern
	}
	s, err := newPattern(text)
	if err != nil {
		return nil, &fieldError{field, err}
	}
	s.pool = uint64(d.Pool)
	return s, nil
}

func readNumbers(file, dir string) (*numbers, error) {
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, &fieldError{"file", err}
	}
	defer f.Close()
	s := &numbers{}
	lines := bufio.NewScanner(f)
	for line := 1; lines.Scan(); line++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		text = strings.TrimPrefix(strings.TrimSpace(text), "+")
		if text == "" {
			continue
		}
		if strings.Trim(text, "0123456789") != "" || len(text) > 20 {
			return nil, inField("file", "%s:%d: %q is not a number of 1 to 20 digits", file, line, text)
		}
		if len(s.list) == maxNumbers {
			return nil, inField("file", "%s:%d: more than %d numbers", file, line, maxNumbers)
		}
		s.list = append(s.list, text)
	}
	if err := lines.Err(); err != nil {
		return nil, inField("file", "%s: %w", file, err)
	}
	if len(s.list) == 0 {
		return nil, inField("file", "%s: has no number", file)
	}
	return s, nil
}

// sender is a source in both of its forms.
type sender struct {
	from string
	addr smpp.Address
}

func newSender(from string) (*sender, error) {
	source, err := sms.ParseSource(from)
	if err != nil {
		return nil, err
	}
	s := &sender{from: from}
	s.addr.TON, s.addr.NPI, s.addr.Addr = source.SMPP()
	return s, nil
}
