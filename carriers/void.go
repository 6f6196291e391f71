package carriers

import "tasman/streams"

// leaveOutVoid marks the records that are to be skipped because whoever wrote them had lost its lease before they were stored:
// the message goes, or went, another way. The fence that says so was read from this queue before.
func (w *worker) leaveOutVoid(ob *openBatch, b *streams.Batch) {
	w.index.Fence(b)
	for i := range ob.records {
		if d := ob.records[i].Dispatch; d != nil && w.index.Void(b.Subject, d.Lease, b.Seq) {
			ob.skip[i] = true
		}
	}
}
