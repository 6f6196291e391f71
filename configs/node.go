package configs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Role is a part that a node plays.
type Role string

// The roles. Each is a package of that name.
const (
	RoleStreams   Role = "streams"
	RoleEdge      Role = "edge"
	RoleCore      Role = "core"
	RoleCarriers  Role = "carriers"
	RoleReporting Role = "reporting"
	RoleConsole   Role = "console"
)

// Roles returns all roles, in the order in which a node starts them.
func Roles() []Role {
	return []Role{RoleStreams, RoleReporting, RoleCore, RoleCarriers, RoleEdge, RoleConsole}
}

// Node is what one process needs to start. Each field may be overridden by an environment variable: TASMAN_ and the path in
// capitals, joined by underscores, such as TASMAN_LISTEN_HTTP; lists are separated by commas. node.yaml documents every
// field with its default.
type Node struct {
	// Name of this node, unique in the mesh, of the form of resource names. Default the host's name in that form.
	Name string `yaml:"name"`
	// Region where it runs: carriers prefer owners of their region, and the node the servers of its region. Empty = none.
	Region string `yaml:"region"`
	// Data is the directory of everything stored: streams, index. Default "data".
	Data string `yaml:"data"`
	// Roles that it plays. Default all.
	Roles []Role `yaml:"roles"`
	// Listen has the addresses of the doors.
	Listen Listen `yaml:"listen"`
	// TLS certificate of the doors that use TLS. The files are read again when they have changed.
	TLS TLSFiles `yaml:"tls"`
	// NATS is the JetStream of the cell.
	NATS NATS `yaml:"nats"`
	// MySQL is the reporting database.
	MySQL MySQL `yaml:"mysql"`
	// Index of messages of core and carrier nodes.
	Index Index `yaml:"index"`
	// Edge has the limits of the doors.
	Edge Edge `yaml:"edge"`
	// Log says what is logged and how.
	Log Log `yaml:"log"`
	// LameDuck is how long a node that is to stop goes on once /readyz says so, 0 to 5m: as long as the load balancers take to
	// notice. Default 0s.
	LameDuck time.Duration `yaml:"lame_duck"`
	// Drain is how long a node that stops may finish what it started, 1s to 5m. Default 10s.
	Drain time.Duration `yaml:"drain"`
}

// Listen has the addresses that a node listens on, host:port; an empty host is every address, port 0 any free port, ""
// closes the door.
type Listen struct {
	// HTTP API of the edge. Default ":8080".
	HTTP string `yaml:"http"`
	// SMPP door. Default ":2775".
	SMPP string `yaml:"smpp"`
	// SMPPTLS is the SMPP door with TLS, by custom ":3550"; needs tls. Default "".
	SMPPTLS string `yaml:"smpp_tls"`
	// SMTP door. Default ":2525".
	SMTP string `yaml:"smtp"`
	// Console. Default "127.0.0.1:8081".
	Console string `yaml:"console"`
	// Metrics and health. Default "127.0.0.1:9090".
	Metrics string `yaml:"metrics"`
}

// TLSFiles names a certificate and its key, both PEM. Set both or none.
type TLSFiles struct {
	// CertFile holds the certificate and those between it and the root.
	CertFile string `yaml:"cert_file"`
	// KeyFile holds the private key.
	KeyFile string `yaml:"key_file"`
}

