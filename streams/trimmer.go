package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	trimPause      = 2 * time.Second
	trimPauseUnder = 200 * time.Millisecond // while a stream is over tailPercent
	tailPercent    = 50                     // of the limit: above it MT keeps no tail
	overrunPercent = 75                     // of the limit: above it readers without an ack floor are not waited for longer than overrunAge
	overrunAge     = 30 * time.Second       // a live index is much closer than that
	brimPercent    = 90                     // of the limit: above it they are not waited for at all
	markerAge      = 10 * time.Minute
	slowPart       = time.Minute // what depends on age is looked at this often

	// To remove what one durable has read, the server compares that durable with all others of the stream. So a stream with
	// more than manyDurables, as many busy carriers make them, is trimmed more rarely, by restEach for each, while it is less than
	// restPercent full and no disk is short: well before fullness has other consequences.
	manyDurables = 50
	restEach     = 100 * time.Millisecond
	restPercent  = 25
)

type trimmer struct {
	bus     *Bus
	done    map[string]uint64 // subject -> purged up to this sequence
	overrun map[string]bool   // streams in which readers are being passed
	ages    map[string]ageAt
	rested  map[string]time.Time // stream -> when all of it was last trimmed
	slowAt  time.Time
	slow    bool // this pass looks at ages too

	durables int // seen in the last pass

	topology         Topology // as of this pass
	index, reporting map[string]uint64
}

type ageAt struct {
	seq uint64
	at  time.Time
}

func newTrimmer(b *Bus) *trimmer {
	return &trimmer{bus: b, done: make(map[string]uint64), overrun: make(map[string]bool), ages: make(map[string]ageAt), rested: make(map[string]time.Time)}
}

// pass goes over all streams once; pressed says that one is filling up.
func (t *trimmer) pass(ctx context.Context) (pressed bool, err error) {
	topology := t.bus.topology.Load()
	if topology == nil {
		return false, nil
	}
	t.topology = *topology
	ctx, cancel := t.bus.perCall(ctx, time.Minute)
	defer cancel()
	if t.slow = time.Since(t.slowAt) > slowPart; t.slow {
		if err := t.bus.retire(ctx, t.topology); err != nil {
			return false, err
		}
		t.slowAt = time.Now()
	}
	have, err := t.bus.serverDurables(ctx)
	if err != nil {
		return false, err
	}
	t.durables = len(have)
	// After the durables: of a reader that says only now where it begins, all that is removed lies before that moment.
	if t.index, t.reporting, err = t.bus.readPositions(ctx); err != nil {
		return false, err
	}
	// Only here: what is removed now follows from what was known before the hold, which no backup that begins later needs.
	if held, err := t.held(ctx); held || err != nil {
		return false, err
	}
	byStream := make(map[string][]*jetstream.ConsumerInfo)
	for d, info := range have {
		byStream[d.Stream] = append(byStream[d.Stream], info)
	}
	for _, name := range t.bus.durableStreams() {
		s, err := t.bus.js.Stream(ctx, name)
		if err != nil {
			return pressed, fmt.Errorf("trim %s: %w", name, err)
		}
		info := s.CachedInfo()
		pressed = pressed || fillOf(info) > tailPercent
		if err := t.stream(ctx, s, info, byStream[name]); err != nil {
			return pressed, fmt.Errorf("trim %s: %w", name, err)
		}
	}
	return pressed, nil
}

