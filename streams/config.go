package streams

import (
	"errors"
	"fmt"
	"time"
)

// Limits are the byte limits of the streams; 0 means the default of 8 GiB.
type Limits struct {
	MT       int64 // of each MT partition
	Dispatch int64 // of each partition of alerts too
	Events   int64
	Inbound  int64
	Deliver  int64
}

// Config says how a node reaches the streams. Only Node and one of URLs and Dir are needed.
type Config struct {
	Node string // this node's name, unique in the mesh; letters, digits, '-' and '_'

	URLs       []string // servers to connect to; none means an embedded server
	Home       []string // those of URLs that stand in this node's region; none = as servers of Tasman say
	Dir        string   // where the embedded server keeps its files
	Listen     string   // host:port where the embedded server takes other clients; "" means in-process only
	Cluster    Cluster  // joins the embedded server to others
	Region     string   // of this node. No two copies of a stream come to one region; "" = any server will do
	TLS        TLS      // of all connections between nodes and servers
	Seed       string   // proves to servers elsewhere who this node is; at most one of Seed, Creds and User, none = they do not ask
	Creds      string   // file with a user's JWT and seed, for servers in operator mode
	User       string   // name by which servers know the node
	Password   string   // of User
	Roles      []string // that this node plays, which Survey compares its rights with; nothing else needs them
	Peers      []Peer   // the nodes that may connect to the embedded server; none = any
	SyncAlways bool     // the embedded server answers only after fsync; false is for tests

	Replicas   int // of each stream, 1 (default), 3 or 5; the same on all nodes
	Partitions int // of MT, default 1; the same on all nodes
	Alerts     int // partitions of alerts on their way to carriers, default 2 with several replicas, else 1; the same on all nodes
	Shards     int // of DELIVER, default 16; the same on all nodes

	Limits      Limits
	EventsAge   time.Duration // how long EVENTS are kept, default 7 days
	MTTail      time.Duration // how long MT are kept after core read them, default 24 h
	FreePercent int           // disk watermark of the embedded server in percent, default 10
	FreeBytes   int64         // the same in bytes, default 2 GiB; the lower of both counts
	AckWait     time.Duration // until an unanswered batch is delivered again, default 30 s

	unreachedEvery time.Duration // how often it is said which servers are not reached at start; shorter in tests
	homeAfter      time.Duration // how long a server of the region must be well before the node goes back to it; shorter in tests
}

// Cluster makes the embedded server one of a cell, whose servers hold the streams together. Each is named like its node.
type Cluster struct {
	Name   string   // of the cell, the same on all its servers; default "tasman"
	Listen string   // host:port where the others connect; "" means that the server is alone
	Routes []string // host:port of every server of the cell, its own included
}

const gib = 1 << 30

// withDefaults fills what is not set and refuses what cannot work.
func (c Config) withDefaults() (Config, error) {
	if c.Node == "" || token(c.Node) != c.Node {
		return c, fmt.Errorf("node name %q: want letters, digits, '-' and '_'", c.Node)
	}
	if len(c.URLs) == 0 && c.Dir == "" {
		return c, errors.New("an embedded server needs a directory")
	}
	if err := c.checkLogin(); err != nil {
		return c, err
	}
	for _, limit := range []*int64{&c.Limits.MT, &c.Limits.Dispatch, &c.Limits.Events, &c.Limits.Inbound, &c.Limits.Deliver} {
		orDefault(limit, 8*gib)
	}
	orDefault(&c.Cluster.Name, "tasman")
	c = c.shaped()
	orDefault(&c.Shards, 16)
	orDefault(&c.EventsAge, 7*24*time.Hour)
	orDefault(&c.MTTail, 24*time.Hour)
	orDefault(&c.FreePercent, 10)
	orDefault(&c.FreeBytes, 2*gib)
	orDefault(&c.AckWait, 30*time.Second)
	orDefault(&c.homeAfter, homeAfter)
	orDefault(&c.unreachedEvery, unreachedEvery)
	if c.Replicas < 1 || c.Partitions < 1 || c.Alerts < 1 || c.Shards < 1 || c.AckWait < 0 {
		return c, errors.New("replicas, partitions, alerts, shards and ack wait must be positive")
	}
	return c, nil
}

// shaped fills in which streams there are.
func (c Config) shaped() Config {
	orDefault(&c.Replicas, 1)
	orDefault(&c.Partitions, 1)
	if c.Replicas > 1 {
		// Any one server may be lost: then alerts go to the partition that another one leads. Each one more costs a durable for
		// each carrier.
		orDefault(&c.Alerts, 2)
	}
	orDefault(&c.Alerts, 1)
	return c
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