// NATS says where the streams are and how they are laid out. What concerns the layout must be the same on every node.
type NATS struct {
	// URLs of external servers, those of the own region first. Empty = an embedded server; needed without role streams.
	URLs []string `yaml:"urls"`
	// Home are those of URLs that stand in this node's region: it connects to them first, to others when they are gone, and
	// comes back when one has been well for ten seconds. Default none: servers of Tasman say where they stand, by the region of
	// their nodes; others do not.
	Home []string `yaml:"home"`
	// Listen address of the embedded server for other nodes. Default "": this process only.
	Listen string `yaml:"listen"`
	// Cluster joins the embedded servers of several nodes to one cell.
	Cluster Cluster `yaml:"cluster"`
	// TLS of all connections between nodes and servers, those between the servers of a cell included: each side shows a
	// certificate of the authority. Absent = none.
	TLS NodeTLS `yaml:"tls"`
	// SeedFile holds the seed (SU...) that proves to the servers who this node is; `tasman key` makes one. Needed where the
	// servers have nodes listed.
	SeedFile string `yaml:"seed_file"`
	// CredsFile proves the same to external servers in operator mode: the file with a user's JWT and seed that nsc makes. It is
	// read again for each connection.
	CredsFile string `yaml:"creds_file"`
	// User and Password prove it to external servers that list users by name.
	User     string `yaml:"user"`
	Password Secret `yaml:"password"`
	// Nodes that may connect to the embedded server, the same list on every server of a cell. Empty = any that can reach it.
	Nodes []NodeKey `yaml:"nodes"`
	// Replicas of each stream: 1, 3 or 5. Default 1.
	Replicas int `yaml:"replicas"`
	// Partitions of MT, 1 to 64: 1 on one server, 3 in a cell. Default 1.
	Partitions int `yaml:"partitions"`
	// AlertPartitions of alerts on their way to carriers, 1 to 8: DISPATCH, and a stream of its own for each beyond the first, so that
	// alerts go on while one has no leader. Each costs a durable per carrier. Default 0: 2 with several replicas, else 1.
	AlertPartitions int `yaml:"alert_partitions"`
	// Shards of DELIVER, 1 to 256. Default 16.
	Shards int `yaml:"shards"`
	// SyncAlways makes the embedded server write to disk before it acknowledges. Default true; without it a crash of the
	// machine loses acknowledged messages.
	SyncAlways bool `yaml:"sync_always"`
	// Limits of the streams.
	Limits StreamLimits `yaml:"limits"`
	// EventsAge is how long EVENTS is kept, 1h to 8760h. Default 168h (7 days).
	EventsAge time.Duration `yaml:"events_age"`
	// MTTail is how much of MT is kept after use, 0 to 168h, so that idempotency keys can be rebuilt. Default 24h.
	MTTail time.Duration `yaml:"mt_tail"`
	// FreePercent and FreeBytes, whichever is less, of the embedded server's disk must be free, or nothing that would be stored
	// there is accepted; at half of it dispatching pauses too (docs/storage.md). Defaults 10 (0 to 90) and 2GiB.
	FreePercent int  `yaml:"free_percent"`
	FreeBytes   Size `yaml:"free_bytes"`
	// AckWait is how long a batch may be silent before another node gets it, 5s to 10m; of a carrier's queue 15s at most. Default 30s.
	AckWait time.Duration `yaml:"ack_wait"`
}

// NodeTLS names the files of mutual TLS between nodes, all PEM. Set all or none.
type NodeTLS struct {
	// CAFile holds the authority that certificates must be of.
	CAFile string `yaml:"ca_file"`
	// CertFile holds this node's certificate, good for a server and for a client, with its addresses.
	CertFile string `yaml:"cert_file"`
	// KeyFile holds its private key.
	KeyFile string `yaml:"key_file"`
}

// NodeKey is a node that may connect, and as what: it may do what its roles need and nothing else.
type NodeKey struct {
	// Name of the node.
	Name string `yaml:"name"`
	// Key is its public key, U and 55 capitals and digits.
	Key string `yaml:"key"`
	// Roles that it plays.
	Roles []Role `yaml:"roles"`
	// Apply lets the commands there change the resources (tasman apply and rollback), as on the nodes of role streams. Default
	// false.
	Apply bool `yaml:"apply"`
}

// Cluster makes an embedded server one of the servers of a cell, which hold the streams together. The nodes' names are the
// servers' names. Without nats.tls the connections between the servers are neither encrypted nor authenticated, so they need a
// network of their own.
type Cluster struct {
	// Name of the cell, the same on all its servers, of the form of resource names. Default "tasman".
	Name string `yaml:"name"`
	// Listen is the host:port where the other servers of the cell connect. Default "": the server is alone.
	Listen string `yaml:"listen"`
	// Routes are the host:port of every server of the cell, its own included, the same list on all of them.
	Routes []string `yaml:"routes"`
}

