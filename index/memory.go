package index

import (
	"sync"
	"time"

	"tasman/sms"
)

// Taken is what a matcher remembers of a message that a carrier has just taken, so that a receipt which comes soon needs
// no look into the store.
type Taken struct {
	ID                              sms.ID
	Account, Integration, Reference string
	Lane                            sms.Lane
	WantReceipt                     sms.ReceiptWish
	Source, Destination             sms.Address
	Segments, Attempt               int
	Accepted, Sent                  time.Time
}

// message returns what is known of the message.
func (t *Taken) message() sms.Message {
	return sms.Message{ID: t.ID, Account: t.Account, Integration: t.Integration, Reference: t.Reference, Lane: t.Lane,
		WantReceipt: t.WantReceipt, Source: t.Source, Destination: t.Destination, Segments: t.Segments, Accepted: t.Accepted}
}

// generation bounds what a matcher remembers: at most two generations of so many entries, about 300 octets each.
const generation = 32_768

// memory remembers what was taken and what ended lately, by the exact id; beyond its bound, and for other forms of an id,
// the store has to answer.
type memory struct {
	mu    sync.Mutex
	taken [2]map[takenKey]*Taken  // the younger first
	ended [2]map[sms.ID]sms.State // final states on their way into the store
}

func newMemory() *memory {
	m := &memory{}
	for i := range m.taken {
		m.taken[i], m.ended[i] = map[takenKey]*Taken{}, map[sms.ID]sms.State{}
	}
	return m
}

// takenKey is a message as its carrier knows it.
type takenKey struct{ carrier, id string }

// remember keeps a taken message.
func (m *memory) remember(carrier, id string, t *Taken) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.taken[0]) >= generation {
		m.taken[1], m.taken[0] = m.taken[0], make(map[takenKey]*Taken, generation)
	}
	m.taken[0][takenKey{carrier, id}] = t
}

// end takes a remembered message out that the receipt may be about, since its final receipt is here: of two receipts only
// one finds it.
func (m *memory) end(carrier, id string, state sms.State, plausible func(*Taken) bool) *Taken {
	key := takenKey{carrier, id}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range m.taken {
		if t := g[key]; t != nil && plausible(t) {
			delete(g, key)
			m.setEnded(t.ID, state)
			return t
		}
	}
	return nil
}

// undo forgets an end that could not be stored.
func (m *memory) undo(carrier, id string, t *Taken) {
	m.remember(carrier, id, t)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range m.ended {
		delete(g, t.ID)
	}
}

func (m *memory) setEnded(id sms.ID, state sms.State) {
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
