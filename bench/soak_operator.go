package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"tasman/bench/journal"
)

// simulators are the operators that a soak, or verify --run, plays itself: one at each address.
type simulators struct {
	addrs   []string
	options SMSCOptions
	usual   Settings
	smscs   []*SMSC
	counts  map[string]uint64 // of those that have ended
}

var _ soakOperators = (*simulators)(nil)

// newSimulators returns operators for the addresses; port 0 takes any free one. The options' Settings must be valid; what
// random digits end with chooses nothing.
func newSimulators(addrs []string, o SMSCOptions) *simulators {
	s := &simulators{addrs: addrs, options: o}
	if o.Settings == nil {
		o.Settings = o.settings()
	}
	s.usual = *o.Settings
	s.usual.NoMagic = true
	s.options.Settings = &s.usual
	return s
}

// Begin implements soakOperators.
func (s *simulators) Begin(j *journal.Writer) error {
	for i, addr := range s.addrs {
		o := s.options
		o.Journal = j
		o.FirstID = firstID() + uint64(i)<<48 // ids of all operators go into one journal
		o.FirstMO = 1 + uint64(i*moMarkersRange/len(s.addrs))
		smsc := NewSMSC(o)
		s.smscs = append(s.smscs, smsc)
		if err := smsc.Start(addr); err != nil {
			s.smscs = s.smscs[:i]
			return errors.Join(err, s.End(context.Background()))
		}
	}
	return nil
}

// Addrs returns where the operators listen.
func (s *simulators) Addrs() (out []net.Addr) {
	for _, smsc := range s.smscs {
		out = append(out, smsc.Addr())
	}
	return out
}

// Bound implements soakOperators: what the operator with the fewest sessions has.
func (s *simulators) Bound() int {
	least := 0
	for i, smsc := range s.smscs {
		if n := smsc.Stats().Sessions; i == 0 || n < least {
			least = n
		}
	}
	return least
}

// Where implements soakOperators: it is called after Begin.
func (s *simulators) Where() string {
	var all []string
	for _, addr := range s.Addrs() {
		all = append(all, addr.String())
	}
	return strings.Join(all, ", ")
}

// Break implements soakOperators.
func (s *simulators) Break(f *soakFault) error {
	set, err := f.settings(s.usual)
	if err != nil {
		return err
	}
	for _, smsc := range s.smscs {
		err = errors.Join(err, smsc.Set(set))
		if f.Fault == faultCut || f.Fault == faultAway {
			smsc.Disconnect("")
		}
	}
	return err
}

// Mend implements soakOperators.
func (s *simulators) Mend(*soakFault) error {
	var err error
	for _, smsc := range s.smscs {
		err = errors.Join(err, smsc.Set(s.usual))
	}
	return err
}

// settings returns those of an operator that has the fault.
func (f *soakFault) settings(usual Settings) (Settings, error) {
	s := usual
	switch f.Fault {
	case faultCut:
	case faultAway:
		s.Listener = ListenerClosed
	case faultThrottle:
		s.Throttled, s.Errors, s.Silent = 1, 0, 0
	case faultSlow:
		s.Latency = Delay{Mean: f.Latency.or(2 * time.Second), Spread: SpreadUniform}
	case faultReceipts:
		s.Receipts.Delay = Delay{Mean: f.Delay.or(2 * time.Duration(f.For)), Spread: SpreadUniform}
	default:
		return s, fmt.Errorf("an operator has no fault %q", f.Fault)
	}
	return s, nil
}

// Counts implements soakOperators.
func (s *simulators) Counts() map[string]uint64 {
	if s.counts != nil {
		return s.counts
	}
	sum := map[string]uint64{}
	for _, smsc := range s.smscs {
		t := smsc.Stats()
		addCounts(sum, &t)
	}
	return sum
}

// addCounts adds what one simulator has counted.
func addCounts(sum map[string]uint64, t *SMSCStats) {
	for name, n := range map[string]uint64{"binds": t.Binds, "submits": t.Submits, "answered": t.Answered, "receipts_due": t.ReceiptsDue,
		"receipts_sent": t.ReceiptsSent, "receipts_acked": t.ReceiptsAcked, "receipts_retried": t.ReceiptsRetried, "receipts_refused": t.ReceiptsRefused} {
		sum[name] += n
	}
	for status, n := range t.ByStatus {
		sum["answered "+status] += n
	}
}

// End implements soakOperators. A second time it does nothing.
func (s *simulators) End(ctx context.Context) error {
	var err error
	s.counts = s.Counts()
	for _, smsc := range s.smscs {
		err = errors.Join(err, smsc.Close(ctx))
	}
	s.smscs = nil
	return err
}
