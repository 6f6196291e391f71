package index

import (
	"hash/maphash"
	"sync"

	"tasman/sms"
)

// notedSlots bounds what is remembered: 3 MB. At 10,000 messages a second and four facts each it covers three seconds
// between a write-through and the tail; a fact that fell out is only written once more.
const notedSlots = 1 << 17

// noted remembers facts that were written lately, so that the tail need not write them again. Being in it is a promise
// that the fact was committed; not being in it says nothing.
type noted struct {
	mu    sync.Mutex
	seed  maphash.Seed
	slots []notedFact
}

// notedFact names a fact by its message and a hash of its bytes: a false match needs two facts of the same message.
type notedFact struct {
	id   sms.ID
	hash uint64
}

func (n *noted) name(id sms.ID, fact []byte) notedFact {
	n.mu.Lock()
	if n.slots == nil {
		n.seed, n.slots = maphash.MakeSeed(), make([]notedFact, notedSlots)
	}
	seed := n.seed
	n.mu.Unlock()
	return notedFact{id, maphash.Bytes(seed, fact)}
}

func (n *noted) has(f notedFact) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.slots[f.hash%notedSlots] == f
}

func (n *noted) add(facts []notedFact) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range facts {
		n.slots[f.hash%notedSlots] = f
	}
}

// forget empties it, for facts that were deleted.
func (n *noted) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.slots)
}
