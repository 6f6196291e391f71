package reporting

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"tasman/sms"
)

// ErrNotFound is returned when there is no message with the id.
var ErrNotFound = errors.New("no such message in the reporting tables")

// Reader answers questions from the tables. It is safe for concurrent use.
type Reader struct {
	db *sqlx.DB
}

// OpenReader returns a reader for the database. It does not connect yet.
func OpenReader(dsn string) (*Reader, error) {
	db, err := open(dsn, 4)
	if err != nil {
		return nil, err
	}
	return &Reader{sqlx.NewDb(db, "mysql")}, nil
}

// Close ends the reader's connections.
func (q *Reader) Close() error { return q.db.Close() }

// Message is a row of messages. Times are UTC, nil where a stage was not reached or not seen.
type Message struct {
	ID                string     `db:"id" json:"id"`
	Account           string     `db:"account" json:"account"`
	Integration       string     `db:"integration" json:"integration"`
	Door              string     `db:"door" json:"door"`
	Lane              string     `db:"lane" json:"lane"`
	Country           string     `db:"country" json:"country"` // ISO 3166, "ZZ" for none
	Source            string     `db:"source" json:"from"`
	Destination       string     `db:"destination" json:"to"`
	Encoding          string     `db:"encoding" json:"encoding"`
	Segments          int        `db:"billed" json:"segments"`
	Reference         string     `db:"reference" json:"reference,omitempty"`
	Carrier           string     `db:"carrier" json:"carrier,omitempty"`
	CarrierMessageID  string     `db:"carrier_message_id" json:"carrier_message_id,omitempty"` // of the first segment
	Attempts          int        `db:"attempts" json:"attempts"`
	PossibleDuplicate bool       `db:"possible_duplicate" json:"possible_duplicate,omitempty"`
	State             string     `db:"state" json:"state"`
	Status            Status     `db:"status" json:"status"`
	Error             string     `db:"error" json:"error,omitempty"`
	CommandStatus     uint32     `db:"command_status" json:"command_status,omitempty"`
	Accepted          *time.Time `db:"accepted_at" json:"accepted_at,omitempty"`
	Routed            *time.Time `db:"routed_at" json:"routed_at,omitempty"`
	Held              *time.Time `db:"held_at" json:"held_at,omitempty"`
	Submitted         *time.Time `db:"submitted_at" json:"submitted_at,omitempty"`
	Sent              *time.Time `db:"sent_at" json:"sent_at,omitempty"`
	Final             *time.Time `db:"final_at" json:"final_at,omitempty"`
	Done              *time.Time `db:"done_at" json:"done_at,omitempty"` // by the carrier's clock
	Events            []Event    `db:"-" json:"events,omitempty"`        // of Message only: what is off the happy path, by time
}

// Event is a row of events.
type Event struct {
	Kind          string    `db:"kind" json:"kind"` // as sms.EventKind prints
	At            time.Time `db:"at" json:"at"`
	Node          string    `db:"node" json:"node"`
	Carrier       string    `db:"carrier" json:"carrier,omitempty"`
	Link          string    `db:"link" json:"link,omitempty"`
	Attempt       int       `db:"attempt" json:"attempt,omitempty"`
	Segment       int       `db:"segment" json:"segment,omitempty"`
	State         string    `db:"state" json:"state,omitempty"`
	CommandStatus uint32    `db:"command_status" json:"command_status,omitempty"`
	Error         string    `db:"error" json:"error,omitempty"`
	Reason        string    `db:"reason" json:"reason,omitempty"`
}

const messageFields = "id, account, integration, door, lane, country, source, destination, encoding, IF(segments > 0, segments, told_segments) AS billed, " +
	"reference, carrier, carrier_message_id, attempts, possible_duplicate, state, status, error, command_status, accepted_at, routed_at, held_at, " +
	"submitted_at, sent_at, final_at, done_at"

// Filter chooses messages. Zero fields choose all.
type Filter struct {
	Account     string
	Status      Status
	Destination string    // as it is printed: "+64211234567"
	From, To    time.Time // of acceptance, to the millisecond; To is not included
	Before      sms.ID    // for the next page: the last id of the one before
	Limit       int       // at most 1,000; 0 means 100
}

// maxMessages bounds one answer.
const maxMessages = 1_000

// Messages returns the messages that fit a filter, newest first, without their events.
func (q *Reader) Messages(ctx context.Context, f Filter) ([]Message, error) {
	where, args := conditions{}, []any{}
	where.add(&args, f.Account != "", "account = ?", f.Account)
	where.add(&args, f.Status != "", "status = ?", string(f.Status))
	where.add(&args, f.Destination != "", "destination = ?", f.Destination)
	where.add(&args, !f.From.IsZero(), "id >= ?", sms.IDAt(f.From).String())
	where.add(&args, !f.To.IsZero(), "id < ?", sms.IDAt(f.To).String())
	where.add(&args, !f.Before.IsZero(), "id < ?", f.Before.String())
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	args = append(args, min(limit, maxMessages))
	found := []Message{}
	err := q.db.SelectContext(ctx, &found, "SELECT "+messageFields+" FROM messages"+where.String()+" ORDER BY id DESC LIMIT ?", args...)
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	return found, nil
}

// Message returns a message with its events. Its error is ErrNotFound for an id that is not in the tables.
func (q *Reader) Message(ctx context.Context, id sms.ID) (Message, error) {
	var m Message
	err := q.db.GetContext(ctx, &m, "SELECT "+messageFields+" FROM messages WHERE id = ?", id.String())
	if errors.Is(err, sql.ErrNoRows) {
		return m, ErrNotFound
	}
	if err != nil {
		return m, fmt.Errorf("message: %w", err)
	}
	err = q.db.SelectContext(ctx, &m.Events, "SELECT kind, at, node, carrier, link, attempt, segment, state, command_status, error, reason "+
		"FROM events WHERE id = ? ORDER BY at, digest", id.String())
	if err != nil {
		return m, fmt.Errorf("events of a message: %w", err)
	}
	return m, nil
}

// conditions are the terms of a WHERE clause.
type conditions []string

func (c *conditions) add(args *[]any, wanted bool, term string, arg any) {
	if wanted {
		*c, *args = append(*c, term), append(*args, arg)
	}
}

// String returns the clause with a space before it, or "".
func (c conditions) String() string {
	if len(c) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c, " AND ")
}
