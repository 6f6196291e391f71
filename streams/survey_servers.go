package streams

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// ServerState is what is known of a server. Of one that nobody could ask only the name is.
type ServerState struct {
	Name    string
	URL     string `json:",omitempty"` // where it was asked by itself
	Problem string `json:",omitempty"` // why it does not answer there
	Version string `json:",omitempty"` // "" = not known
	Node    bool   // it is embedded in a node of role streams

	JetStream *bool  `json:",omitempty"` // it stores; nil = not known
	Sync      *bool  `json:",omitempty"` // it answers only after fsync; nil = not known
	Region    string `json:",omitempty"` // by its tag, "" = none or not known
	Tagged    bool   // Region is known, be it none

	DiskFree  uint64 `json:",omitempty"` // octets of the disk of its files; 0 = not known
	DiskFloor uint64 `json:",omitempty"` // below it acceptance stops

	clocks []Clock
}

// merge takes over what m knows and s does not.
func (s *ServerState) merge(m ServerState) {
	s.URL, s.Problem, s.Version = cmp.Or(s.URL, m.URL), cmp.Or(s.Problem, m.Problem), cmp.Or(s.Version, m.Version)
	s.JetStream, s.Sync = cmp.Or(s.JetStream, m.JetStream), cmp.Or(s.Sync, m.Sync)
	s.Node = s.Node || m.Node
	s.Region, s.Tagged = cmp.Or(s.Region, m.Region), s.Tagged || m.Tagged
	s.DiskFree, s.DiskFloor = cmp.Or(s.DiskFree, m.DiskFree), cmp.Or(s.DiskFloor, m.DiskFloor)
	s.clocks = append(s.clocks, m.clocks...)
}

const (
	serverQuestion = askPrefix + "server" // every embedded server answers it
	serverPatience = time.Second          // for those that are known
	serverQuiet    = 200 * time.Millisecond
)

// selfPortrait is an embedded server's answer.
type selfPortrait struct {
	ServerState
	Time time.Time
}

// answerServers tells those who ask about the embedded server, for as long as the connection lives.
func (b *Bus) answerServers() error {
	if b.srv == nil {
		return nil
	}
	_, err := b.nc.Subscribe(serverQuestion, func(m *nats.Msg) {
		on := b.srv.server().JetStreamEnabled()
		sync := b.cfg.SyncAlways
		p := selfPortrait{ServerState{Name: b.cfg.Node, Version: ServerVersion, Node: true, JetStream: &on, Sync: &sync, Region: b.cfg.Region, Tagged: true}, time.Now()}
		if free, total, err := Room(b.cfg.Dir); err == nil {
			p.DiskFree, p.DiskFloor = free, watermark(total, b.cfg)
		}
		raw, err := json.Marshal(p)
		if err == nil {
			err = m.Respond(raw)
		}
		if err != nil {
			b.log.Debug("an answer could not be sent", "err", err)
		}
	})
	return err
}

// askServers asks all embedded servers, and waits until those expected and whoever else is quick have answered.
func (b *Bus) askServers(ctx context.Context, expected map[string]bool) []ServerState {
	var list []ServerState
	missing := len(expected)
	err := gather(ctx, b.nc, serverQuestion, func(m *nats.Msg, asked, answered time.Time) bool {
		var p selfPortrait
		if json.Unmarshal(m.Data, &p) == nil && p.Name != "" {
			p.clocks = []Clock{clockOf(p.Name, asked, answered, p.Time)}
			list = append(list, p.ServerState)
			if expected[p.Name] {
				missing--
			}
		}
		return missing <= 0
	})
	if err != nil {
		b.log.Debug("servers could not be asked", "err", err)
	}
	return list
}

// gather sends a question that many answer. It ends when nobody answers it, after a second, or when enough says so and it is quiet.
func gather(ctx context.Context, nc *nats.Conn, subject string, enough func(m *nats.Msg, asked, answered time.Time) bool) error {
	inbox := nc.NewRespInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed already
	asked := time.Now()
	if err := nc.PublishRequest(subject, inbox, nil); err != nil {
		return err
	}
	done := false
	for end := asked.Add(serverPatience); ctx.Err() == nil; {
		wait := time.Until(end)
		if done {
			wait = min(wait, serverQuiet)
		}
		m, err := sub.NextMsg(wait)
		if errors.Is(err, nats.ErrTimeout) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.Header.Get("Status") == "503" { // nobody is there
			return nil
		}
		done = enough(m, asked, time.Now())
	}
	return ctx.Err()
}
