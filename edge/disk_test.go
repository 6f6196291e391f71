//go:build linux

package edge

import (
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// onDisk puts the streams on a disk of the test, with fsync as in production.
func onDisk(path string) streamstest.Option {
	return streamstest.With(func(c *streams.Config) { c.Dir, c.SyncAlways = filepath.Join(path, "jetstream"), true })
}

const acmeBoth = acme + "---\nkind: APIKey\nname: web\nspec: {account: acme, key: " + acmeKey + "}\n"

// submitter submits over one session until it is stopped, and keeps what it was told.
type submitter struct {
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	ids     []string            // acknowledged
	answers map[smpp.Status]int // other answers
}

func startSubmitter(t *testing.T, e *testEdge) *submitter {
	t.Helper()
	s := &submitter{stop: make(chan struct{}), answers: map[smpp.Status]int{}}
	esme := e.bind(t, smpptest.ESMEConfig{Options: smpp.Options{ResponseTimeout: time.Minute}})
	s.done.Go(func() {
		for {
			select {
			case <-s.stop:
				return
			default:
			}
			id, err := esme.SubmitText(t.Context(), "TASMAN", "64211234567", "hello")
			var status smpp.Status
			s.mu.Lock()
			if err == nil {
				s.ids = append(s.ids, id)
			} else if errors.As(err, &status) {
				s.answers[status]++
			}
			s.mu.Unlock()
		}
	})
	return s
}

func (s *submitter) accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ids)
}

func (s *submitter) refused(status smpp.Status) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[status]
}

func (s *submitter) end() { close(s.stop); s.done.Wait() }

// compare fails unless what was acknowledged is stored once, and what is stored besides was withdrawn.
func (s *submitter) compare(t *testing.T, e *testEdge) {
	t.Helper()
	stored := map[string]int{}
	for _, m := range e.accepted(t) {
		stored[m.ID.String()]++
	}
	for _, id := range s.ids {
		if stored[id] != 1 {
			t.Errorf("%s was acknowledged and is stored %d times", id, stored[id])
		}
		delete(stored, id)
	}
	waitFor(t, "the withdrawals", func() bool { e.outbox.mu.Lock(); defer e.outbox.mu.Unlock(); return e.outbox.open == 0 })
	for _, r := range e.stored(t, streams.Events, streams.EventSubject("edge")) {
		if r.Event != nil && r.Event.Kind == sms.EventWithdrawn {
			delete(stored, r.Event.ID.String())
		}
	}
	if len(stored) > 0 {
		t.Errorf("%d messages were refused, are stored and not withdrawn", len(stored))
	}
}

// While the disk is too full customers are told so by the code that says it, and nothing that they were promised is lost, even
// when the disk fills to the last octet; when there is room they are served again.
func TestDoorsOnFullDisk(t *testing.T) {
	disk := streamstest.NewDisk(t, 64)
	bus := streamstest.New(t, onDisk(disk.Path()))
	e := runEdgeOn(t, bus, liveYAML(t, acmeBoth), func(c *Config) { c.HTTP, c.AcceptTimeout = "127.0.0.1:0", time.Second })
	api := "http://" + e.HTTPAddr().String()
	clients := []*submitter{startSubmitter(t, e), startSubmitter(t, e)}
	all := func(what string, ok func(*submitter) bool) {
		t.Helper()
		waitFor(t, what, func() bool { return ok(clients[0]) && ok(clients[1]) })
	}
	for _, leave := range []int64{5 << 20, 0} { // below the watermark; full
		before := clients[0].accepted()
		all("acceptance", func(s *submitter) bool { return s.accepted() > before+20 })
		disk.Fill(leave)
		told := clients[0].refused(smpp.StatusMessageQueueFull)
		all("the refusal", func(s *submitter) bool { return s.refused(smpp.StatusMessageQueueFull) > told })
		resp, body := post(hello).do(t, api)
		if p := problemOf(t, resp, body); p.Status != http.StatusServiceUnavailable || p.Type != ReasonQueueFull || resp.Header.Get("Retry-After") == "" {
			t.Errorf("by HTTP: %+v, Retry-After %q", p, resp.Header.Get("Retry-After"))
		}
		if err := e.Ready(); !errors.Is(err, streams.ErrFull) {
			t.Errorf("ready: %v", err)
		}
		disk.Empty()
	}
	before := clients[0].accepted()
	all("acceptance", func(s *submitter) bool { return s.accepted() > before+20 })
	for _, s := range clients {
		s.end()
	}
	both := &submitter{ids: append(clients[0].ids, clients[1].ids...)}
	both.compare(t, e)
}

// A disk that takes seconds for a write delays answers; what cannot wait is refused and withdrawn. Nothing is lost or doubled.
func TestDoorsOnSlowDisk(t *testing.T) {
	disk := streamstest.NewExt4(t)
	bus := streamstest.New(t, onDisk(disk.Path()))
	e := runEdgeOn(t, bus, liveYAML(t, acmeBoth), func(c *Config) { c.AcceptTimeout = time.Second })
	s := startSubmitter(t, e)
	waitFor(t, "acceptance", func() bool { return s.accepted() > 20 })
	thaw := disk.Freeze()
	waitFor(t, "the refusal", func() bool { return s.refused(smpp.StatusThrottled) > 2 })
	thaw()
	before := s.accepted()
	waitFor(t, "acceptance", func() bool { return s.accepted() > before+20 })
	if n := s.refused(smpp.StatusMessageQueueFull); n > 0 {
		t.Errorf("%d told that the queue is full", n)
	}
	s.end()
	s.compare(t, e)
}
