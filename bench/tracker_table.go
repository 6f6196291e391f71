package bench

// settledBit marks the value of a message that has its receipt.
const settledBit = 1

// idTable is a hash table of one purpose: keys are hashes already, nothing is ever deleted, and the garbage collector has
// nothing to look at. Key 0 is a free place.
type idTable struct {
	keys   []uint64
	values []int64
	used   int
}

const idTableStart = 1 << 10

// put adds or replaces a value.
func (t *idTable) put(key uint64, value int64) {
	if t.used*4 >= len(t.keys)*3 {
		t.grow()
	}
	i := t.place(key)
	if t.keys[i] == 0 {
		t.keys[i] = key
		t.used++
	}
	t.values[i] = value
}

// get returns where the value of a key is, nil when there is none. It is valid until the next put.
func (t *idTable) get(key uint64) *int64 {
	if t.used == 0 {
		return nil
	}
	if i := t.place(key); t.keys[i] == key {
		return &t.values[i]
	}
	return nil
}

// place returns where key is, or the free place where it belongs.
func (t *idTable) place(key uint64) int {
	mask := len(t.keys) - 1
	i := int(key) & mask
	for t.keys[i] != 0 && t.keys[i] != key {
		i = (i + 1) & mask
	}
	return i
}

func (t *idTable) grow() {
	old := *t
	size := max(2*len(old.keys), idTableStart)
	t.keys, t.values = make([]uint64, size), make([]int64, size)
	for i, key := range old.keys {
		if key != 0 {
			j := t.place(key)
			t.keys[j], t.values[j] = key, old.values[i]
		}
	}
}
