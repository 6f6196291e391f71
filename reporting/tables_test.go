package reporting

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
	"tasman/streams"
)

// tables is what the database holds, each row as one line of text.
type tables struct{ Messages, Events, MOs, Volumes []string }

func dump(t testing.TB, dsn string) tables {
	t.Helper()
	return tables{
		Messages: lines(t, dsn, "SELECT "+strings.Join(messageColumns, ", ")+" FROM messages ORDER BY id"),
		Events: lines(t, dsn, "SELECT id, digest, kind, at, node, account, carrier, link, attempt, segment, state, command_status, error, reason "+
			"FROM events ORDER BY id, digest"),
		MOs:     lines(t, dsn, "SELECT * FROM mos ORDER BY id"),
		Volumes: lines(t, dsn, "SELECT * FROM volumes WHERE messages <> 0 OR segments <> 0 ORDER BY 1, 2, 3, 4, 5, 6"),
	}
}

func lines(t testing.TB, dsn, query string) []string {
	t.Helper()
	q, err := OpenReader(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	rows, err := q.db.QueryxContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				values[i] = string(b)
			}
		}
		all = append(all, fmt.Sprint(values))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func execSQL(t testing.TB, dsn, query string, args ...any) {
	t.Helper()
	q, err := OpenReader(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if _, err := q.db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// asides is how many different rows of events and MOs the records make.
func asides(all []placed) (events, mos int) {
	type key struct {
		id     sms.ID
		digest uint64
	}
	lands, seen := newCountries(), map[key]bool{}
	for i := range all {
		var f fact
		f.read(&streams.Batch{Subject: all[i].subject}, &all[i].rec, lands, streams.IsHeld(all[i].subject), false)
		if k := (key{f.event.id, f.event.digest}); f.event.kind != sms.EventNone && !seen[k] {
			seen[k] = true
			events++
		}
		if k := (key{f.mo.id, 0}); !f.mo.id.IsZero() && !seen[k] {
			seen[k] = true
			mos++
		}
	}
	return events, mos
}

// expected folds the records without a database: what the tables must hold in the end.
func expected(all []placed) (map[sms.ID]*row, map[volumeKey]volume) {
	lands := newCountries()
	rows := map[sms.ID]*row{}
	for i := range all {
		var f fact
		f.read(&streams.Batch{Subject: all[i].subject}, &all[i].rec, lands, streams.IsHeld(all[i].subject), false)
		if f.row.id.IsZero() {
			continue
		}
		if rows[f.row.id] == nil {
			rows[f.row.id] = &row{}
		}
		rows[f.row.id].merge(&f.row)
	}
	p := plan{volumes: map[volumeKey]volume{}}
	for _, r := range rows {
		p.count(r, 1)
	}
	return rows, p.volumes
}

// messageRows reads the table as rows.
func messageRows(t testing.TB, dsn string) map[sms.ID]*row {
	t.Helper()
	q, err := OpenReader(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	rows, err := q.db.QueryContext(t.Context(), "SELECT "+strings.Join(messageColumns, ", ")+" FROM messages")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[sms.ID]*row{}
	for rows.Next() {
		r := &row{}
		if err := r.scan(rows); err != nil {
			t.Fatal(err)
		}
		all[r.id] = r
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// mustHold compares the tables with what the records say.
func mustHold(t testing.TB, dsn string, all []placed) tables {
	t.Helper()
	rows, volumes := expected(all)
	got := dump(t, dsn)
	if d := cmp.Diff(rows, messageRows(t, dsn), cmp.AllowUnexported(row{}, ranked{}, outcome{})); d != "" {
		t.Errorf("messages differ (-want +got):\n%s", d)
	}
	if events, mos := asides(all); len(got.Events) != events || len(got.MOs) != mos {
		t.Errorf("%d events and %d MOs, want %d and %d", len(got.Events), len(got.MOs), events, mos)
	}
	var want []string
	for k, v := range volumes {
		want = append(want, fmt.Sprint([]any{k.hour.time(), k.account, k.integration, k.country, k.carrier, k.status, v.messages, v.segments}))
	}
	slices.Sort(want)
	if d := cmp.Diff(want, slices.Sorted(slices.Values(got.Volumes))); d != "" {
		t.Errorf("volumes differ (-want +got):\n%s", d)
	}
	return got
}
