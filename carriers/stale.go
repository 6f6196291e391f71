package carriers

import "tasman/sms"

// skipContradicted leaves out those records of a batch that somebody wrote who did not own a carrier any more: a node that was
// cut off may store, when it is back, that a message goes on to its next attempt, while the next owner had the operator take
// the attempt before. Only records of later attempts can be of that kind, so this costs the usual one nothing.
func (w *worker) skipContradicted(ob *openBatch) error {
	for i := range ob.records {
		rec := &ob.records[i]
		if rec.Dispatch.Attempt == 1 {
			continue
		}
		p, err := w.index.Progress(rec.Message.ID)
		if err != nil {
			return err
		}
		// Of several segments an event may tell of one alone.
		taken := p.State == sms.StateEnroute && p.Done >= rec.Dispatch.Attempt-1 && rec.Message.Segments <= 1
		ob.skip[i] = ob.skip[i] || p.Final || taken
	}
	return nil
}
