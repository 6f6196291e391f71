package verify

import (
	"maps"
	"slices"

	"tasman/bench/results"
)

// moFact is one thing known about a message from a handset; its facts are a set.
type moFact uint8

const (
	moSent      moFact = 1 << iota // the gateway took it from an operator
	moTwice                        // the operator sent it more than once, since an answer did not come
	moCame                         // the customer has it
	moCameAgain                    // and once more
)

// mos are the messages from handsets by their markers: an octet for each, in pages.
type mos map[uint64]*[pageSize]moFact

// add puts a fact to the message of a marker; that it came a second time is another fact.
func (m mos) add(marker uint64, f moFact) {
	p := m[marker/pageSize]
	if p == nil {
		p = new([pageSize]moFact)
		m[marker/pageSize] = p
	}
	at := &p[marker%pageSize]
	if f == moCame && *at&moCame != 0 {
		f = moCameAgain
	}
	*at |= f
}

// MOSent says that the gateway took a message from a handset; twice: after it had been sent before without an answer, so that
// the gateway may have it two times.
func (j *Join) MOSent(marker uint64, twice bool) {
	f := moSent
	if twice {
		f |= moTwice
	}
	j.mos.add(marker, f)
}

// MOReceived says that the customer got a message from a handset.
func (j *Join) MOReceived(marker uint64) { j.mos.add(marker, moCame) }

// count adds the messages from handsets to a tally.
func (m mos) count(t *tally) {
	v := &t.Verification
	add := func(n *uint64, kind string, marker uint64) {
		*n++
		if kind != "" {
			t.example(kind, marker)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(m)) { // examples are the first ones, and the same ones each time
		for i, f := range m[n] {
			if f == 0 {
				continue
			}
			marker := n*pageSize + uint64(i)
			if f&moSent != 0 {
				add(&v.MOsSent, "", marker)
			}
			if f&moCame != 0 {
				add(&v.MOsReceived, "", marker)
			}
			switch {
			case f&moCame == 0:
				add(&v.MOsLost, "mos_lost", marker)
			case f&moSent == 0:
				add(&v.MOsUnknown, "", marker)
			}
			switch {
			case f&moCameAgain == 0:
			case f&moTwice != 0:
				add(&v.MOsRepeated, "", marker)
			default:
				add(&v.MOsDuplicated, "mos_duplicated", marker)
			}
		}
	}
}

// moLines are the rows of the table about messages from handsets. Only expected ones fail.
func moLines(v *results.Verification) []line {
	return []line{
		{n: v.MOsSent, what: "MOs taken from an operator", rare: true},
		{n: v.MOsReceived, what: "MOs that came", rare: true},
		{n: v.MOsLost, what: "MOs lost", kind: "mos_lost", bad: v.MOsExpected, rare: true},
		{n: v.MOsDuplicated, what: "MOs twice", kind: "mos_duplicated", bad: v.MOsExpected, rare: true},
		{n: v.MOsRepeated, what: "MOs twice that the operator sent twice: allowed", rare: true},
		{n: v.MOsUnknown, what: "MOs that no operator's journal has", rare: true},
	}
}
