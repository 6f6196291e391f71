package reporting

import (
	"database/sql"

	"tasman/sms"
)

// messageColumns are the columns of messages in the order of bind, write and scan.
var messageColumns = []string{"id", "account", "integration", "door", "lane", "country", "source", "destination", "encoding", "segments",
	"told_segments", "reference", "carrier", "carrier_rank", "carrier_message_id", "carrier_id_rank", "attempts", "possible_duplicate",
	"withdrawn", "state", "status", "by_carrier", "error", "command_status", "accepted_at", "routed_at", "rerouted_at", "held_at",
	"submitted_at", "sent_at", "final_at", "done_at"}

// bind appends the row's values.
func (r *row) bind(args []any) []any {
	return append(args, r.id.String(), r.account, r.integration, r.door, r.lane.String(), r.countryOrNone(), r.source, r.destination,
		encodingName(r.encoding), r.segments, r.told, r.reference, r.carrier.word, r.carrier.rank, r.carrierID.word, r.carrierID.rank,
		r.attempts, r.duplicate, r.withdrawn, r.end.state.String(), string(r.status()), r.end.byCarrier, r.end.error, r.end.commandStatus,
		r.accepted.value(), r.routed.value(), r.rerouted.value(), r.held.value(), r.submitted.value(), r.sent.value(), r.end.at.value(),
		r.end.done.value())
}

// write writes the row's values, the same as bind's, for LOAD DATA.
func (r *row) write(l *line) {
	l.text(r.id.String(), r.account, r.integration, r.door, r.lane.String(), r.countryOrNone(), r.source, r.destination, encodingName(r.encoding))
	l.numbers(uint32(r.segments), uint32(r.told))
	l.text(r.reference, r.carrier.word)
	l.numbers(r.carrier.rank)
	l.text(r.carrierID.word)
	l.numbers(r.carrierID.rank, uint32(r.attempts))
	l.flags(r.duplicate, r.withdrawn)
	l.text(r.end.state.String(), string(r.status()))
	l.flags(r.end.byCarrier)
	l.text(r.end.error)
	l.numbers(r.end.commandStatus)
	l.times(r.accepted, r.routed, r.rerouted, r.held, r.submitted, r.sent, r.end.at, r.end.done)
}

// scan reads a row that bind or write wrote: what it returns is the same row.
func (r *row) scan(rows *sql.Rows) error {
	var id, lane, encoding, state, status string
	var at [8]sql.NullTime
	err := rows.Scan(&id, &r.account, &r.integration, &r.door, &lane, &r.country, &r.source, &r.destination, &encoding, &r.segments,
		&r.told, &r.reference, &r.carrier.word, &r.carrier.rank, &r.carrierID.word, &r.carrierID.rank, &r.attempts, &r.duplicate,
		&r.withdrawn, &state, &status, &r.end.byCarrier, &r.end.error, &r.end.commandStatus, &at[0], &at[1], &at[2], &at[3], &at[4],
		&at[5], &at[6], &at[7])
	if err != nil {
		return err
	}
	if r.id, err = sms.ParseID(id); err != nil {
		return err
	}
	if err := r.lane.UnmarshalText([]byte(lane)); err != nil {
		return err
	}
	if err := r.end.state.UnmarshalText([]byte(state)); err != nil {
		return err
	}
	if r.destination == "" {
		r.country = ""
	}
	r.encoding = encodingNamed(encoding)
	for i, field := range []*micros{&r.accepted, &r.routed, &r.rerouted, &r.held, &r.submitted, &r.sent, &r.end.at, &r.end.done} {
		*field = microsOf(at[i].Time)
	}
	return nil
}

// value returns the instant as a column takes it: NULL when it is not known.
func (m micros) value() any {
	if m == 0 {
		return nil
	}
	return m.time()
}

func encodingName(e sms.Encoding) string {
	if e == 0 {
		return ""
	}
	return e.String()
}

func encodingNamed(name string) sms.Encoding {
	for e := sms.GSM7; e <= sms.Latin1; e++ {
		if e.String() == name {
			return e
		}
	}
	return 0
}

func (e *event) bind(args []any) []any {
	return append(args, e.id.String(), e.digest, e.kind.String(), e.at.time(), e.node, e.account, e.carrier, e.link, e.attempt, e.segment,
		e.state.String(), e.commandStatus, e.error, e.reason)
}

func (m *mo) bind(args []any) []any {
	return append(args, m.id.String(), m.account, m.integration, m.carrier, m.country, m.source, m.destination, m.segments, m.received.value())
}

// statements are those of the writer.
type statements struct {
	insert, update, events, mos, volumes, positions *statement
}

func newStatements() *statements {
	return &statements{
		insert: newStatement("messages", "", messageColumns...),
		update: newStatement("messages", overwrite(messageColumns[1:]), messageColumns...),
		events: newStatement("events", " ON DUPLICATE KEY UPDATE at = LEAST(at, VALUES(at))", "id", "digest", "kind", "at", "node", "account",
			"carrier", "link", "attempt", "segment", "state", "command_status", "error", "reason"),
		mos: newStatement("mos", " ON DUPLICATE KEY UPDATE received_at = LEAST(received_at, VALUES(received_at))", "id", "account", "integration",
			"carrier", "country", "source", "destination", "segments", "received_at"),
		volumes: newStatement("volumes", " ON DUPLICATE KEY UPDATE messages = messages + VALUES(messages), segments = segments + VALUES(segments)",
			"hour", "account", "integration", "country", "carrier", "status", "messages", "segments"),
		positions: newStatement("positions", overwrite([]string{"low", "high"}), "cell", "stream", "created", "low", "high"),
	}
}
