package bench

import (
	"fmt"
	"sync"
	"sync/atomic"

	"tasman/smpp"
)

// SMSCStats is what a simulator has counted since its start.
type SMSCStats struct {
	Sessions        int               `json:"sessions"` // bound now
	Binds           uint64            `json:"binds"`
	BindsRefused    uint64            `json:"binds_refused"` // by RefuseBinds
	Submits         uint64            `json:"submits"`
	Answered        uint64            `json:"answered"`
	ByStatus        map[string]uint64 `json:"by_status"` // of Answered, by the text of the command_status
	Silent          uint64            `json:"silent"`    // left without an answer on purpose
	Cut             uint64            `json:"cut"`       // sessions ended on purpose
	ReceiptsDue     uint64            `json:"receipts_due"`
	ReceiptsSent    uint64            `json:"receipts_sent"` // deliver_sm handed to a session, repeats and retries included
	ReceiptsAcked   uint64            `json:"receipts_acked"`
	ReceiptsRetried uint64            `json:"receipts_retried"` // refused for the time being, or of unknown fate
	ReceiptsRefused uint64            `json:"receipts_refused"` // for good
	MOsSent         uint64            `json:"mos_sent"`
	MOsAcked        uint64            `json:"mos_acked"`
	Owed            int64             `json:"owed"`              // deliver_sm that are not settled yet
	Distinct        uint64            `json:"distinct_markers"`  // with Verify
	Repeated        uint64            `json:"repeated_markers"`  // with Verify
	Unmarked        uint64            `json:"unmarked_messages"` // with Verify
	Reordered       uint64            `json:"reordered_markers"` // with Verify: lower than an earlier one of the same destination
	Unwatched       uint64            `json:"unwatched_markers"` // with Verify: of destinations beyond those that are watched for order
}

// counters are the counts as they grow.
type counters struct {
	sessions, owed                                    atomic.Int64
	binds, bindsRefused, submits, silent, cut         atomic.Uint64
	due, sent, acked, retried, refused, mos, mosAcked atomic.Uint64
	unmarked                                          atomic.Uint64
	byStatus                                          [statusRange]atomic.Uint64
	otherStatus                                       sync.Map // smpp.Status -> *atomic.Uint64, beyond statusRange
}

// statusRange is where the statuses of SMPP end; vendors' are above.
const statusRange = 0x120

func (c *counters) answered(st smpp.Status) {
	if st < statusRange {
		c.byStatus[st].Add(1)
		return
	}
	n, _ := c.otherStatus.LoadOrStore(st, new(atomic.Uint64))
	n.(*atomic.Uint64).Add(1)
}

// Stats returns the counts so far. Its parts are read one after the other, so they may be a message apart.
func (s *SMSC) Stats() SMSCStats {
	c := &s.count
	out := SMSCStats{
		Sessions: int(c.sessions.Load()), Binds: c.binds.Load(), BindsRefused: c.bindsRefused.Load(), Submits: c.submits.Load(), Silent: c.silent.Load(),
		Cut: c.cut.Load(), ReceiptsDue: c.due.Load(), ReceiptsSent: c.sent.Load(), ReceiptsAcked: c.acked.Load(),
		ReceiptsRetried: c.retried.Load(), ReceiptsRefused: c.refused.Load(), MOsSent: c.mos.Load(), MOsAcked: c.mosAcked.Load(),
		Owed: c.owed.Load(), Unmarked: c.unmarked.Load(), ByStatus: make(map[string]uint64),
	}
	out.Distinct, out.Repeated = s.markers.counts()
	out.Reordered, out.Unwatched = s.sequence.counts()
	add := func(st smpp.Status, n uint64) {
		if n > 0 {
			out.ByStatus[st.String()] = n
			out.Answered += n
		}
	}
	for st := range c.byStatus {
		add(smpp.Status(st), c.byStatus[st].Load())
	}
	c.otherStatus.Range(func(st, n any) bool {
		add(st.(smpp.Status), n.(*atomic.Uint64).Load())
		return true
	})
	return out
}

// add adds the counts of another simulator.
func (t *SMSCStats) add(o SMSCStats) {
	t.Sessions += o.Sessions
	t.Owed += o.Owed
	for _, c := range [...]struct {
		to *uint64
		n  uint64
	}{
		{&t.Binds, o.Binds}, {&t.BindsRefused, o.BindsRefused}, {&t.Submits, o.Submits}, {&t.Answered, o.Answered}, {&t.Silent, o.Silent},
		{&t.Cut, o.Cut}, {&t.ReceiptsDue, o.ReceiptsDue}, {&t.ReceiptsSent, o.ReceiptsSent}, {&t.ReceiptsAcked, o.ReceiptsAcked},
		{&t.ReceiptsRetried, o.ReceiptsRetried}, {&t.ReceiptsRefused, o.ReceiptsRefused}, {&t.MOsSent, o.MOsSent}, {&t.MOsAcked, o.MOsAcked},
		{&t.Distinct, o.Distinct}, {&t.Repeated, o.Repeated}, {&t.Unmarked, o.Unmarked}, {&t.Reordered, o.Reordered}, {&t.Unwatched, o.Unwatched},
	} {
		*c.to += c.n
	}
	for st, n := range o.ByStatus {
		t.ByStatus[st] += n
	}
}

// line is the progress of a second.
func (t SMSCStats) line(before SMSCStats) string {
	s := fmt.Sprintf("sessions %d  submits %d (%d/s)  answered %d  receipts sent %d (%d/s) acked %d  owed %d",
		t.Sessions, t.Submits, t.Submits-before.Submits, t.Answered, t.ReceiptsSent, t.ReceiptsSent-before.ReceiptsSent, t.ReceiptsAcked, t.Owed)
	if t.Distinct > 0 {
		s += fmt.Sprintf("  distinct %d repeated %d", t.Distinct, t.Repeated)
	}
	return s
}
