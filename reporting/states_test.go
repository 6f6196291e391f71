package reporting

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tasman/reporting/mariadb"
	"tasman/sms"
)

// TestStates reads more rows than a page has, some of them from before and after the time asked for.
func TestStates(t *testing.T) {
	dsn := mariadb.ForTest(t)
	if err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	q, err := OpenReader(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	from := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	const n = 2*statePage + 17
	insertStates(t, q, from.Add(-time.Millisecond), n+2)
	seen, last := 0, sms.ID{}
	err = q.States(t.Context(), from, from.Add(n*time.Millisecond), func(r StateRow) error {
		if r.ID.String() <= last.String() {
			return fmt.Errorf("%s does not follow %s", r.ID, last)
		}
		i := int(r.ID.Time().Sub(from) / time.Millisecond)
		if want := (StateRow{ID: r.ID, State: sms.State(1 + (i+1)%8), PossibleDuplicate: (i+1)%5 == 0, Withdrawn: (i+1)%7 == 0}); r != want {
			return fmt.Errorf("row %d is %+v, want %+v", i, r, want)
		}
		seen, last = seen+1, r.ID
		return nil
	})
	if err != nil || seen != n {
		t.Errorf("%d rows, %v; want %d", seen, err, n)
	}
	marked := 0
	err = q.PossibleDuplicates(t.Context(), from, from.Add(n*time.Millisecond), func(r StateRow) error {
		marked++
		if !r.PossibleDuplicate {
			return fmt.Errorf("%s is no possible duplicate", r.ID)
		}
		return nil
	})
	if err != nil || marked != n/5 {
		t.Errorf("%d possible duplicates, %v; want %d", marked, err, n/5)
	}
	stop := errors.New("enough")
	if err := q.States(t.Context(), from, from.Add(time.Hour), func(StateRow) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v, want the error of the callback", err)
	}
}

// insertStates writes n bare rows, a millisecond apart.
func insertStates(t *testing.T, q *Reader, first time.Time, n int) {
	t.Helper()
	const chunk = 500
	for at := 0; at < n; at += chunk {
		var values []string
		var args []any
		for i := at; i < min(n, at+chunk); i++ {
			values = append(values, "(?,'','','','','ZZ','','','',0,0,'','',0,'',0,1,?,?,?,'',0,'',0)")
			args = append(args, sms.IDAt(first.Add(time.Duration(i)*time.Millisecond)).String(), i%5 == 0, i%7 == 0, sms.State(1+i%8).String())
		}
		_, err := q.db.ExecContext(t.Context(), "INSERT INTO messages (id, account, integration, door, lane, country, source, destination, encoding, "+
			"segments, told_segments, reference, carrier, carrier_rank, carrier_message_id, carrier_id_rank, attempts, possible_duplicate, withdrawn, "+
			"state, status, by_carrier, error, command_status) VALUES "+strings.Join(values, ","), args...)
		if err != nil {
			t.Fatal(err)
		}
	}
}
