package reporting

import (
	"errors"
	"testing"
	"time"

	"tasman/reporting/mariadb"
	"tasman/sms"
)

func TestQueries(t *testing.T) {
	dsn := mariadb.ForTest(t)
	all := stories(160)
	source := newFakeSource()
	source.fill(all, nil)
	start(t, Config{DSN: dsn}, source)
	caughtUp(t, source)
	q, err := OpenReader(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	t.Run("pages", func(t *testing.T) { testPages(t, q) })
	t.Run("filters", func(t *testing.T) { testFilters(t, q) })
	t.Run("message", func(t *testing.T) { testMessage(t, q, all) })
	t.Run("volumes", func(t *testing.T) { testVolumes(t, q) })
}

func testPages(t *testing.T, q *Reader) {
	seen, last := map[string]bool{}, ""
	for f := (Filter{Limit: 30}); ; {
		page, err := q.Messages(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, m := range page {
			if seen[m.ID] || last != "" && m.ID >= last {
				t.Fatalf("%s comes again or out of order", m.ID)
			}
			seen[m.ID], last = true, m.ID
		}
		if f.Before, err = sms.ParseID(last); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 160 {
		t.Errorf("pages hold %d messages", len(seen))
	}
}

func testFilters(t *testing.T, q *Reader) {
	base := time.Now().UTC().Truncate(time.Hour).Add(-90 * time.Minute)
	for _, c := range []struct {
		label  string
		filter Filter
		want   int
	}{
		{"account", Filter{Account: "account-1", Limit: 500}, 40},
		{"status", Filter{Status: NoRoute, Limit: 500}, 20},
		{"destination", Filter{Destination: "+6140000001"}, 1},
		{"destination of nobody", Filter{Destination: "+1"}, 0},
		{"from and to", Filter{From: base.Add(10 * time.Millisecond), To: base.Add(20 * time.Millisecond)}, 10},
		{"all of them", Filter{Account: "account-1", Status: Delivered, From: base, To: base.Add(8 * time.Millisecond)}, 1},
		{"usual limit", Filter{}, 100},
	} {
		got, err := q.Messages(t.Context(), c.filter)
		if err != nil {
			t.Fatalf("%s: %v", c.label, err)
		}
		if len(got) != c.want {
			t.Errorf("%s: %d messages, want %d", c.label, len(got), c.want)
		}
	}
}

func testMessage(t *testing.T, q *Reader, all []placed) {
	for _, p := range all {
		if p.rec.Message == nil || p.rec.Message.Reference != "ref 3" {
			continue
		}
		m, err := q.Message(t.Context(), p.rec.Message.ID)
		if err != nil {
			t.Fatal(err)
		}
		if m.Status != Undeliverable || m.Carrier != "two" || m.Attempts != 2 || m.Error != "021" || !m.PossibleDuplicate || m.Segments != 1 ||
			m.Sent == nil || !m.Sent.Equal(p.rec.Message.Accepted.Add(9*time.Millisecond)) || m.Country != "NZ" || m.Source != "Tasman é" {
			t.Errorf("message = %+v", m)
		}
		var kinds []string
		for _, e := range m.Events {
			kinds = append(kinds, e.Kind)
		}
		if len(kinds) != 2 {
			t.Errorf("events = %v, want a failover and the receipt", kinds)
		}
		break
	}
	if _, err := q.Message(t.Context(), sms.NewIDs(nil).Next()); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown id: %v", err)
	}
}

func testVolumes(t *testing.T, q *Reader) {
	total := func(v VolumeQuery) (groups int, messages int64) {
		t.Helper()
		got, err := q.Volumes(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range got {
			messages += g.Messages
		}
		return len(got), messages
	}
	hour := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
	for _, c := range []struct {
		label    string
		query    VolumeQuery
		groups   int
		messages int64
	}{
		{"total", VolumeQuery{}, 1, 160},
		{"by account and status", VolumeQuery{By: []Dimension{ByAccount, ByStatus}}, 8, 160},
		{"by hour", VolumeQuery{By: []Dimension{ByHour}}, 1, 160},
		{"by day and country", VolumeQuery{By: []Dimension{ByDay, ByCountry}}, 3, 160},
		{"of one account", VolumeQuery{Account: "account-2", By: []Dimension{ByIntegration, ByCarrier}}, 2, 40},
		{"within bounds", VolumeQuery{From: hour, To: hour.Add(time.Hour)}, 1, 160},
		{"out of bounds", VolumeQuery{To: hour}, 1, 0},
	} {
		groups, messages := total(c.query)
		if groups != c.groups || messages != c.messages {
			t.Errorf("%s: %d groups with %d messages, want %d with %d", c.label, groups, messages, c.groups, c.messages)
		}
	}
	if _, err := q.Volumes(t.Context(), VolumeQuery{By: []Dimension{"1; DROP TABLE volumes"}}); err == nil {
		t.Error("a dimension that there is not was taken")
	}
}

func TestBadDataSourceName(t *testing.T) {
	for _, dsn := range []string{"", "user:secret@host/", "user:secret@tcp(host:3306)", "user:secret@tcp(host:3306)/"} {
		_, err := New(Config{DSN: dsn}, newFakeSource(), quiet(), nil)
		if err == nil {
			t.Errorf("%q was taken", dsn)
		}
	}
}
