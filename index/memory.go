package index

import (
	"sync"

	"tasman/sms"
)

// generation bounds what a matcher remembers of messages that ended: at most two generations of so many.
const generation = 65_536

// memory remembers what was taken and what ended lately, by the exact id; beyond its bound, and for other forms of an id,
// the store has to answer.
type memory struct {
	mu    sync.Mutex
	taken *takenRing
	ended [2]map[sms.ID]sms.State // final states on their way into the store, the younger first
}

func newMemory() *memory {
	return &memory{taken: newTakenRing(), ended: [2]map[sms.ID]sms.State{{}, {}}}
}

// remember keeps a taken message.
func (m *memory) remember(carrier, id string, t *Taken) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken.put(carrier, id, t)
}

// end takes a remembered message out that the receipt may be about, since its final receipt is here: of two receipts only
// one finds it. nil when there is none. One of several segments stays, as more receipts are to come: see longs.
func (m *memory) end(carrier, id string, state sms.State, plausible func(*Taken) bool) *Taken {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, key := m.taken.get(carrier, id)
	if t == nil || !plausible(t) {
		return nil
	}
	if t.Of > 1 {
		return t
	}
	m.taken.forget(key)
	m.setEndedLocked(t.ID, state)
	return t
}

// undo forgets an end that could not be stored.
func (m *memory) undo(carrier, id string, t *Taken) {
	m.remember(carrier, id, t)
	m.reopen(t.ID)
}

// reopen forgets that a message ended.
func (m *memory) reopen(id sms.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range m.ended {
		delete(g, id)
	}
}

// setEnded notes that the final receipt of a message is on its way into the store.
func (m *memory) setEnded(id sms.ID, state sms.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.setEndedLocked(id, state)
}

func (m *memory) setEndedLocked(id sms.ID, state sms.State) {
	if len(m.ended[0]) >= generation {
		m.ended[1], m.ended[0] = m.ended[0], make(map[sms.ID]sms.State, generation)
	}
	m.ended[0][id] = state
}

// endOf returns the state in which a message ended lately, StateNone when it did not.
func (m *memory) endOf(id sms.ID) sms.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range m.ended {
		if s, ok := g[id]; ok {
			return s
		}
	}
	return sms.StateNone
}
