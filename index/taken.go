package index

import (
	"encoding/binary"
	"hash/maphash"
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
	ReceiptRule                     sms.ReceiptRule
	Segments, Attempt               int
	Segment, Of                     int // of a message that was submitted in several: which it is, 1-based, and how many there are
	Accepted, Sent                  time.Time
	Group                           sms.ID
}

// message returns what is known of the message.
func (t *Taken) message() sms.Message {
	return sms.Message{ID: t.ID, Account: t.Account, Integration: t.Integration, Reference: t.Reference, Lane: t.Lane,
		WantReceipt: t.WantReceipt, Source: t.Source, Destination: t.Destination, Segments: t.Segments, Accepted: t.Accepted, Group: t.Group, ReceiptRule: t.ReceiptRule}
}

const (
	// takenChunk and takenChunks bound what is remembered of messages that were taken: 32 MB, some 300,000 messages of about 100
	// octets, and half as much again for the table of where they are. A busy gateway's receipts come within half a minute
	// mostly, and the store's answer costs ten times as much.
	takenChunk  = 1 << chunkBits
	takenChunks = 128
	chunkBits   = 18

	takenHeader = 8 + 2 // hash of the key, length of what follows
)

// takenRing holds messages by their carrier's id, encoded one behind the other in chunks, of which the oldest is used again. It has
// no pointers, so that collecting garbage does not walk through it.
type takenRing struct {
	seed   maphash.Seed
	places map[uint64]uint32 // by the hash of carrier and id: the chunk's number and the offset in it
	chunks [][]byte
	last   int // the chunk that is written
	buf    []byte
}

func newTakenRing() *takenRing {
	return &takenRing{seed: maphash.MakeSeed(), places: map[uint64]uint32{}}
}

func (r *takenRing) hash(carrier, id string) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	_, _ = h.WriteString(carrier)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(id)
	return h.Sum64()
}

// put remembers a message; one that the carrier gave the same id before is forgotten.
func (r *takenRing) put(carrier, id string, t *Taken) {
	key := r.hash(carrier, id)
	r.buf = binary.LittleEndian.AppendUint64(r.buf[:0], key)
	r.buf = appendTaken(append(r.buf, 0, 0), carrier, id, t)
	size := len(r.buf) - takenHeader
	if size > takenChunk/64 { // nothing that a carrier or customer may say makes it so long
		return
	}
	binary.LittleEndian.PutUint16(r.buf[8:], uint16(size))
	if len(r.chunks) == 0 || len(r.chunks[r.last])+len(r.buf) > takenChunk {
		r.turn()
	}
	chunk := r.chunks[r.last]
	r.places[key] = uint32(r.last)<<chunkBits | uint32(len(chunk))
	r.chunks[r.last] = append(chunk, r.buf...)
}

// turn goes on with an empty chunk.
func (r *takenRing) turn() {
	if len(r.chunks) < takenChunks {
		r.chunks = append(r.chunks, make([]byte, 0, takenChunk))
		r.last = len(r.chunks) - 1
		return
	}
	r.last = (r.last + 1) % takenChunks
	chunk := r.chunks[r.last]
	for at := 0; at < len(chunk); {
		key := binary.LittleEndian.Uint64(chunk[at:])
		if r.places[key] == uint32(r.last)<<chunkBits|uint32(at) {
			delete(r.places, key)
		}
		at += takenHeader + int(binary.LittleEndian.Uint16(chunk[at+8:]))
	}
	r.chunks[r.last] = chunk[:0]
}

// get returns what is remembered under a carrier's id, and the key by which to forget it.
func (r *takenRing) get(carrier, id string) (t *Taken, key uint64) {
	key = r.hash(carrier, id)
	place, ok := r.places[key]
	if !ok {
		return nil, 0
	}
	entry := r.chunks[place>>chunkBits][place&(takenChunk-1):]
	return parseTaken(entry[takenHeader:takenHeader+int(binary.LittleEndian.Uint16(entry[8:]))], carrier, id), key
}

func (r *takenRing) forget(key uint64) { delete(r.places, key) }

func appendTaken(b []byte, carrier, id string, t *Taken) []byte {
	b = append(append(b, t.ID[:]...), t.Group[:]...)
	b = append(b, byte(t.Lane), byte(t.WantReceipt), byte(t.Source.Kind), byte(t.Destination.Kind), byte(t.ReceiptRule))
	for _, at := range [...]time.Time{t.Accepted, t.Sent} {
		nanos := int64(0)
		if !at.IsZero() {
			nanos = at.UnixNano()
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(nanos))
	}
	for _, n := range [...]int{t.Segments, t.Attempt, t.Segment, t.Of} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	texts := [...]string{carrier, id, t.Account, t.Integration, t.Reference, t.Source.Value, t.Destination.Value}
	for _, s := range texts {
		b = binary.AppendUvarint(b, uint64(len(s)))
	}
	for _, s := range texts {
		b = append(b, s...)
	}
	return b
}

// parseTaken reads what appendTaken wrote; nil when it is of another carrier or id, whose hash is the same.
func parseTaken(b []byte, carrier, id string) *Taken {
	t := new(Taken)
	b = b[copy(t.ID[:], b):]
	b = b[copy(t.Group[:], b):]
	t.Lane, t.WantReceipt, t.Source.Kind, t.Destination.Kind = sms.Lane(b[0]), sms.ReceiptWish(b[1]), sms.AddressKind(b[2]), sms.AddressKind(b[3])
	t.ReceiptRule = sms.ReceiptRule(b[4])
	b = b[5:]
	for _, at := range [...]*time.Time{&t.Accepted, &t.Sent} {
		if nanos := int64(binary.LittleEndian.Uint64(b)); nanos != 0 {
			*at = time.Unix(0, nanos).UTC()
		}
		b = b[8:]
	}
	number := func() int {
		v, n := binary.Uvarint(b)
		b = b[n:]
		return int(v)
	}
	t.Segments, t.Attempt, t.Segment, t.Of = number(), number(), number(), number()
	var sizes [7]int
	for i := range sizes {
		sizes[i] = number()
	}
	if sizes[0] != len(carrier) || sizes[1] != len(id) || string(b[:sizes[0]]) != carrier || string(b[sizes[0]:sizes[0]+sizes[1]]) != id {
		return nil
	}
	rest := string(b[sizes[0]+sizes[1]:]) // they share an allocation
	text := func(i int) string {
		s := rest[:sizes[i]]
		rest = rest[sizes[i]:]
		return s
	}
	t.Account, t.Integration, t.Reference = text(2), text(3), text(4)
	t.Source.Value, t.Destination.Value = text(5), text(6)
	return t
}
