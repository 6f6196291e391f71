package reporting

import (
	"context"
	"fmt"
	"time"

	"tasman/sms"
)

// statePage is how many states are read with one query: a query that runs for minutes would keep the server from cleaning
// up behind the rows that are written meanwhile.
const statePage = 20_000

// StateRow is what the tables say about the end of one message.
type StateRow struct {
	ID                sms.ID
	State             sms.State // StateAccepted or StateEnroute while it is open
	PossibleDuplicate bool
	Withdrawn         bool // the customer was told that it was not accepted
}

// States calls each with the state of every message whose id is of a moment from from on and before to, in the order of the
// ids, and never holds more than a page of them. It ends with the first error of each, which it returns, or of the database.
func (q *Reader) States(ctx context.Context, from, to time.Time, each func(StateRow) error) error {
	return q.states(ctx, from, to, "", each)
}

// PossibleDuplicates is States of only those messages that may have been submitted to a carrier twice.
func (q *Reader) PossibleDuplicates(ctx context.Context, from, to time.Time, each func(StateRow) error) error {
	return q.states(ctx, from, to, " AND possible_duplicate", each)
}

// states is States of the rows for which also, another condition, holds.
func (q *Reader) states(ctx context.Context, from, to time.Time, also string, each func(StateRow) error) error {
	after, end := sms.IDAt(from), sms.IDAt(to)
	for than := ">="; ; than = ">" { // only the bound itself may be the first id
		n, last, err := q.statePage(ctx, "id "+than+" ? AND id < ?"+also, []any{after.String(), end.String(), statePage}, each)
		if err != nil {
			return err
		}
		if n < statePage {
			return nil
		}
		after = last
	}
}

// statePage reads the rows of one query, and returns how many there were and the last one's id.
func (q *Reader) statePage(ctx context.Context, where string, args []any, each func(StateRow) error) (n int, last sms.ID, err error) {
	rows, err := q.db.QueryContext(ctx, "SELECT id, state, possible_duplicate, withdrawn FROM messages WHERE "+where+" ORDER BY id LIMIT ?", args...)
	if err != nil {
		return 0, last, fmt.Errorf("states: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r StateRow
		var id, state string
		if err := rows.Scan(&id, &state, &r.PossibleDuplicate, &r.Withdrawn); err != nil {
			return n, last, fmt.Errorf("states: %w", err)
		}
		if r.ID, err = sms.ParseID(id); err != nil {
			return n, last, fmt.Errorf("states: id %q: %w", id, err)
		}
		if err := r.State.UnmarshalText([]byte(state)); err != nil {
			return n, last, fmt.Errorf("states: %s: %w", id, err)
		}
		if err := each(r); err != nil {
			return n, last, err
		}
		n, last = n+1, r.ID
	}
	if err := rows.Err(); err != nil {
		return n, last, fmt.Errorf("states: %w", err)
	}
	return n, last, nil
}
