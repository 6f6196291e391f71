package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"tasman/smpp"
	"tasman/sms"
)

// numberDigits is how long a destination becomes when its pattern is shorter: numbers of both countries of DefaultTo.
const numberDigits = 11

// generator makes the messages of a load. It is not safe for concurrent use.
type generator struct {
	rand     *rand.Rand
	patterns [][]byte // digits, and 'x' for any
	rest     string   // of the text, behind the marker
	number   []byte

	source smpp.Address
	coding uint8
	wide   bool   // two octets for a character
	tail   []byte // rest, encoded
	text   []byte
	marker [markerLen]byte
	tlvs   smpp.TLVs
}

func newGenerator(o *LoadOptions) (*generator, error) {
	g := &generator{rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
	for _, to := range o.To {
		p := []byte(strings.TrimPrefix(to, "+"))
		if strings.Trim(string(p), "0123456789x") != "" || len(p) == 0 {
			return nil, fmt.Errorf("load: %q is not a number, a prefix or a pattern with x", to)
		}
		for len(p) < numberDigits && !strings.Contains(to, "x") {
			p = append(p, '?')
		}
		g.patterns = append(g.patterns, []byte(strings.ReplaceAll(string(p), "?", "x")))
	}
	g.rest = restOf(o.Text, o.Length)
	source, err := sms.ParseSource(o.From)
	if err != nil {
		return nil, fmt.Errorf("load: source: %w", err)
	}
	g.source.TON, g.source.NPI, g.source.Addr = source.SMPP()
	return g, g.encode()
}

// restOf returns what follows the marker: a blank and the text, cut or repeated to length characters with the marker.
func restOf(text string, length int) string {
	rest := " " + text
	if length <= 0 {
		return rest
	}
	want := max(length-markerLen, 0)
	for utf8.RuneCountInString(rest) < want {
		rest += " " + text
	}
	return string([]rune(rest)[:want])
}

// encode prepares what is the same in every submit_sm.
func (g *generator) encode() (err error) {
	const ucs2 = 8
	enc := sms.ChooseEncoding(g.rest)
	switch enc {
	case sms.GSM7:
	case sms.UCS2:
		g.coding, g.wide = ucs2, true
	default:
		return errors.New("load: the text has an encoding that is not supported here")
	}
	g.tail, err = sms.AppendText(nil, g.rest, enc)
	return err
}

// destination returns a number for message n, without '+'. It never has a magic ending that its pattern does not spell out.
func (g *generator) destination(n uint64) string {
	p := g.patterns[n%uint64(len(g.patterns))]
	spelled := !bytes.ContainsRune(p[max(len(p)-4, 0):], 'x')
	for {
		g.number = append(g.number[:0], p...)
		digits, left := uint64(0), 0
		for i, c := range g.number {
			if c != 'x' {
				continue
			}
			if left == 0 {
				digits, left = g.rand.Uint64(), 18
			}
			g.number[i] = byte('0' + digits%10)
			digits /= 10
			left--
		}
		to := string(g.number)
		if _, magic := magicOf(to); !magic || spelled {
			return to
		}
	}
}

// fill makes m the submit_sm of message n. Its slices are those of the generator.
func (g *generator) fill(m *smpp.SubmitSM, n uint64) {
	g.text = appendMarker(g.text[:0], n)
	if g.wide {
		g.text = g.text[:0]
		for _, c := range appendMarker(g.marker[:0], n) {
			g.text = append(g.text, 0, c)
		}
	}
	g.text = append(g.text, g.tail...)
	m.Source, m.DataCoding = g.source, g.coding
	m.Destination = smpp.Address{TON: 1, NPI: 1, Addr: g.destination(n)}
	m.ShortMessage, m.TLVs = g.text, nil
	if len(g.text) > maxShortMessage {
		g.tlvs = smpp.AppendTLV(g.tlvs[:0], smpp.TagMessagePayload, g.text)
		m.ShortMessage, m.TLVs = nil, g.tlvs
	}
}

// jsonRest returns what follows the marker as the inside of a JSON string.
func (g *generator) jsonRest() (string, error) {
	b, err := json.Marshal(g.rest)
	if err != nil {
		return "", err
	}
	return string(b[1 : len(b)-1]), nil
}
