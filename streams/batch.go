package streams

import (
	"fmt"
	"time"

	"tasman/sms"
)

// Batch is one JetStream message: records that were stored together. The marker of a barrier is a batch without records.
type Batch struct {
	Stream    string
	Subject   string
	Seq       uint64    // in the stream, growing, with gaps
	Delivered int       // 1 for the first time; always 1 from Tail
	Stored    time.Time // by the server's clock
	Size      int       // octets as they are stored, packed; 0 but from Tail and Skim
	// Records are shared with other readers of the process: nobody changes them, nor what they point to.
	Records []sms.Record
	// Fences are stamps of leases, in a batch without records: records of the batch's subject with one of these stamps do not
	// count when they are stored behind it. Skim does not tell them.
	Fences []uint64

	decoded *decoded // keeps the records for those readers
	skimmed *skimmed // of Skim alone
	from    answerer // nil from Tail
	reply   string
}

// answerer is the reader that a batch came from: it hears what became of it.
type answerer interface {
	answer(b *Batch, word string) error
}

// ackWord tells the server that a batch is done.
const ackWord = "+ACK"

// Age returns how long ago the batch was stored.
func (b *Batch) Age() time.Duration { return time.Since(b.Stored) }

// Ack tells the server that all that came of the batch is stored, so that it does not come again. When the node or the server dies
// soon after, another reader may get it again all the same; this one does not. An error means that the server was not told.
func (b *Batch) Ack() error { return b.answer(ackWord) }

// Nak gives the batch back, to be delivered again after delay, by this consumer or another of the same durable. One from a Queue
// comes to the next reader of it.
func (b *Batch) Nak(delay time.Duration) error {
	if delay <= 0 {
		return b.answer("-NAK")
	}
	return b.answer(fmt.Sprintf(`-NAK {"delay":%d}`, delay.Nanoseconds()))
}

func (b *Batch) answer(word string) error {
	if b.from == nil {
		return nil
	}
	return b.from.answer(b, word)
}