func (t *trimmer) stream(ctx context.Context, s jetstream.Stream, info *jetstream.StreamInfo, durables []*jetstream.ConsumerInfo) error {
	name, fill := info.Config.Name, fillOf(info)
	if name == Events {
		return t.events(ctx, s, info, fill)
	}
	if t.rests(name, len(durables), fill) {
		return t.markers(ctx, s, info)
	}
	began := time.Now()
	readers := t.readers(name)
	over := fill > overrunPercent && readers < info.State.LastSeq && (isDispatch(name) || name == Deliver || isMT(name))
	t.noteOverrun(name, over)
	tail := uint64(1<<64 - 1)
	if isMT(name) && fill <= tailPercent {
		var err error
		if tail, err = t.before(ctx, s, info, t.bus.cfg.MTTail); err != nil {
			return err
		}
	}
	passed := readers // how far those may be passed
	if over {
		var err error
		if passed, err = t.passed(ctx, s, info, fill); err != nil {
			return err
		}
	}
	for _, d := range durables {
		floor := min(d.AckFloor.Stream, tail)
		if err := t.purge(ctx, name, d.Config.FilterSubject, min(floor, readers)); err != nil {
			return err
		}
		if min(floor, passed) <= readers {
			continue
		}
		n, err := t.purgeCount(ctx, name, d.Config.FilterSubject, min(floor, passed))
		if err != nil {
			return err
		}
		t.bus.metrics.overrun.WithLabelValues(name).Add(float64(n))
	}
	t.rested[name] = began
	return t.markers(ctx, s, info)
}

// rests reports whether a stream with so many durables is left alone in this pass.
func (t *trimmer) rests(stream string, durables, fill int) bool {
	return durables > manyDurables && fill < restPercent && t.bus.disk.verdict.Load() == nil &&
		time.Since(t.rested[stream]) < time.Duration(durables)*restEach
}

// passed returns up to where readers are not waited for in a stream that is filling up.
func (t *trimmer) passed(ctx context.Context, s jetstream.Stream, info *jetstream.StreamInfo, fill int) (uint64, error) {
	if fill > brimPercent {
		return info.State.LastSeq, nil
	}
	return t.before(ctx, s, info, overrunAge)
}

// readers returns how far the fresh index readers and reporting have got in a stream, the highest number when none reads it.
func (t *trimmer) readers(stream string) uint64 {
	limit := uint64(1<<64 - 1)
	if stream == Inbound || stream == Schedule {
		return limit
	}
	if seq, ok := t.index[stream]; ok {
		limit = seq
	}
	if t.topology.Reporting {
		limit = min(limit, t.reporting[stream])
	}
	return limit
}

// noteOverrun logs when it begins to pass readers, once until that ends.
func (t *trimmer) noteOverrun(stream string, over bool) {
	if over && !t.overrun[stream] {
		level := slog.LevelWarn
		if stream == Events { // no other stream has what they say: reporting will miss it for good
			level = slog.LevelError
		}
		t.bus.log.Log(context.Background(), level, "stream is nearly full: removing batches that reporting or an index has not read", "stream", stream)
	}
	t.overrun[stream] = over
}

// events removes what is older than its age, and the oldest tenth while the stream is nearly full. It waits for reporting
// until the stream is full to the brim: then the oldest tenth goes unread, since a carrier that cannot store what it sent
// must stop, and a database that is away may stop nobody.
func (t *trimmer) events(ctx context.Context, s jetstream.Stream, info *jetstream.StreamInfo, fill int) error {
	old, err := t.before(ctx, s, info, t.bus.cfg.EventsAge)
	if err != nil {
		return err
	}
	if seq, ok := t.index[Events]; ok {
		old = min(old, seq)
	}
	first, last := info.State.FirstSeq, info.State.LastSeq
	tenth := uint64(0)
	if fill > overrunPercent && last > first {
		tenth = first + (last-first)/10
		old = max(old, tenth)
	}
	unread := false // part of the tenth
	if t.topology.Reporting {
		unread = t.reporting[Events] < tenth
		old = min(old, t.reporting[Events])
	}
	// The occasion lasts while the stream stays nearly full: each tenth that goes is no news.
	t.noteOverrun(Events, unread && (fill > brimPercent || t.overrun[Events]))
	if old >= first {
		if err := t.purge(ctx, Events, "", old); err != nil {
			return err
		}
	}
	if !unread || fill <= brimPercent {
		return nil
	}
	n, err := t.purgeCount(ctx, Events, "", tenth)
	if err != nil {
		return err
	}
	t.bus.metrics.overrun.WithLabelValues(Events).Add(float64(n))
	return nil
}