// StreamLimits are the octets that each stream may hold, each at least 1MiB; MT's limit is per partition. Default 8GiB each.
type StreamLimits struct {
	MT       Size `yaml:"mt"`
	Dispatch Size `yaml:"dispatch"`
	Events   Size `yaml:"events"`
	Inbound  Size `yaml:"inbound"`
	Deliver  Size `yaml:"deliver"`
}

// MySQL is the reporting database, MySQL 8 or MariaDB 10.11 and later.
type MySQL struct {
	// DSN as go-sql-driver/mysql reads it: user:password@tcp(host:3306)/name. Empty = no reporting until one is set.
	DSN Secret `yaml:"dsn"`
	// Settle is how long the row of an open message is held back, so that most are written once, 0 to 10m. Default 10s.
	Settle time.Duration `yaml:"settle"`
	// KeepMessages is how long rows of messages are kept, 24h to 87600h. Default 2160h (90 days).
	KeepMessages time.Duration `yaml:"keep_messages"`
	// KeepEvents is how long rows of events are kept, 24h to 87600h. Default 720h (30 days).
	KeepEvents time.Duration `yaml:"keep_events"`
	// Connections open at once, 1 to 100. Default 4.
	Connections int `yaml:"connections"`
}

// Index is the local view of what became of each message.
type Index struct {
	// Keep is how long a message is remembered, 24h to 720h. Default 168h (7 days).
	Keep time.Duration `yaml:"keep"`
}

// Edge has the limits of the doors that face customers.
type Edge struct {
	// AcceptTimeout is how long a submission may wait to be stored before it is refused, 1s to 60s. Default 8s, below the 10s
	// after which the quickest of known clients gives up.
	AcceptTimeout time.Duration `yaml:"accept_timeout"`
	// MaxBody of an HTTP request, 1KiB to 64MiB. Default 1MiB.
	MaxBody Size `yaml:"max_body"`
	// MaxMail of an e-mail, 1KiB to 64MiB. Default 256KiB.
	MaxMail Size `yaml:"max_mail"`
	// MaxRecipients of one request or e-mail, 1 to 10000. Default 1000.
	MaxRecipients int `yaml:"max_recipients"`
	// MaxConns is how many connections each door takes at once, 1 to 1000000. Default 10000.
	MaxConns int `yaml:"max_conns"`
	// BindTimeout is how long a connection may stay unbound, 1s to 5m. Default 10s.
	BindTimeout time.Duration `yaml:"bind_timeout"`
	// EnquireLink is the idle time after which a customer's session is asked whether it is alive, 1s to 1h. Default 30s.
	EnquireLink time.Duration `yaml:"enquire_link"`
	// Inactivity is how long a session may carry nothing but enquire_link, 0 or 1m to 24h. Default 0 = for ever.
	Inactivity time.Duration `yaml:"inactivity"`
	// DeliverWindow is how many deliver_sm of a session may wait for an answer, 1 to 1000. Default 100: at 50 ms
	// to an answer that is 2,000 receipts per second.
	DeliverWindow int `yaml:"deliver_window"`
	// SMPPClientCA is a PEM file with the certificates that sign those of SMPP clients, for users with certificate_names; needs
	// listen.smpp_tls. Default "": users are known by fingerprints only.
	SMPPClientCA string `yaml:"smpp_client_ca"`
	// TrustedProxies may give the client's address in X-Forwarded-For, as IP or CIDR. Default none.
	TrustedProxies []string `yaml:"trusted_proxies"`
}

// LogFormat is how log lines look.
type LogFormat string

// The formats.
const (
	LogAuto LogFormat = "auto" // text on a terminal, JSON otherwise
	LogJSON LogFormat = "json"
	LogText LogFormat = "text"
)

// Log says what is logged and how.
type Log struct {
	// Level from which on lines are logged: debug, info, warn or error. Default info.
	Level string `yaml:"level"`
	// Format is auto, json or text. Default auto.
	Format LogFormat `yaml:"format"`
}

