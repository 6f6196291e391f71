package bench

import (
	"math/rand/v2"
	"time"

	"tasman/bench/journal"
	"tasman/smpp"
	"tasman/sms"
)

// moTick is how often messages from handsets are made.
const moTick = 10 * time.Millisecond

// Markers of messages from handsets: a leading 9 tells them from those of the load, and each simulator begins
// anywhere in the rest, so that two hardly share one.
const (
	moMarkers      = 9_000_000_000
	moMarkersRange = 1_000_000_000
)

// originator makes what the simulator sends of its own accord. Only the wheel's goroutine uses it, but for made.
type originator struct {
	rand *rand.Rand
	next time.Time // of the next message; zero: the rate was 0
}

// moTexts are the texts of messages from handsets.
type moTexts struct {
	texts []MOText
	upTo  []float64 // sums of the weights
}

func newMOTexts(texts []MOText) *moTexts {
	if len(texts) == 0 {
		texts = []MOText{{Text: "from a handset"}}
	}
	t := &moTexts{texts: texts}
	sum := 0.0
	for i := range texts {
		if sum += texts[i].Weight; texts[i].Weight == 0 {
			sum++
		}
		t.upTo = append(t.upTo, sum)
	}
	return t
}

func (t *moTexts) pick(r *rand.Rand) *MOText {
	at := r.Float64() * t.upTo[len(t.upTo)-1]
	for i, sum := range t.upTo {
		if at < sum {
			return &t.texts[i]
		}
	}
	return &t.texts[len(t.texts)-1]
}

// checkMOText says when a text cannot be sent.
func checkMOText(t *MOText) error {
	text := t.Text
	if !t.Bare {
		text = stamped(moMarkers, time.Time{}, text)
	}
	_, err := sms.CutText(text, sms.ChooseEncoding(text), sms.Header8)
	return err
}

// originate makes the messages from handsets that are due: at random times, so that a second has more or fewer. While nobody
// is bound to receive them, or too much is owed already, none are made.
func (s *SMSC) originate() {
	p, o, now := s.plan.Load(), &s.handsets, time.Now()
	if p.MO.Rate <= 0 {
		o.next = time.Time{}
		s.originates.Store(false)
		if s.plan.Load().MO.Rate > 0 { // set meanwhile
			s.startOriginating()
		}
		return
	}
	s.wheel.add(moTick, event{kind: eventMO, smsc: s})
	gap := func() time.Duration { return time.Duration(o.rand.ExpFloat64() / p.MO.Rate * float64(time.Second)) }
	if o.next.IsZero() || now.Sub(o.next) > time.Second {
		o.next = now.Add(gap())
	}
	to := s.receivers()
	for ; o.next.Before(now); o.next = o.next.Add(gap()) {
		if len(to) == 0 || s.count.owed.Load() >= int64(s.opts.MaxOwed) {
			continue
		}
		n := s.made.Load()
		t := p.texts.pick(o.rand)
		source := number(p.MO.From[o.rand.IntN(len(p.MO.From))], o.rand)
		s.sendMO(0, to[n%uint64(len(to))], smpp.Address{TON: 1, NPI: 1, Addr: source},
			smpp.Address{TON: 1, NPI: 1, Addr: number(p.MO.To[n%uint64(len(p.MO.To))], o.rand)}, t.Text, !t.Bare)
	}
}

// startOriginating sets the ticks going when they are not.
func (s *SMSC) startOriginating() {
	if s.originates.CompareAndSwap(false, true) {
		s.wheel.add(moTick, event{kind: eventMO, smsc: s})
	}
}

// number fills in a pattern.
func number(pattern string, r *rand.Rand) string {
	b := []byte(pattern)
	for i := range b {
		if b[i] == 'x' {
			b[i] = byte('0' + r.IntN(10))
		}
	}
	return string(b)
}

// stamped puts a marker and the time at which a message leaves the handset in front of its text, so that both are in its first
// segment: see stampOf.
func stamped(marker uint64, at time.Time, text string) string {
	b := appendMarker(make([]byte, 0, markerLen+stampLen+1+len(text)), marker)
	b = appendStamp(b, at)
	return string(append(append(b, ' '), text...))
}

// sendMO schedules a message from a handset, in segments when it is long. Marked ones begin with their number and their time.
func (s *SMSC) sendMO(after time.Duration, to *esme, source, destination smpp.Address, text string, marked bool) {
	n, marker := s.made.Add(1), journal.NoMarker
	if marked {
		marker = moMarkers + (s.opts.FirstMO+n-1)%moMarkersRange
		text = stamped(marker, time.Now().Add(after), text)
	}
	enc, coding := sms.ChooseEncoding(text), uint8(0)
	if enc == sms.UCS2 {
		coding = 8
	}
	bodies, err := sms.CutText(text, enc, sms.Header8)
	if err != nil {
		return // it is too long by an echoed rule's text; Validate has looked at the others
	}
	for i, body := range bodies {
		o := takeOwed()
		*o = owed{to: to, source: source, destination: destination, mo: true, coding: coding, text: body, marker: journal.NoMarker}
		if i == 0 {
			o.marker = marker
		}
		if len(bodies) > 1 { // 3GPP TS 23.040 9.2.3.24.1
			o.esmClass, o.part, o.parts = smpp.ESMUDHI, uint8(i+1), uint8(len(bodies))
			o.text = append([]byte{5, 0, 3, byte(n), o.parts, o.part}, body...)
		}
		s.owe(after, o)
	}
}

// receivers returns the system_ids that are bound to receive.
func (s *SMSC) receivers() []*esme {
	s.mu.Lock()
	defer s.mu.Unlock()
	var to []*esme
	for _, e := range s.order {
		if e.receives() {
			to = append(to, e)
		}
	}
	return to
}
