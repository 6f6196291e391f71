package reporting

import (
	"context"
	"strings"

	"tasman/sms"
)

// commit is what one transaction writes. It does not change, so a transaction that failed is repeated from it.
type commit struct {
	entries   []*entry
	events    []event
	mos       []mo
	positions map[*stream]position
}

// volume is what a bucket of volumes counts.
type volume struct {
	messages, segments int64
}

// plan is what a commit does to the tables as they are.
type plan struct {
	insert, update []*row
	volumes        map[volumeKey]volume
}

// changes compares the entries with the rows that the table has and returns the difference.
func (c *commit) changes(existing map[sms.ID]*row) plan {
	p := plan{volumes: map[volumeKey]volume{}}
	for _, e := range c.entries {
		old := existing[e.row.id]
		if old == nil {
			p.insert = append(p.insert, &e.row)
			p.count(&e.row, 1)
			continue
		}
		whole := *old
		whole.merge(&e.row)
		if whole != *old {
			p.update = append(p.update, &whole)
			p.count(old, -1)
			p.count(&whole, 1)
		}
	}
	return p
}

func (p *plan) count(r *row, sign int64) {
	key := r.volume()
	v := p.volumes[key]
	v.messages += sign
	v.segments += sign * r.billed()
	if v == (volume{}) {
		delete(p.volumes, key)
		return
	}
	p.volumes[key] = v
}

// suspects returns the ids of entries of which the table may have a row: all of them when careful.
func (c *commit) suspects(careful bool) []sms.ID {
	var ids []sms.ID
	for _, e := range c.entries {
		if careful || e.replay || !e.fresh {
			ids = append(ids, e.row.id)
		}
	}
	return ids
}

// caution says how a commit is written.
type caution struct {
	careful bool // the table may have any of its rows: all are looked up
	insert  bool // not by LOAD DATA
}

// apply writes the commit within a transaction.
func (s *session) apply(ctx context.Context, st *statements, cell string, c *commit, with caution) (plan, error) {
	existing, err := s.rows(ctx, c.suspects(with.careful))
	if err != nil {
		return plan{}, err
	}
	p := c.changes(existing)
	steps := []func() error{
		func() error { return s.write(ctx, adding, st.insert, p.insert, with) },
		func() error { return s.write(ctx, replacing, st.update, p.update, with) },
		func() error {
			return s.insert(ctx, st.events, len(c.events), func(i int, a []any) []any { return c.events[i].bind(a) })
		},
		func() error {
			return s.insert(ctx, st.mos, len(c.mos), func(i int, a []any) []any { return c.mos[i].bind(a) })
		},
		func() error { return s.applyVolumes(ctx, st.volumes, p.volumes) },
		func() error { return s.applyPositions(ctx, st.positions, cell, c.positions) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return plan{}, err
		}
	}
	return p, nil
}

// write writes rows of messages: by LOAD DATA if there are enough of them, else by st.
func (s *session) write(ctx context.Context, how loads, st *statement, rows []*row, with caution) error {
	if len(rows) >= loadFrom && !with.insert && !with.careful {
		return s.load(ctx, how, rows)
	}
	return s.insert(ctx, st, len(rows), func(i int, a []any) []any { return rows[i].bind(a) })
}

// idsPerStatement is how many rows are looked up at once.
const idsPerStatement = 500

// rows reads the rows of messages with the given ids.
func (s *session) rows(ctx context.Context, ids []sms.ID) (map[sms.ID]*row, error) {
	existing := make(map[sms.ID]*row, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), idsPerStatement)
		if err := s.rowsOf(ctx, ids[:n], existing); err != nil {
			return nil, err
		}
		ids = ids[n:]
	}
	return existing, nil
}

func (s *session) rowsOf(ctx context.Context, ids []sms.ID, into map[sms.ID]*row) (err error) {
	s.args = s.args[:0]
	for _, id := range ids {
		s.args = append(s.args, id.String())
	}
	rows, err := s.conn.QueryContext(ctx, "SELECT "+strings.Join(messageColumns, ", ")+" FROM messages WHERE id IN (?"+
		strings.Repeat(",?", len(ids)-1)+")", s.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r := new(row)
		if err := r.scan(rows); err != nil {
			return err
		}
		into[r.id] = r
	}
	return rows.Err()
}

func (s *session) applyVolumes(ctx context.Context, st *statement, volumes map[volumeKey]volume) error {
	keys := make([]volumeKey, 0, len(volumes))
	for k := range volumes {
		keys = append(keys, k)
	}
	return s.insert(ctx, st, len(keys), func(i int, args []any) []any {
		k, v := keys[i], volumes[keys[i]]
		return append(args, k.hour.time(), k.account, k.integration, k.country, k.carrier, k.status, v.messages, v.segments)
	})
}

func (s *session) applyPositions(ctx context.Context, st *statement, cell string, positions map[*stream]position) error {
	moved := make([]*stream, 0, len(positions))
	for s := range positions {
		moved = append(moved, s)
	}
	return s.insert(ctx, st, len(moved), func(i int, args []any) []any {
		p := positions[moved[i]]
		return append(args, cell, moved[i].name, moved[i].created, p.low, p.high)
	})
}
