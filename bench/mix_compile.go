package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"tasman/sms"
)

// blend is a mix made ready: it is read only, and several generators share it.
type blend struct {
	texts        choice[*variant]
	destinations choice[*numbers]
	senders      choice[*sender]
	lanes        choice[sms.Lane]
	seed         uint64
	inTurn       bool // destinations go round instead of being drawn
}

// choice is a weighted choice.
type choice[T any] struct {
	items []T
	upTo  []float64 // sums of the weights
}

func (c *choice[T]) add(weight float64, item T) {
	if n := len(c.upTo); n > 0 {
		weight += c.upTo[n-1]
	}
	c.items, c.upTo = append(c.items, item), append(c.upTo, weight)
}

// pick chooses by 64 drawn bits.
func (c *choice[T]) pick(draw uint64) T {
	if len(c.items) == 1 {
		return c.items[0]
	}
	at := float64(draw>>11) / (1 << 53) * c.upTo[len(c.upTo)-1]
	for i, limit := range c.upTo {
		if at < limit {
			return c.items[i]
		}
	}
	return c.items[len(c.items)-1]
}

// itemError is an error about one item of a list of a mix.
type itemError struct {
	list string
	item int
	err  error
}

func (e *itemError) Error() string { return fmt.Sprintf("%s[%d].%v", e.list, e.item, e.err) }

func (e *itemError) Unwrap() error { return e.err }

func checkShare(share float64) error {
	if !(share > 0 && share < 1e9) {
		return inField("share", "%v; a number above 0 is needed", share)
	}
	return nil
}

// blend makes the mix of the options ready. What the mix leaves open comes from the flags. dir is the folder of the mix file.
func (m *Mix) blend(o *LoadOptions, dir string) (*blend, error) {
	b := &blend{seed: o.Seed}
	r := rand.New(rand.NewPCG(o.Seed, 0x7E87))
	err := errors.Join(b.addTexts(m, o, r), b.addDestinations(m, o, dir), b.addSenders(m, o), b.addLanes(m, o))
	return b, err
}

func (b *blend) addTexts(m *Mix, o *LoadOptions, r *rand.Rand) error {
	texts := m.Texts
	if len(texts) == 0 {
		t := TextShare{Share: 1, Text: o.Text, Encoding: o.Encoding, Long: o.Long}
		if o.Length > 0 {
			t.Length = fmt.Sprint(o.Length)
		}
		if o.Encoding != EncodingAuto && o.Text == DefaultText {
			t.Text = ""
		}
		all, err := t.variants(r)
		if err != nil {
			return err
		}
		for _, v := range all {
			b.texts.add(1, v)
		}
		return nil
	}
	for i := range texts {
		t := texts[i]
		if t.Long == longWhole {
			t.Long = LongUDH8
		}
		if err := checkShare(t.Share); err != nil {
			return &itemError{"texts", i, err}
		}
		all, err := t.variants(r)
		if err != nil {
			return &itemError{"texts", i, err}
		}
		for _, v := range all {
			b.texts.add(t.Share/float64(len(all)), v)
		}
	}
	return nil
}

func (b *blend) addDestinations(m *Mix, o *LoadOptions, dir string) error {
	if len(m.Destinations) == 0 {
		b.inTurn = true
		for _, to := range o.To {
			s, err := newPattern(to)
			if err != nil {
				return &fieldError{"destination", err}
			}
			s.pool = uint64(max(o.Pool, 0))
			b.destinations.add(1, s)
		}
		return nil
	}
	for i := range m.Destinations {
		d := &m.Destinations[i]
		if err := checkShare(d.Share); err != nil {
			return &itemError{"destinations", i, err}
		}
		s, err := d.numbers(dir)
		if err != nil {
			return &itemError{"destinations", i, err}
		}
		b.destinations.add(d.Share, s)
	}
	return nil
}

func (b *blend) addSenders(m *Mix, o *LoadOptions) error {
	if len(m.Senders) == 0 {
		s, err := newSender(o.From)
		if err != nil {
			return &fieldError{"source", err}
		}
		b.senders.add(1, s)
		return nil
	}
	for i, share := range m.Senders {
		if err := checkShare(share.Share); err != nil {
			return &itemError{"senders", i, err}
		}
		s, err := newSender(share.From)
		if err != nil {
			return &itemError{"senders", i, &fieldError{"from", err}}
		}
		b.senders.add(share.Share, s)
	}
	return nil
}

func (b *blend) addLanes(m *Mix, o *LoadOptions) error {
	if len(m.Lanes) == 0 {
		b.lanes.add(1, o.Lane)
		return nil
	}
	for i, share := range m.Lanes {
		if err := checkShare(share.Share); err != nil {
			return &itemError{"lanes", i, err}
		}
		lane, err := sms.ParseLane(share.Lane)
		if err != nil {
			return &itemError{"lanes", i, &fieldError{"lane", err}}
		}
		b.lanes.add(share.Share, lane)
	}
	return nil
}

// parts returns how many submit_sm the longest message has.
func (b *blend) parts() int {
	most := 1
	for _, v := range b.texts.items {
		most = max(most, len(v.bodies))
	}
	return most
}

// word names what the messages are like, as compare needs it: the same for the same.
func (m *Mix) word(b *blend) string {
	if len(m.Texts)+len(m.Destinations)+len(m.Senders)+len(m.Lanes) > 0 {
		raw, err := yaml.Marshal(m)
		if err != nil { // it was read from YAML
			return ""
		}
		return "mix " + hashOf(string(raw))
	}
	v := b.texts.items[0]
	word := fmt.Sprintf("%v %d", v.encoding, markerLen+utf8.RuneCountInString(v.rest))
	if n := len(v.bodies); n > 1 || v.payload {
		word += fmt.Sprintf(" in %d, %s", n, v.form)
	}
	return word
}

// hashOf tells texts apart by eight hexadecimal digits.
func hashOf(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d %s", len(t), t)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}
