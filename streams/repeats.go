package streams

// Repeats says of the batches of a durable, asked in the order in which its reader begins them, which may have been worked before.
type Repeats struct {
	// Before is the sequence up to which an earlier reader may have worked batches. What came of that is known.
	Before uint64

	begun uint64 // the highest that this reader has begun
}

// Of reports whether b may have been worked before, and whether it may be so short a time ago that what came of it is not known yet:
// by this reader itself, whose acknowledgement was lost, or by another since it began. Then a barrier tells.
func (r *Repeats) Of(b *Batch) (repeated, lately bool) {
	repeated = b.Delivered > 1 || b.Seq <= r.Before
	lately = repeated && (b.Seq > r.Before || b.Seq <= r.begun)
	r.begun = max(r.begun, b.Seq)
	return repeated, lately
}
