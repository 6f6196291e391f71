package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Profile says how many messages a second are meant to be sent, over time: phases one after the other. It is made by
// ParseProfile.
type Profile struct {
	phases []phase
	text   string
}

// phase is a time in which the rate changes steadily from one value to another.
type phase struct {
	name    string
	from    float64 // messages a second at its begin
	to      float64 // at its end
	begin   time.Duration
	length  time.Duration // forever in the last phase of a profile that does not end
	before  float64       // messages of the phases before
	poisson bool          // gaps are drawn
}

// forever is the length of a phase that does not end: longer than any load.
const forever = time.Duration(math.MaxInt64 / 4)

// maxRate is the highest rate of a profile.
const maxRate = 10_000_000

// constant returns the profile of --rate.
func constant(rate float64) *Profile {
	p := &Profile{text: fmt.Sprintf("constant:%g", rate)}
	p.add(phase{name: fmt.Sprintf("%g/s", rate), from: rate, to: rate, length: forever})
	return p
}

// add appends a phase.
func (p *Profile) add(ph phase) {
	if n := len(p.phases); n > 0 {
		last := &p.phases[n-1]
		ph.begin, ph.before = last.begin+last.length, last.before+last.messages(last.length)
	}
	p.phases = append(p.phases, ph)
}

// messages returns how many are meant to be sent in the first d of the phase: the integral of its rate.
func (ph *phase) messages(d time.Duration) float64 {
	s := d.Seconds()
	if ph.from == ph.to {
		return ph.from * s
	}
	return ph.from*s + (ph.to-ph.from)/ph.length.Seconds()*s*s/2
}

// reaches returns after how long the phase has had n messages: the inverse of messages.
func (ph *phase) reaches(n float64) time.Duration {
	if n <= 0 {
		return 0
	}
	slope := (ph.to - ph.from) / ph.length.Seconds()
	var s float64
	if ph.from == ph.to {
		s = n / ph.from
	} else {
		// The root of from*s + slope*s*s/2 = n, in the form that does not cancel.
		s = 2 * n / (ph.from + math.Sqrt(max(ph.from*ph.from+2*slope*n, 0)))
	}
	if !(s < forever.Seconds()) {
		return forever
	}
	return time.Duration(math.Round(s * float64(time.Second)))
}

// String returns the profile as it was written.
func (p *Profile) String() string { return p.text }

// Length returns how long the profile is, and false when it does not end.
func (p *Profile) Length() (time.Duration, bool) {
	last := p.phases[len(p.phases)-1]
	if last.length == forever {
		return 0, false
	}
	return last.begin + last.length, true
}

func (p *Profile) endless() bool {
	_, ends := p.Length()
	return !ends
}

// Peak returns the highest rate there is.
func (p *Profile) Peak() float64 {
	peak := 0.0
	for _, ph := range p.phases {
		peak = max(peak, ph.from, ph.to)
	}
	return peak
}

// Rate returns the rate at a time after the begin, 0 after the end.
func (p *Profile) Rate(at time.Duration) float64 {
	for i := range p.phases {
		if ph := &p.phases[i]; at < ph.begin+ph.length {
			return ph.from + (ph.to-ph.from)*max(at-ph.begin, 0).Seconds()/ph.length.Seconds()
		}
	}
	return 0
}

// Messages returns how many messages are meant to be sent before a time after the begin: the integral of the rate.
func (p *Profile) Messages(until time.Duration) float64 {
	for i := len(p.phases) - 1; i >= 0; i-- {
		if ph := &p.phases[i]; until >= ph.begin {
			return ph.before + ph.messages(min(until-ph.begin, ph.length))
		}
	}
	return 0
}

// arrivals gives out the intended times of a profile in order. Two of the same profile, batch and seed give the same.
type arrivals struct {
	profile *Profile
	batch   float64    // messages of an arrival
	rand    *rand.Rand // for phases whose gaps are drawn
	phase   int
	k       uint64  // arrivals given out
	count   float64 // messages before the next arrival, in the measure of the integral
}

func (p *Profile) arrivals(batch int, seed uint64) *arrivals {
	return &arrivals{profile: p, batch: float64(batch), rand: rand.New(rand.NewPCG(seed, 0x5EED_A441))}
}

// next returns when the next arrival is intended; after the end of the profile that is forever.
//
// In phases without drawn gaps it is a function of the number of the arrival alone, so nothing adds up. Drawn gaps are
// exponential in the integral of the rate, which makes a Poisson process of a rate that changes too.
func (a *arrivals) next() time.Duration {
	for ; a.phase < len(a.profile.phases); a.phase++ {
		ph := &a.profile.phases[a.phase]
		if ph.length == forever && ph.from > 0 {
			return ph.begin + ph.reaches(max(a.count-ph.before, 0))
		}
		if n := max(a.count-ph.before, 0); n < ph.messages(ph.length)-1e-9 {
			return ph.begin + min(ph.reaches(n), ph.length-1)
		}
	}
	return forever
}

// advance goes on to the next arrival.
func (a *arrivals) advance() {
	a.k++
	if a.phase < len(a.profile.phases) && a.profile.phases[a.phase].poisson {
		a.count += a.rand.ExpFloat64() * a.batch
		return
	}
	if !a.anyDrawn() {
		a.count = float64(a.k) * a.batch
		return
	}
	a.count += a.batch
}

func (a *arrivals) anyDrawn() bool {
	for i := range a.profile.phases {
		if a.profile.phases[i].poisson {
			return true
		}
	}
	return false
}
