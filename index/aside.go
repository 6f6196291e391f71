package index

import "github.com/cockroachdb/pebble/v2"

// aside keeps the look-up keys of a commit apart from the messages' facts until all of these are in the batch. The store
// puts keys of a batch into its table one after the other and is much faster when neighbours follow each other.
type aside struct {
	kinds []asideKind // by first byte of the key; few
}

type asideKind struct {
	prefix byte
	bytes  []byte
	ends   []int // of key and value in bytes, in turn; a key without merge has -1 as the end of its value
}

func (a *aside) of(prefix byte) *asideKind {
	for i := range a.kinds {
		if a.kinds[i].prefix == prefix {
			return &a.kinds[i]
		}
	}
	a.kinds = append(a.kinds, asideKind{prefix: prefix})
	return &a.kinds[len(a.kinds)-1]
}

// merge remembers that value is to be merged into key.
func (a *aside) merge(key, value []byte) {
	k := a.of(key[0])
	k.bytes = append(k.bytes, key...)
	k.ends = append(k.ends, len(k.bytes))
	k.bytes = append(k.bytes, value...)
	k.ends = append(k.ends, len(k.bytes))
}

// set remembers that key is to be there, without a value.
func (a *aside) set(key []byte) {
	k := a.of(key[0])
	k.bytes = append(k.bytes, key...)
	k.ends = append(k.ends, len(k.bytes), -1)
}

// clear forgets what a commit that failed has left.
func (a *aside) clear() {
	for i := range a.kinds {
		a.kinds[i].bytes, a.kinds[i].ends = a.kinds[i].bytes[:0], a.kinds[i].ends[:0]
	}
}

// flush puts all of it into the batch, kind by kind.
func (a *aside) flush(b *pebble.Batch) error {
	for i := range a.kinds {
		if err := a.kinds[i].flush(b); err != nil {
			return err
		}
	}
	return nil
}

func (k *asideKind) flush(b *pebble.Batch) error {
	begin := 0
	for i := 0; i < len(k.ends); i += 2 {
		key, end := k.bytes[begin:k.ends[i]], k.ends[i+1]
		var err error
		if end < 0 {
			err, end = b.Set(key, nil, nil), k.ends[i]
		} else {
			err = b.Merge(key, k.bytes[k.ends[i]:end], nil)
		}
		if err != nil {
			return err
		}
		begin = end
	}
	k.bytes, k.ends = k.bytes[:0], k.ends[:0]
	return nil
}
