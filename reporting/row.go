package reporting

import (
	"cmp"
	"strings"
	"time"
	"unicode/utf8"

	"tasman/sms"
)

// micros is an instant in microseconds since 1970, as precise as a DATETIME(6) column; 0 means that it is not known.
type micros int64

// latest is the last instant that a DATETIME column holds.
const latest = micros(253402300799999999)

// microsOf drops instants that a column cannot hold, as a carrier's clock may tell them.
func microsOf(t time.Time) micros {
	if m := micros(t.UnixMicro()); m > 0 && m <= latest {
		return m
	}
	return 0
}

func (m micros) time() time.Time { return time.UnixMicro(int64(m)).UTC() }

// row is what is known about one message. A single fact is a row with few fields set, and merge puts rows together. Merging
// must not depend on order or repetition: for every field it takes a maximum or a minimum, so it commutes, and merging a
// row with a part of itself changes nothing.
type row struct {
	id          sms.ID
	account     string
	integration string
	door        string
	lane        sms.Lane
	encoding    sms.Encoding
	source      string
	destination string
	country     string
	reference   string
	segments    uint16 // as accepted
	told        uint16 // segments as events and receipts tell them
	attempts    uint16
	duplicate   bool
	withdrawn   bool
	carrier     ranked
	carrierID   ranked
	end         outcome
	accepted    micros
	routed      micros // first
	rerouted    micros // last
	held        micros // last
	submitted   micros
	sent        micros
}

// ranked is a word for which facts compete: that of the highest rank shows.
type ranked struct {
	rank uint32
	word string
}

// outcome is the state of a message and what belongs to it, from one fact.
type outcome struct {
	state         sms.State
	at            micros
	byCarrier     bool
	error         string
	commandStatus uint32
	done          micros
}

func (r *row) merge(o *row) {
	if r.id.IsZero() {
		r.id = o.id
	}
	r.account = max(r.account, o.account)
	r.integration = max(r.integration, o.integration)
	r.door = max(r.door, o.door)
	r.lane = max(r.lane, o.lane)
	r.encoding = max(r.encoding, o.encoding)
	r.source = max(r.source, o.source)
	if o.destination > r.destination {
		r.destination, r.country = o.destination, o.country
	}
	r.reference = max(r.reference, o.reference)
	r.segments = max(r.segments, o.segments)
	r.told = max(r.told, o.told)
	r.attempts = max(r.attempts, o.attempts)
	r.duplicate = r.duplicate || o.duplicate
	r.withdrawn = r.withdrawn || o.withdrawn
	r.carrier = r.carrier.or(o.carrier)
	r.carrierID = r.carrierID.or(o.carrierID)
	if o.end.compare(&r.end) > 0 {
		r.end = o.end
	}
	r.accepted = earliest(r.accepted, o.accepted)
	r.routed = earliest(r.routed, o.routed)
	r.rerouted = max(r.rerouted, o.rerouted)
	r.held = max(r.held, o.held)
	r.submitted = earliest(r.submitted, o.submitted)
	r.sent = earliest(r.sent, o.sent)
}

func (a ranked) or(b ranked) ranked {
	if b.rank > a.rank || b.rank == a.rank && b.word > a.word {
		return b
	}
	return a
}

// compare orders outcomes: the higher rank of state shows, and of equal ones the earlier. The rest only makes the order total.
func (o *outcome) compare(p *outcome) int {
	if c := cmp.Compare(o.state.Rank(), p.state.Rank()); c != 0 || o.state.Rank() == 0 {
		return c
	}
	return cmp.Or(cmp.Compare(p.at, o.at), cmp.Compare(o.state, p.state), cmp.Compare(o.error, p.error),
		cmp.Compare(o.commandStatus, p.commandStatus), cmp.Compare(o.done, p.done), compareBool(o.byCarrier, p.byCarrier))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func earliest(a, b micros) micros {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// volumeKey is the bucket of volumes that counts a row.
type volumeKey struct {
	hour        micros // of acceptance, told by the id, so that no later fact moves it
	account     string
	integration string
	country     string
	carrier     string
	status      string
}

func (r *row) volume() volumeKey {
	return volumeKey{hour: microsOf(r.id.Time().Truncate(time.Hour)), account: r.account, integration: r.integration,
		country: r.countryOrNone(), carrier: r.carrier.word, status: string(r.status())}
}

func (r *row) countryOrNone() string { return cmp.Or(r.country, noCountry) }

// billed returns the segments to count: as accepted, or as told where that record was not seen.
func (r *row) billed() int64 { return int64(cmp.Or(r.segments, r.told)) }

// clip makes a text fit a column of n characters: what comes from outside may be longer, or not UTF-8. Spaces at the end go,
// since some collations take words that differ only in those for the same.
func clip(s string, n int) string {
	if len(s) > n {
		s = cut(s, n)
	}
	if !utf8.ValidString(s) {
		s = cut(strings.ToValidUTF8(s, "\uFFFD"), n)
	}
	return strings.TrimRight(s, " \x00")
}

func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return strings.Clone(s[:i])
		}
		n--
	}
	return s
}

// clipASCII is clip for columns of ASCII words.
func clipASCII(s string, n int) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return clip(strings.Map(func(r rune) rune {
				if r >= utf8.RuneSelf {
					return '?'
				}
				return r
			}, s), n)
		}
	}
	return clip(s, n)
}

func small(n int) uint16 { return uint16(min(max(n, 0), 0xFFFF)) }