// Defaults returns a node with every default. Only Name depends on the machine: it is the host's.
func Defaults() *Node {
	const gib = 1 << 30
	return &Node{
		Name: hostName(), Data: "data", Roles: Roles(), Drain: 10 * time.Second,
		Listen: Listen{HTTP: ":8080", SMPP: ":2775", SMTP: ":2525", Console: "127.0.0.1:8081", Metrics: "127.0.0.1:9090"},
		NATS: NATS{
			Cluster: Cluster{Name: "tasman"}, Replicas: 1, Partitions: 1, Shards: 16, SyncAlways: true,
			Limits:    StreamLimits{MT: 8 * gib, Dispatch: 8 * gib, Events: 8 * gib, Inbound: 8 * gib, Deliver: 8 * gib},
			EventsAge: 7 * 24 * time.Hour, MTTail: 24 * time.Hour, FreePercent: 10, FreeBytes: 2 * gib, AckWait: 30 * time.Second,
		},
		MySQL: MySQL{Settle: 10 * time.Second, KeepMessages: 90 * 24 * time.Hour, KeepEvents: 30 * 24 * time.Hour, Connections: 4},
		Index: Index{Keep: 7 * 24 * time.Hour},
		Edge: Edge{
			AcceptTimeout: 8 * time.Second, MaxBody: 1 << 20, MaxMail: 256 << 10, MaxRecipients: 1000, MaxConns: 10_000,
			BindTimeout: 10 * time.Second, EnquireLink: 30 * time.Second, DeliverWindow: 100,
		},
		Log: Log{Level: "info", Format: LogAuto},
	}
}

