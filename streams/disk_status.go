package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// statusPrefix begins the subject on which the node of each server says how its disk is; only role streams may.
	statusPrefix = "status."
	tellEvery    = time.Second
	// forgetAfter is when a server that says nothing is taken for one that is not there.
	forgetAfter = 10 * time.Second
)

// ServerStatus is what the node of an embedded server says of it, each second.
type ServerStatus struct {
	Server string `json:"server"`
	Region string `json:"region,omitempty"`
	Free   uint64 `json:"free"`  // bytes of its disk
	Floor  uint64 `json:"floor"` // the watermark: bytes that must be free
	// Low: less than the watermark is free, or was, and a quarter more than it is not yet.
	Low bool `json:"low,omitempty"`
	// Critical is Low at half of the watermark.
	Critical bool   `json:"critical,omitempty"`
	ReadOnly bool   `json:"read_only,omitempty"` // the file system
	Unknown  string `json:"unknown,omitempty"`   // why the disk is not known; it counts as low
	// Storage says why the server's streams cannot be written, "" while they can. The node starts them again when that may help.
	Storage string    `json:"storage,omitempty"`
	Heard   time.Time `json:"-"` // by this node
}

// brimPart of the watermark is what a server needs to remove anything: what is removed is noted first, and a server that
// cannot do that may wait for itself for ever.
const brimPart = 16

// brimful says that nothing should be removed any more.
func (s ServerStatus) brimful() bool { return s.Low && s.Free < s.Floor/brimPart }

// Trouble says in one sentence what is wrong with the server, "" when nothing is.
func (s ServerStatus) Trouble() string {
	var parts []string
	switch {
	case s.Unknown != "":
		parts = append(parts, s.Unknown)
	case s.ReadOnly:
		parts = append(parts, "its disk is read-only")
	case s.Low:
		parts = append(parts, fmt.Sprintf("%d MiB of its disk are free, %d MiB are needed", s.Free>>20, s.Floor>>20))
	}
	if s.Storage != "" {
		parts = append(parts, "its storage does not work: "+s.Storage)
	}
	if len(parts) == 0 {
		return ""
	}
	return "server " + s.Server + ": " + strings.Join(parts, "; ")
}

// hearOfDisks follows what the nodes of other servers say.
func (b *Bus) hearOfDisks() error {
	b.disk.servers = make(map[string]ServerStatus)
	if b.srv != nil && b.cfg.Cluster.Listen == "" {
		return nil // there is no other
	}
	_, err := b.nc.Subscribe(statusPrefix+"*", func(m *nats.Msg) {
		var s ServerStatus
		if err := json.Unmarshal(m.Data, &s); err != nil || m.Subject != statusPrefix+token(s.Server) || s.Server == b.cfg.Node && b.srv != nil {
			return // not the word of a server's node, or our own
		}
		s.Heard = time.Now()
		b.note(s)
	})
	if err != nil {
		return fmt.Errorf("state of the servers: %w", err)
	}
	return nil
}

func (b *Bus) note(s ServerStatus) {
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	b.disk.servers[s.Server] = s
}

// tell says how this node's server is, to those elsewhere. Who does not hear it now does in a second.
func (b *Bus) tell(s ServerStatus) {
	if b.cfg.Listen == "" {
		return
	}
	body, err := json.Marshal(s)
	if err == nil {
		err = b.nc.Publish(statusPrefix+token(s.Server), body)
	}
	if err != nil {
		b.log.Debug("the state of the server was not told", "err", err)
	}
}

// Servers returns what is known of the servers, by name: of those whose nodes were heard of in the last ten seconds. External
// servers have no node that would say.
func (b *Bus) Servers() []ServerStatus { return b.serversAt(time.Now()) }

func (b *Bus) serversAt(now time.Time) []ServerStatus {
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	maps.DeleteFunc(b.disk.servers, func(_ string, s ServerStatus) bool { return now.Sub(s.Heard) > forgetAfter })
	list := slices.Collect(maps.Values(b.disk.servers))
	slices.SortFunc(list, func(x, y ServerStatus) int { return strings.Compare(x.Server, y.Server) })
	return list
}

// StorageReady returns nil unless the storage of this node's own server does not work.
func (b *Bus) StorageReady() error {
	if b.srv == nil {
		return nil
	}
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	if s := b.disk.servers[b.cfg.Node]; s.Storage != "" || s.ReadOnly {
		return errors.New(s.Trouble())
	}
	return nil
}

// Alarms returns what an operator must look after, one sentence each: servers with too little room, whose storage does not
// work, or of whose copies none is there.
func (b *Bus) Alarms() []string {
	var alarms []string
	told := make(map[string]bool)
	for _, s := range b.Servers() {
		if why := s.Trouble(); why != "" {
			alarms = append(alarms, why)
			told[s.Server] = true
		}
	}
	if err := b.Pressure(); err != nil {
		alarms = slices.Insert(alarms, 0, "messages are not accepted: "+err.Error())
	}
	b.gauges.mu.Lock()
	defer b.gauges.mu.Unlock()
	for _, name := range absent(b.gauges.copies) {
		if !told[name] {
			alarms = append(alarms, "server "+name+": none of its copies of the streams is there; if it runs, its storage is out and it must be restarted")
		}
	}
	return alarms
}

// absent returns the servers of whose copies none is there.
func absent(placed map[string][]Copy) []string {
	there := make(map[string]bool)
	for _, copies := range placed {
		for _, c := range copies {
			never := c.Silent == 0 && !c.Current // since its stream has this leader
			there[c.Server] = there[c.Server] || c.Leader || c.Silent < forgetAfter && !never
		}
	}
	maps.DeleteFunc(there, func(_ string, is bool) bool { return is })
	return slices.Sorted(maps.Keys(there))
}
