package bench

import (
	"tasman/bench/journal"
)

// openJournal begins the journal of a --journal flag: role is journal.RoleLoad or journal.RoleSimulator. An empty path gives
// nil, and nothing is written down. The format and its reader are in package journal, which bench/verify reads too.
func openJournal(path, role, name string) (*journal.Writer, error) {
	if path == "" {
		return nil, nil
	}
	return journal.Create(path, role, name)
}