// markers removes old markers. A younger one may be all that tells a reader that it has come past a barrier.
func (t *trimmer) markers(ctx context.Context, s jetstream.Stream, info *jetstream.StreamInfo) error {
	subject, err := markerSubject(info.Config.Name)
	if err != nil || !t.slow {
		return nil // this stream has no barriers
	}
	old, err := t.before(ctx, s, info, markerAge)
	if err != nil {
		return err
	}
	if seq, ok := t.index[info.Config.Name]; ok {
		old = min(old, seq)
	}
	return t.purge(ctx, info.Config.Name, subject, old)
}

// before returns the last sequence older than age. It is looked up about once a minute, since it costs some reads.
func (t *trimmer) before(ctx context.Context, s jetstream.Stream, info *jetstream.StreamInfo, age time.Duration) (uint64, error) {
	moment := time.Now().Add(-age)
	state := info.State
	switch {
	case state.Msgs == 0 || !state.LastTime.After(moment):
		return state.LastSeq, nil
	case state.FirstTime.After(moment):
		return state.FirstSeq - 1, nil
	}
	key := fmt.Sprint(info.Config.Name, age)
	if known := t.ages[key]; !known.at.IsZero() && time.Since(known.at) < slowPart {
		return known.seq, nil
	}
	seq, err := lastBefore(ctx, s, state.FirstSeq, state.LastSeq, moment)
	if err == nil {
		t.ages[key] = ageAt{seq, time.Now()}
	}
	return seq, err
}

// lastBefore finds by halving the last sequence in first..last that was stored before moment; first-1 when none was.
func lastBefore(ctx context.Context, s jetstream.Stream, first, last uint64, moment time.Time) (uint64, error) {
	low, high := first, last+1 // what is below low is older, what is at or above high is not
	for low < high {
		middle := low + (high-low)/2
		m, err := s.GetMsg(ctx, middle, jetstream.WithGetMsgSubject(">"))
		switch {
		case isGone(err):
			high = middle
		case err != nil:
			return 0, err
		case m.Time.Before(moment):
			low = m.Sequence + 1
		default:
			high = middle
		}
	}
	return low - 1, nil
}

func (t *trimmer) purge(ctx context.Context, stream, subject string, upTo uint64) error {
	_, err := t.purgeCount(ctx, stream, subject, upTo)
	return err
}

// purgeCount removes the batches of a subject up to and including a sequence, unless that was done before.
func (t *trimmer) purgeCount(ctx context.Context, stream, subject string, upTo uint64) (uint64, error) {
	key := stream + " " + subject
	if upTo == 0 || t.done[key] >= upTo {
		return 0, nil
	}
	n, err := t.bus.purge(ctx, stream, subject, upTo)
	if err != nil {
		return 0, err
	}
	t.done[key] = upTo
	t.bus.metrics.trimmed.WithLabelValues(stream).Add(float64(n))
	return n, nil
}

// purge removes the batches of a subject ("" = all) of a stream up to and including a sequence and returns their number.
func (b *Bus) purge(ctx context.Context, stream, subject string, upTo uint64) (uint64, error) {
	request, err := json.Marshal(struct {
		Subject string `json:"filter,omitempty"`
		Keep    uint64 `json:"seq"` // the first one that stays
	}{subject, upTo + 1})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, "$JS.API.STREAM.PURGE."+stream, request)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Purged uint64 `json:"purged"`
		Error  *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return 0, err
	}
	if answer.Error != nil {
		return 0, fmt.Errorf("purge refused: %s", answer.Error.Description)
	}
	return answer.Purged, nil
}

func isMT(stream string) bool { return strings.HasPrefix(stream, mtPrefix) }
