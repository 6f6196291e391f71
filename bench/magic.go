package bench

import (
	"fmt"
	"hash/maphash"
	"strings"
	"sync"

	"tasman/smpp"
)

// verdict is what a simulator does with one submit_sm.
type verdict struct {
	status   smpp.Status // of the answer
	silent   bool        // no answer, and no receipt
	cut      bool        // the session ends instead of an answer
	late     bool        // the answer comes after LateBy
	early    bool        // the receipt comes before the answer
	receipts int         // how many times the receipt comes
	state    smpp.MessageState
	echo     bool // the handset replies with the same text

	reply          string   // the handset replies so
	errCode        string   // err of the receipt; empty: by its state
	latency, delay *sampler // of answer and receipt, instead of the settings'
	intermediate   bool     // an intermediate notification comes half-way
	mistake        mistake  // in the receipt's id
}

// mistake is what is wrong with the id of a receipt.
type mistake uint8

const (
	noMistake mistake = iota
	wrongID           // of the message before
	unknownID         // nobody was given it
)

func mistakeOf(wrong, unknown bool) mistake {
	switch {
	case wrong:
		return wrongID
	case unknown:
		return unknownID
	}
	return noMistake
}

// id returns the id that the receipt of the n-th message carries.
func (m mistake) id(n uint64) uint64 {
	switch m {
	case wrongID:
		return n - 1
	case unknownID:
		return n | 1<<62
	}
	return n
}

// delivered is what happens unless something else is asked for.
var delivered = verdict{receipts: 1, state: smpp.StateDelivered}

// magicRule is what a destination with a certain ending brings about.
type magicRule struct {
	what    string // for people
	once    bool   // the same message goes through when it comes again
	verdict verdict
}

// magicFirst is the ending of the first of magicRules; each next one has the next number.
const magicFirst = 9001

// magicRules is the only list of magic destinations: help, simulator and tests read it, and a test holds README.md to it.
var magicRules = [...]magicRule{
	{what: "receipt: undeliverable", verdict: verdict{receipts: 1, state: smpp.StateUndeliverable}},
	{what: "receipt: expired", verdict: verdict{receipts: 1, state: smpp.StateExpired}},
	{what: "refused: ESME_RINVDSTADR", verdict: verdict{status: smpp.StatusInvalidDestination}},
	{what: "refused once: ESME_RTHROTTLED, then delivered", once: true, verdict: verdict{status: smpp.StatusThrottled}},
	{what: "refused once: ESME_RSYSERR, then delivered", once: true, verdict: verdict{status: smpp.StatusSystemError}},
	{what: "no answer, no receipt", verdict: verdict{silent: true}},
	{what: "late answer; the receipt comes before it", verdict: verdict{late: true, receipts: 1, state: smpp.StateDelivered}},
	{what: "receipt just before the answer", verdict: verdict{early: true, receipts: 1, state: smpp.StateDelivered}},
	{what: "receipt twice", verdict: verdict{receipts: 2, state: smpp.StateDelivered}},
	{what: "no receipt", verdict: verdict{state: smpp.StateDelivered}},
	{what: "session cut once instead of an answer, then delivered", once: true, verdict: verdict{cut: true}},
	{what: "delivered, and the handset replies with the same text", verdict: verdict{receipts: 1, state: smpp.StateDelivered, echo: true}},
}

// magicOf returns the rule of a destination. Only numbers of seven digits or more have one, so short codes have none.
func magicOf(destination string) (*magicRule, bool) {
	const shortest = 7
	if len(destination) < shortest {
		return nil, false
	}
	ending := 0
	for _, c := range []byte(destination[len(destination)-4:]) {
		if c < '0' || c > '9' {
			return nil, false
		}
		ending = ending*10 + int(c-'0')
	}
	if ending < magicFirst || ending >= magicFirst+len(magicRules) {
		return nil, false
	}
	return &magicRules[ending-magicFirst], true
}

// magicHelp lists the rules for --help.
func magicHelp() string {
	var b strings.Builder
	b.WriteString("The last four digits of a destination can choose what happens to the message:\n\n")
	for i, r := range magicRules {
		fmt.Fprintf(&b, "  ...%d  %s\n", magicFirst+i, r.what)
	}
	return b.String()
}

// onceLimit bounds how many messages a firstTimes remembers; beyond it forgets all, and some fail twice.
const onceLimit = 100_000

// firstTimes tells the first coming of a message from the second, which forgets it again.
type firstTimes struct {
	seed maphash.Seed
	mu   sync.Mutex
	seen map[uint64]struct{}
}

func newFirstTimes() *firstTimes {
	return &firstTimes{seed: maphash.MakeSeed(), seen: make(map[uint64]struct{})}
}

// first reports whether this destination and payload come for the first time, the third time, and so on.
func (f *firstTimes) first(m *smpp.SubmitSM) bool {
	var h maphash.Hash
	h.SetSeed(f.seed)
	h.WriteString(m.Destination.Addr)
	h.WriteByte(0)
	h.Write(m.Payload())
	key := h.Sum64()
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.seen[key]; ok {
		delete(f.seen, key)
		return false
	}
	if len(f.seen) >= onceLimit {
		clear(f.seen)
	}
	f.seen[key] = struct{}{}
	return true
}
