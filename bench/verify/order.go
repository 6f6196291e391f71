package verify

// order watches that the messages of one destination reach the operators in the order of their markers.
type order struct {
	last  map[uint64]uint64 // destination -> highest marker received
	limit int               // destinations; 0: any number
	left  uint64            // messages of destinations beyond the limit
}

func newOrder(limit int) order { return order{last: make(map[uint64]uint64), limit: limit} }

// see takes the next message and returns the highest marker that came before it for its destination.
func (o *order) see(marker, destination uint64) (before uint64, ok bool) {
	before, ok = o.last[destination]
	if !ok && o.limit > 0 && len(o.last) >= o.limit {
		o.left++
		return 0, false
	}
	if !ok || marker > before {
		o.last[destination] = marker
	}
	return before, ok
}

// inOrder returns what is to be noted about the order of a message that is received for the first time.
//
// Two messages have an order only when the first was accepted before the second was sent: what travels at the same time
// may arrive either way. It is enough to compare with the highest marker that came before, since of all those it was sent
// last.
func (j *Join) inOrder(p *page, i int, marker, destination uint64) fact {
	before, ok := j.order.see(marker, destination)
	if !ok || marker >= before {
		return 0
	}
	other, k := j.at(before)
	if other == nil {
		return 0 // forgotten: when it was sent is not known any more
	}
	if p.answered[i] == 0 || other.intended[k] == 0 || p.answered[i] >= other.intended[k] {
		return 0
	}
	if p.facts[i].has(retried) || other.facts[k].has(retried) || other.facts[k].has(receivedAgain) {
		return reordered | excused
	}
	return reordered
}
