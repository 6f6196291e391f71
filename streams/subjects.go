package streams

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"tasman/sms"
)

// Names of the streams. MT has one stream for each partition, see MTStream.
const (
	Dispatch = "DISPATCH"
	Events   = "EVENTS"
	Inbound  = "INBOUND"
	Deliver  = "DELIVER"
	Schedule = "SCHEDULE"
)

const (
	undecodableSubject = "event.undecodable"
	mtPrefix           = "MT-"
)

// MTStream returns the name of the stream of an MT partition, 0-based.
func MTStream(p int) string { return mtPrefix + strconv.Itoa(p) }

// MTSubject returns where an edge stores accepted messages of a lane in partition p.
func MTSubject(p int, l sms.Lane) string { return "mt." + strconv.Itoa(p) + "." + l.String() }

// DispatchSubject returns the queue of a carrier's lane. That of alerts is published to by this name, wherever the publisher puts it.
func DispatchSubject(carrier string, l sms.Lane) string {
	return "dispatch." + token(carrier) + "." + l.String()
}

// CarrierOf returns whose queue, or part of a queue, a durable reads; false for one that reads no queue of a carrier.
func CarrierOf(d Durable) (string, bool) {
	name := alertCarrier(d.Filter)
	if rest, ok := strings.CutPrefix(d.Filter, "dispatch."); ok {
		name, _, ok = strings.Cut(rest, ".")
		if !ok {
			return "", false
		}
	}
	return name, isDispatch(d.Stream) && name != "" && token(name) == name
}

// IsHeld reports whether a subject is HoldQueue's.
func IsHeld(subject string) bool {
	name, ok := CarrierOf(Durable{Stream: streamOf(subject), Filter: subject})
	return ok && name == HoldQueue
}

// EventSubject returns where a role stores its events.
func EventSubject(role string) string { return "event." + token(role) }

// InboundSubject returns where unmatched receipts and MOs of a carrier are stored.
func InboundSubject(carrier string) string { return "inbound." + token(carrier) }

// DeliverSubject returns the queue of a delivery shard's lane.
func DeliverSubject(shard int, l sms.Lane) string {
	return "deliver." + strconv.Itoa(shard) + "." + l.String()
}

// ParkedSubject returns where receipts and MOs wait that an account cannot take now; see DrainParked.
func ParkedSubject(account string) string { return "deliver.parked." + token(account) }

// IsParked reports whether a subject is an account's ParkedSubject.
func IsParked(subject string) bool { return strings.HasPrefix(subject, "deliver.parked.") }

func dueSubject(l sms.Lane) string { return "schedule.due." + l.String() }

// token makes a name safe as one token of a subject and in a durable's name, one to one: what is not a letter, digit, '-'
// or '_' becomes =XX.
func token(name string) string {
	if name == "" {
		return "="
	}
	plain := true
	for i := range len(name) {
		plain = plain && plainByte(name[i])
	}
	if plain {
		return name
	}
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plainByte(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

func plainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// streamOf returns the stream that stores a subject, "" when none does.
func streamOf(subject string) string {
	head, rest, _ := strings.Cut(subject, ".")
	switch head {
	case "mt":
		p, _, _ := strings.Cut(rest, ".")
		return mtPrefix + p
	case "dispatch":
		return Dispatch
	case "alert":
		q, _, _ := strings.Cut(rest, ".")
		return alertPrefix + q
	case "event":
		return Events
	case "inbound":
		return Inbound
	case "deliver":
		return Deliver
	case "schedule":
		return Schedule
	}
	return ""
}

// slotOf returns the place among those that may be avoided of the partition that a subject belongs to, -1 for one of no partition
// that there is: first those of MT, then those of alerts, DISPATCH among them.
func (b *Bus) slotOf(subject string) int {
	stream := streamOf(subject)
	if stream == Dispatch {
		return b.cfg.Partitions
	}
	if p := numberOf(stream, mtPrefix); p >= 0 && p < b.cfg.Partitions {
		return p
	}
	if q := numberOf(stream, alertPrefix); q >= 0 && q < b.cfg.Alerts {
		return b.cfg.Partitions + q
	}
	return -1
}

// numberOf returns the number of a partition by the name of its stream, -1 when it is not one with the prefix.
func numberOf(stream, prefix string) int {
	if p, ok := strings.CutPrefix(stream, prefix); ok {
		if n, err := strconv.Atoi(p); err == nil {
			return n
		}
	}
	return -1
}

// markerSubject returns where barriers of a stream are published.
func markerSubject(stream string) (string, error) {
	switch stream {
	case Dispatch:
		return "dispatch.marker", nil
	case Events:
		return "event.marker", nil
	case Deliver:
		return "deliver.marker", nil
	}
	if p, ok := strings.CutPrefix(stream, mtPrefix); ok {
		return "mt." + p + ".marker", nil
	}
	if q, ok := strings.CutPrefix(stream, alertPrefix); ok {
		return "alert." + q + ".marker", nil
	}
	return "", fmt.Errorf("stream %q has no barriers", stream)
}

// Shard returns the delivery shard of an account, a stable hash in 0..Shards-1.
func (b *Bus) Shard(account string) int { return bucket(account, b.cfg.Shards) }

func bucket(key string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // a hash never fails
	return int(h.Sum32() % uint32(n))
}

// StreamNames returns the streams whose records tell the story of messages, as the index and reporting read them: every
// MT partition, DISPATCH and the other partitions of alerts, EVENTS and DELIVER.
func (b *Bus) StreamNames() []string {
	var names []string
	for p := range b.cfg.Partitions {
		names = append(names, MTStream(p))
	}
	return append(append(names, b.DispatchStreams()...), Events, Deliver)
}

// Durable names one reader with a position of its own, kept by the server.
type Durable struct {
	Stream string
	Name   string
	Filter string // the subject it reads
}

// Urgent reports whether the durable reads alerts, whose batches are small and do not wait for company.
func (d Durable) Urgent() bool { return strings.HasSuffix(d.Filter, "."+sms.Alert.String()) }

// MTReader is core's reader of a lane of an MT partition.
func MTReader(p int, l sms.Lane) Durable {
	return Durable{MTStream(p), fmt.Sprintf("mt-%d-%s", p, l), MTSubject(p, l)}
}

// DispatchReader is the reader of a carrier's lane in DISPATCH, of which alerts may lie elsewhere: see Bus.DispatchReaders.
func DispatchReader(carrier string, l sms.Lane) Durable {
	return Durable{Dispatch, "dispatch-" + token(carrier) + "-" + l.String(), DispatchSubject(carrier, l)}
}

// InboundReader is core's reader of unmatched receipts and MOs of all carriers.
func InboundReader() Durable { return Durable{Inbound, "inbound", "inbound.>"} }

// DeliverReader is an edge's reader of a delivery shard's lane.
func DeliverReader(shard int, l sms.Lane) Durable {
	return Durable{Deliver, fmt.Sprintf("deliver-%d-%s", shard, l), DeliverSubject(shard, l)}
}

// DueReader is core's reader of scheduled batches of a lane whose time has come.
func DueReader(l sms.Lane) Durable {
	return Durable{Schedule, "due-" + l.String(), dueSubject(l)}
}