// hostName brings the host's name into the form of resource names; "node" when the host has none.
func hostName() string {
	h, _ := os.Hostname() // no name is no reason not to start
	h = strings.Map(func(r rune) rune {
		if ('a' <= r && r <= 'z') || ('0' <= r && r <= '9') || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(h))
	h = strings.TrimLeft(h[:min(len(h), 63)], "-_")
	if h == "" {
		return "node"
	}
	return h
}

// Plays reports whether the node plays the role.
func (n *Node) Plays(r Role) bool { return slices.Contains(n.Roles, r) }

// Dir returns a directory below Data: Dir("index") is data/index.
func (n *Node) Dir(name string) string { return filepath.Join(n.Data, name) }

// Validate looks at every field and returns all that is wrong, as *ResourceError joined by errors.Join.
func (n *Node) Validate() error {
	var errs []error
	for _, f := range n.findings() {
		errs = append(errs, &ResourceError{Field: f.field, Msg: f.msg})
	}
	return errors.Join(errs...)
}

func (n *Node) findings() []finding {
	var f findings
	if !ValidName(n.Name) {
		f.add("name", "%s", nameRule)
	}
	if n.Region != "" && !ValidName(n.Region) {
		f.add("region", "%s", nameRule)
	}
	f.required("data", n.Data)
	before := len(f.list)
	if len(n.Roles) == 0 {
		f.add("roles", "must list at least one role")
	}
	names := make([]string, len(n.Roles))
	for i, r := range n.Roles {
		names[i] = string(r)
		oneOf(&f, fmt.Sprintf("roles[%d]", i), r, Roles()...)
	}
	f.unique("roles", names)
	if len(f.list) == before && !n.Plays(RoleStreams) && n.NATS.alone() {
		f.add("roles", "without streams need nats.urls: nobody would make the streams of the node's own server")
	}
	f.duration("lame_duck", n.LameDuck, 0, 5*time.Minute)
	f.duration("drain", n.Drain, time.Second, 5*time.Minute)
	oneOf(&f, "log.level", n.Log.Level, "debug", "info", "warn", "error")
	oneOf(&f, "log.format", n.Log.Format, LogAuto, LogJSON, LogText)
	f.duration("index.keep", n.Index.Keep, 24*time.Hour, 720*time.Hour)
	n.Listen.validate(&f)
	if (n.TLS.CertFile == "") != (n.TLS.KeyFile == "") {
		f.add("tls.key_file", "cert_file and key_file must be set both or none")
	}
	if n.Listen.SMPPTLS != "" && n.TLS.CertFile == "" {
		f.add("listen.smpp_tls", "needs tls.cert_file and tls.key_file")
	}
	if n.Edge.SMPPClientCA != "" && n.Listen.SMPPTLS == "" {
		f.add("edge.smpp_client_ca", "needs listen.smpp_tls")
	}
	n.NATS.validate(&f)
	n.MySQL.validate(&f)
	n.Edge.validate(&f)
	return f.list
}

func (l *Listen) validate(f *findings) {
	taken := map[string]string{}
	for _, d := range []struct{ field, addr string }{
		{"listen.http", l.HTTP}, {"listen.smpp", l.SMPP}, {"listen.smpp_tls", l.SMPPTLS},
		{"listen.smtp", l.SMTP}, {"listen.console", l.Console}, {"listen.metrics", l.Metrics},
	} {
		if d.addr == "" {
			continue
		}
		f.hostPort(d.field, d.addr, true)
		if other := taken[d.addr]; other != "" && !strings.HasSuffix(d.addr, ":0") {
			f.add(d.field, "is the address of %s too", other)
		}
		taken[d.addr] = d.field
	}
}

func (n *NATS) validate(f *findings) {
	for i, u := range n.URLs {
		if !strings.HasPrefix(u, "nats://") && !strings.HasPrefix(u, "tls://") {
			f.add(fmt.Sprintf("nats.urls[%d]", i), "must start with nats:// or tls://")
		}
	}
	for i, u := range n.Home {
		if !slices.Contains(n.URLs, u) {
			f.add(fmt.Sprintf("nats.home[%d]", i), "must be one of nats.urls")
		}
	}
	if n.Listen != "" {
		f.hostPort("nats.listen", n.Listen, true)
		if len(n.URLs) > 0 {
			f.add("nats.listen", "is for the embedded server, which nats.urls switches off")
		}
	}
	if n.Replicas != 1 && n.Replicas != 3 && n.Replicas != 5 {
		f.add("nats.replicas", "must be 1, 3 or 5")
	}
	if n.Replicas > 1 && len(n.URLs) == 0 && n.Cluster.Listen == "" {
		f.add("nats.replicas", "must be 1 with an embedded server that is alone: nats.cluster joins several")
	}
	n.Cluster.validate(f, n)
	n.TLS.validate(f)
	n.validateLogin(f)
	if len(n.Nodes) > 0 && len(n.URLs) > 0 {
		f.add("nats.nodes", "is for the embedded server, which nats.urls switches off")
	}
	names := make([]string, len(n.Nodes))
	for i := range n.Nodes {
		names[i] = n.Nodes[i].Name
		n.Nodes[i].validate(f, fmt.Sprintf("nats.nodes[%d]", i))
	}
	f.unique("nats.nodes", names)
	between(f, "nats.partitions", n.Partitions, 1, 64)
	between(f, "nats.alert_partitions", n.AlertPartitions, 0, 8)
	between(f, "nats.shards", n.Shards, 1, 256)
	for _, l := range []struct {
		field string
		size  Size
	}{{"mt", n.Limits.MT}, {"dispatch", n.Limits.Dispatch}, {"events", n.Limits.Events}, {"inbound", n.Limits.Inbound}, {"deliver", n.Limits.Deliver}} {
		between(f, "nats.limits."+l.field, l.size, 1<<20, 1<<50)
	}
	f.duration("nats.events_age", n.EventsAge, time.Hour, 8760*time.Hour)
	f.duration("nats.mt_tail", n.MTTail, 0, 168*time.Hour)
	between(f, "nats.free_percent", n.FreePercent, 0, 90)
	between(f, "nats.free_bytes", n.FreeBytes, 0, 1<<50)
	f.duration("nats.ack_wait", n.AckWait, 5*time.Second, 10*time.Minute)
}

// alone reports whether the node has a server of its own that no other node can reach.
func (n *NATS) alone() bool { return len(n.URLs) == 0 && n.Listen == "" && n.Cluster.Listen == "" }

func (t *NodeTLS) validate(f *findings) {
	if *t != (NodeTLS{}) && (t.CAFile == "" || t.CertFile == "" || t.KeyFile == "") {
		f.add("nats.tls", "ca_file, cert_file and key_file must be set all or none")
	}
}

// validateLogin looks at how the node shows who it is.
func (n *NATS) validateLogin(f *findings) {
	for _, l := range []struct {
		field      string
		set, other bool
	}{{"nats.creds_file", n.CredsFile != "", n.SeedFile != ""}, {"nats.user", n.User != "", n.SeedFile != "" || n.CredsFile != ""}} {
		switch {
		case l.set && len(n.URLs) == 0:
			f.add(l.field, "is for external servers: nats.urls names none")
		case l.set && l.other:
			f.add(l.field, "only one of seed_file, creds_file and user may be set")
		}
	}
	if n.Password != "" && n.User == "" {
		f.add("nats.password", "needs nats.user")
	}
}

// publicKeyForm is what a node's public key looks like; the server checks the rest.
var publicKeyForm = regexp.MustCompile(`^U[A-Z2-7]{55}$`)

func (n *NodeKey) validate(f *findings, field string) {
	if f.required(field+".name", n.Name) && !ValidName(n.Name) {
		f.add(field+".name", "%s", nameRule)
	}
	if f.required(field+".key", n.Key) && !publicKeyForm.MatchString(n.Key) {
		f.add(field+".key", "must be a public key: U and 55 of A-Z and 2-7, as `tasman key` prints it")
	}
	if len(n.Roles) == 0 {
		f.add(field+".roles", "must list at least one role")
	}
	for i, r := range n.Roles {
		oneOf(f, fmt.Sprintf("%s.roles[%d]", field, i), r, Roles()...)
	}
}

func (c *Cluster) validate(f *findings, n *NATS) {
	if !ValidName(c.Name) {
		f.add("nats.cluster.name", "%s", nameRule)
	}
	for i, r := range c.Routes {
		f.hostPort(fmt.Sprintf("nats.cluster.routes[%d]", i), r, false)
	}
	f.unique("nats.cluster.routes", c.Routes)
	if c.Listen == "" {
		if len(c.Routes) > 0 {
			f.add("nats.cluster.routes", "need nats.cluster.listen, where the others find this server")
		}
		return
	}
	f.hostPort("nats.cluster.listen", c.Listen, true)
	if strings.HasSuffix(c.Listen, ":0") {
		f.add("nats.cluster.listen", "must have a port that the other servers know")
	}
	if len(n.URLs) > 0 {
		f.add("nats.cluster.listen", "is for the embedded server, which nats.urls switches off")
	}
	if len(c.Routes) < max(2, n.Replicas) {
		f.add("nats.cluster.routes", "must list every server of the cell, at least as many as nats.replicas")
	}
}

func (m *MySQL) validate(f *findings) {
	if m.DSN != "" && !strings.Contains(string(m.DSN), "/") {
		f.add("mysql.dsn", "must have the form user:password@tcp(host:3306)/name")
	}
	f.duration("mysql.settle", m.Settle, 0, 10*time.Minute)
	f.duration("mysql.keep_messages", m.KeepMessages, 24*time.Hour, 87600*time.Hour)
	f.duration("mysql.keep_events", m.KeepEvents, 24*time.Hour, 87600*time.Hour)
	between(f, "mysql.connections", m.Connections, 1, 100)
}

func (e *Edge) validate(f *findings) {
	f.duration("edge.accept_timeout", e.AcceptTimeout, time.Second, time.Minute)
	between(f, "edge.max_body", e.MaxBody, 1<<10, 64<<20)
	between(f, "edge.max_mail", e.MaxMail, 1<<10, 64<<20)
	between(f, "edge.max_recipients", e.MaxRecipients, 1, 10_000)
	between(f, "edge.max_conns", e.MaxConns, 1, 1_000_000)
	f.duration("edge.bind_timeout", e.BindTimeout, time.Second, 5*time.Minute)
	f.duration("edge.enquire_link", e.EnquireLink, time.Second, time.Hour)
	if e.Inactivity != 0 {
		f.duration("edge.inactivity", e.Inactivity, time.Minute, 24*time.Hour)
	}
	between(f, "edge.deliver_window", e.DeliverWindow, 1, 1000)
	for i, p := range e.TrustedProxies {
		if _, err := readPrefix(p); err != nil {
			f.add(fmt.Sprintf("edge.trusted_proxies[%d]", i), "%v", err)
		}
	}
}
