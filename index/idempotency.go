package index

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"tasman/sms"
)

// KeyEntry is what was accepted under an idempotency key.
type KeyEntry struct {
	IDs   []sms.ID  // in the order of the request; all are there only when there are Count of them
	Hash  []byte    // of the request's body
	Count int       // messages of the request
	At    time.Time // when the first of them was accepted
}

// keepKeys is how long an idempotency key counts (DESIGN.md section 4; MT keeps records as long for a rebuild).
const keepKeys = 24 * time.Hour

// keyedMessage is one message of a request: an entry of the key's set.
type keyedMessage struct {
	id       sms.ID
	index    int
	count    int
	accepted time.Time
	hash     []byte
	refused  bool // withdrawn before it was routed
}

func (w *writer) idempotency(m *sms.Message) error {
	if m.Key == "" {
		return nil
	}
	accepted := m.Accepted
	if accepted.IsZero() {
		accepted = m.ID.Time()
	}
	entry := append([]byte(nil), m.ID[:]...)
	entry = binary.AppendUvarint(entry, uint64(max(m.KeyIndex, 0)))
	entry = binary.AppendUvarint(entry, uint64(max(m.KeyCount, 1)))
	entry = binary.AppendVarint(entry, accepted.UnixNano())
	day := dayOf(m.ID.Time())
	return w.dated(day, dayKey(w.key[:0], prefixKey, day, m.Account, m.Key), append(entry, m.KeyHash...))
}

func parseKeyed(entry []byte) (keyedMessage, error) {
	var k keyedMessage
	if len(entry) < len(k.id) {
		return k, errEntries
	}
	k.id = sms.ID(entry[:16])
	rest := entry[16:]
	index, n := binary.Uvarint(rest)
	count, n2 := binary.Uvarint(rest[max(n, 0):])
	at, n3 := binary.Varint(rest[max(n, 0)+max(n2, 0):])
	if n <= 0 || n2 <= 0 || n3 <= 0 {
		return k, errEntries
	}
	k.index, k.count, k.accepted = int(index), int(count), time.Unix(0, at).UTC()
	k.hash = slices.Clone(rest[n+n2+n3:])
	return k, nil
}

// Key returns what was accepted under an idempotency key of an account within the last 24 hours. A request all of whose
// messages were withdrawn before they were routed was refused in the end: its key is free again. Where a key was
// accepted twice (two edges that could not ask), the first complete request counts.
func (x *Index) Key(account, key string) (KeyEntry, bool, error) {
	if err := x.enter(); err != nil {
		return KeyEntry{}, false, err
	}
	defer x.leave()
	messages, err := x.keyed(account, key)
	if err != nil || len(messages) == 0 {
		return KeyEntry{}, false, err
	}
	if err := x.markRefused(messages); err != nil {
		return KeyEntry{}, false, err
	}
	var best KeyEntry
	for _, request := range requestsOf(messages) {
		if best.Count == 0 || better(request, best) {
			best = request
		}
	}
	return best, best.Count > 0, nil
}

func better(a, b KeyEntry) bool {
	if complete := len(a.IDs) == a.Count; complete != (len(b.IDs) == b.Count) {
		return complete
	}
	return a.At.Before(b.At)
}

func (x *Index) keyed(account, key string) ([]keyedMessage, error) {
	var out []keyedMessage
	oldest := x.now().Add(-keepKeys)
	err := x.perDay(prefixKey, func(day uint16) []byte {
		return dayKey(nil, prefixKey, day, account, key)
	}, func(value []byte) (bool, error) {
		return true, eachEntry(value, func(entry []byte) error {
			k, err := parseKeyed(entry)
			if err == nil && !k.accepted.Before(oldest) {
				out = append(out, k)
			}
			return err
		})
	})
	return out, err
}

// requestsOf groups messages into requests: those of one body. Of two for one place the first that was not refused is
// taken, and a request that was refused whole is left out.
func requestsOf(messages []keyedMessage) []KeyEntry {
	slices.SortFunc(messages, func(a, b keyedMessage) int {
		if c := bytes.Compare(a.hash, b.hash); c != 0 {
			return c
		}
		if a.count != b.count {
			return a.count - b.count
		}
		if a.index != b.index {
			return a.index - b.index
		}
		if a.refused != b.refused {
			return compareBools(a.refused, b.refused)
		}
		return compareIDs(a.id, b.id)
	})
	var out []KeyEntry
	last := keyedMessage{count: -1}
	standing := 0 // messages of the last request that were not refused
	for _, k := range messages {
		same := last.count == k.count && bytes.Equal(last.hash, k.hash)
		if same && last.index == k.index {
			continue
		}
		if !same {
			out = dropRefused(out, standing)
			out, standing = append(out, KeyEntry{Hash: k.hash, Count: k.count, At: k.accepted}), 0
		}
		e := &out[len(out)-1]
		e.IDs = append(e.IDs, k.id)
		if k.accepted.Before(e.At) {
			e.At = k.accepted
		}
		if !k.refused {
			standing++
		}
		last = k
	}
	return dropRefused(out, standing)
}

func dropRefused(requests []KeyEntry, standing int) []KeyEntry {
	if standing == 0 && len(requests) > 0 {
		return requests[:len(requests)-1]
	}
	return requests
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// markRefused marks what was withdrawn before it was routed, and what ended since another message was there for it.
func (x *Index) markRefused(messages []keyedMessage) error {
	twice := slices.ContainsFunc(messages, func(k keyedMessage) bool { return k.index == messages[0].index && k.id != messages[0].id })
	if !twice && !x.AnyWithdrawn() {
		return nil
	}
	for i := range messages {
		p, err := x.progress(messages[i].id)
		if err != nil {
			return err
		}
		messages[i].refused = p.Repeated || p.Withdrawn && p.Queued == 0 && p.Done == 0
	}
	return nil
}

// Accepted are the messages that were accepted under an idempotency key of an account, by their place in their request.
type Accepted struct {
	index  *Index
	places map[place][]sms.ID
}

// place is one of the messages of a request with this body.
type place struct {
	hash         string
	index, count int
}

// AcceptedUnder returns what was accepted under a key, but for the last moment, which the index does not know yet.
func (x *Index) AcceptedUnder(account, key string) (*Accepted, error) {
	if err := x.enter(); err != nil {
		return nil, err
	}
	defer x.leave()
	messages, err := x.keyed(account, key)
	if err != nil {
		return nil, err
	}
	a := &Accepted{x, make(map[place][]sms.ID, len(messages))}
	for _, k := range messages {
		at := place{string(k.hash), k.index, k.count}
		a.places[at] = append(a.places[at], k.id)
	}
	return a, nil
}

// Rival returns another message than m that was accepted for its place and is on its way already; false when there is none.
func (a *Accepted) Rival(m *sms.Message) (rival sms.ID, ok bool, err error) {
	for _, id := range a.places[place{string(m.KeyHash), max(m.KeyIndex, 0), max(m.KeyCount, 1)}] {
		if id == m.ID {
			continue
		}
		p, err := a.index.Progress(id)
		if err != nil {
			return sms.ID{}, false, err
		}
		if p.Queued > 0 || p.Held || p.Done > 0 && !p.Repeated {
			return id, true, nil
		}
	}
	return sms.ID{}, false, nil
}
