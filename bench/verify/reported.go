package verify

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"tasman/reporting"
	"tasman/smpp"
	"tasman/sms"
)

// Database tells the join what the reporting database of a Tasman says of the messages accepted from from on and before to.
// It may be asked again later, since the gateway reports some seconds after the fact.
func (j *Join) Database(ctx context.Context, dsn string, from, to time.Time) (err error) {
	q, err := reporting.OpenReader(dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	j.strangers = 0
	return q.States(ctx, from, to, func(r reporting.StateRow) error {
		id := r.ID.String()
		if r.Withdrawn {
			return nil // refused towards the customer: the load does not know the id
		}
		j.Reported(id, wireState(r.State), r.PossibleDuplicate)
		return nil
	})
}

// DatabaseMarks tells the join only which messages the database marks as possible duplicates.
func (j *Join) DatabaseMarks(ctx context.Context, dsn string, from, to time.Time) (err error) {
	q, err := reporting.OpenReader(dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	return q.PossibleDuplicates(ctx, from, to, func(r reporting.StateRow) error {
		j.Marked(r.ID.String())
		return nil
	})
}

// wireState returns a state of ours as SMPP numbers it: the names are the same. What has none yet is accepted.
func wireState(s sms.State) smpp.MessageState {
	if wire, ok := StateNamed(s.String()); ok {
		return wire
	}
	return smpp.StateAccepted
}

// File tells the join what another gateway reports: lines of id,state or id,state,duplicate in the form of CSV, with or
// without a heading. A state is a name of SMPP (delivered, expired ...) or the word of a receipt (DELIVRD, EXPIRED ...);
// duplicate is true, yes or 1 for a message that may have been submitted twice. Errors name the line.
func (j *Join) File(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reported: %w", err)
	}
	defer f.Close()
	if err := j.CSV(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// CSV reads what File describes from r.
func (j *Join) CSV(r io.Reader) error {
	lines := csv.NewReader(bufio.NewReaderSize(r, 1<<16))
	lines.FieldsPerRecord, lines.ReuseRecord, lines.Comment, lines.TrimLeadingSpace = -1, true, '#', true
	for first := true; ; first = false {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err // names the line
		}
		line, _ := lines.FieldPos(0)
		if len(record) != 2 && len(record) != 3 {
			return fmt.Errorf("line %d: %d fields, want id,state or id,state,duplicate", line, len(record))
		}
		if first && strings.EqualFold(record[0], "id") {
			continue
		}
		state, ok := StateNamed(strings.TrimSpace(record[1]))
		if !ok {
			return fmt.Errorf("line %d: state %q is not one of SMPP: delivered, expired, deleted, undeliverable, accepted, enroute, unknown, "+
				"rejected, or the short word of a receipt such as DELIVRD", line, record[1])
		}
		duplicate := false
		if len(record) == 3 {
			switch strings.ToLower(strings.TrimSpace(record[2])) {
			case "true", "yes", "1":
				duplicate = true
			case "false", "no", "0", "":
			default:
				return fmt.Errorf("line %d: duplicate is %q, want true or false", line, record[2])
			}
		}
		j.Reported(record[0], state, duplicate)
	}
}
