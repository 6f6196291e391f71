package bench

import (
	"strconv"
	"time"

	"tasman/smpp"
)

// moTick is how often messages from handsets are made.
const moTick = 10 * time.Millisecond

// originator counts what the simulator sends of its own accord. Only the wheel's goroutine uses it.
type originator struct {
	last  time.Time
	carry float64 // of a message
	made  uint64
}

// originate makes the messages from handsets that are due. While nobody is bound to receive them, or too much is owed
// already, none are made.
func (s *SMSC) originate() {
	o := &s.handsets
	now := time.Now()
	if !o.last.IsZero() {
		o.carry += s.opts.MORate * now.Sub(o.last).Seconds()
	}
	o.last = now
	n := int(o.carry)
	o.carry -= float64(n)
	to := s.receivers()
	for i := 0; i < n && len(to) > 0 && s.count.owed.Load() < int64(s.opts.MaxOwed); i++ {
		o.made++
		s.owe(0, &owed{
			to: to[int(o.made%uint64(len(to)))], mo: true,
			source:      smpp.Address{TON: 1, NPI: 1, Addr: strconv.FormatUint(614_000_00000+o.made%100_000_00, 10)},
			destination: smpp.Address{TON: 1, NPI: 1, Addr: s.opts.MOTo[int(o.made%uint64(len(s.opts.MOTo)))]},
			text:        append(appendMarker(nil, o.made), " from a handset"...),
		})
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
