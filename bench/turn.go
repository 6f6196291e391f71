package bench

// turnRun is how many PDUs in a row go to one session: those written together share a write and a read.
const turnRun = 16

// turn goes round several sessions, a run at each.
type turn struct{ place, run int }

// at returns whose turn it is among n.
func (t *turn) at(n int) int {
	t.place %= n
	return t.place
}

// used counts a PDU; at the end of the run the turn passes.
func (t *turn) used() {
	if t.run++; t.run >= turnRun {
		t.pass()
	}
}

// pass gives the turn to the next.
func (t *turn) pass() { t.place, t.run = t.place+1, 0 }
