package streams

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// TLS secures the connections between nodes and servers. Both sides show a certificate of the same authority. The files are
// read at the start.
type TLS struct {
	CAFile, CertFile, KeyFile string // PEM; all or none
}

// config returns what both sides need, nil for no TLS.
func (t TLS) config() (*tls.Config, error) {
	if t == (TLS{}) {
		return nil, nil
	}
	if t.CAFile == "" || t.CertFile == "" || t.KeyFile == "" {
		return nil, errors.New("TLS between nodes needs an authority, a certificate and its key")
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("authority of the nodes: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("authority of the nodes: no certificate in %s", t.CAFile)
	}
	cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate of the node: %w", err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert,
	}, nil
}

// Peer is a node that may connect to the embedded server, and as what.
type Peer struct {
	Node  string   // its name
	Key   string   // its public key, U...
	Roles []string // that it plays
	Apply bool     // it may change the resources, as role streams may
}

// NewSeed returns a new seed, which a node keeps to itself, and its public key, by which servers know the node.
func NewSeed() (seed, public string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", "", fmt.Errorf("new key: %w", err)
	}
	s, err := pair.Seed()
	if err != nil {
		return "", "", fmt.Errorf("new key: %w", err)
	}
	public, err = pair.PublicKey()
	if err != nil {
		return "", "", fmt.Errorf("new key: %w", err)
	}
	return string(s), public, nil
}

// credentials returns how a node proves to a server who it is.
func credentials(seed string) (nats.Option, error) {
	pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(seed)))
	if err != nil {
		return nil, errors.New("the seed is not one of a node: want one that begins with SU")
	}
	public, err := pair.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(public) {
		return nil, errors.New("the seed is not one of a node: want one that begins with SU")
	}
	return nats.Nkey(public, pair.Sign), nil
}

// guard lets only the peers of the configuration connect, each with the rights of its roles. own is the key of the process's
// own connection, which may do all: the server is its.
func guard(opts *server.Options, cfg Config, own string) error {
	if len(cfg.Peers) == 0 {
		return nil
	}
	opts.Nkeys = []*server.NkeyUser{{Nkey: own}}
	for _, p := range cfg.Peers {
		if err := p.check(); err != nil {
			return err
		}
		rights, err := rightsOf(p, cfg)
		if err != nil {
			return fmt.Errorf("peer %s: %w", p.Node, err)
		}
		opts.Nkeys = append(opts.Nkeys, &server.NkeyUser{Nkey: p.Key, Permissions: rights})
	}
	return nil
}

// check looks at the name and the key.
func (p Peer) check() error {
	if p.Node == "" || token(p.Node) != p.Node {
		return fmt.Errorf("peer %q: want a node's name", p.Node)
	}
	if !nkeys.IsValidPublicUserKey(p.Key) {
		return fmt.Errorf("peer %s: %q is not a node's public key (U...)", p.Node, p.Key)
	}
	return nil
}

// inboxOf is where answers to a node come: no other may listen there.
func inboxOf(node string) string { return "_INBOX." + token(node) }

// rights are the subjects that a role may publish to and listen on.
type rights struct{ publish, subscribe []string }

// rightsOf returns what a node may do where the streams are those of shape: what its roles need, by name, and nothing else. The
// whole API of JetStream would be a master key. Only role streams makes, changes, purges and deletes streams and durables; it and
// who has Apply change the resources.
func rightsOf(p Peer, shape Config) (*server.Permissions, error) {
	if len(p.Roles) == 0 {
		return nil, errors.New("plays no role")
	}
	all := rightsOfAll()
	for _, role := range p.Roles {
		r, ok := rightsOfRole(role, shape.shaped())
		if !ok {
			return nil, fmt.Errorf("role %q is not known", role)
		}
		all.publish, all.subscribe = append(all.publish, r.publish...), append(all.subscribe, r.subscribe...)
	}
	if p.Apply {
		all.publish = append(all.publish, "$KV."+configBucket+"."+manifestKey, "$KV."+blobBucket+".*")
	}
	all.subscribe = append(all.subscribe, inboxOf(p.Node)+".>")
	for _, list := range []*[]string{&all.publish, &all.subscribe} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: all.publish}, Subscribe: &server.SubjectPermission{Allow: all.subscribe},
		Response: &server.ResponsePermission{MaxMsgs: 1, Expires: 2 * askWait}, // those who answer questions
	}, nil
}

// rightsOfAll: the resources in service, leases, and how full the streams and the servers' disks are.
func rightsOfAll() rights {
	r := rights{subscribe: []string{statusPrefix + "*"}, publish: []string{
		"$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.LIST.*", // depths and fill
		"$KV." + leaseBucket + ".>",
		serverQuestion, whoAmI, // the doctor's: how the servers are, and what this node may do
		// The watch of the resources is a reader of its own.
		"$JS.API.CONSUMER.CREATE." + bucketStream(configBucket) + ".>", "$JS.API.CONSUMER.DELETE." + bucketStream(configBucket) + ".*",
		"$JS.FC." + bucketStream(configBucket) + ".>",
	}}
	r.subscribe = append(r.subscribe, electionPrefix+"*.*")
	for _, bucket := range []string{configBucket, blobBucket, leaseBucket} {
		r.publish = append(r.publish, readOne(bucketStream(bucket))...)
	}
	return r
}

// readOne: to read single messages of a stream.
func readOne(stream string) []string {
	return []string{"$JS.API.STREAM.MSG.GET." + stream, "$JS.API.DIRECT.GET." + stream, "$JS.API.DIRECT.GET." + stream + ".>"}
}

// working: to read durables of a stream and answer for their batches.
func working(stream string) []string {
	return []string{"$JS.API.CONSUMER.INFO." + stream + ".*", "$JS.API.CONSUMER.MSG.NEXT." + stream + ".*", "$JS.ACK." + stream + ".>"}
}

// tailing: to follow a stream with a reader of one's own, which the server forgets.
func tailing(stream string) []string {
	return append(readOne(stream), "$JS.API.CONSUMER.CREATE."+stream+".>", "$JS.API.CONSUMER.DELETE."+stream+".*",
		"$JS.API.CONSUMER.INFO."+stream+".*", "$JS.API.CONSUMER.MSG.NEXT."+stream+".*")
}

func rightsOfRole(role string, shape Config) (r rights, known bool) {
	give := func(lists ...[]string) {
		for _, l := range lists {
			r.publish = append(r.publish, l...)
		}
	}
	// The story of every message, and how far it was read.
	story := func() {
		for p := range shape.Partitions {
			give(tailing(MTStream(p)))
		}
		for q := range shape.Alerts {
			give(tailing(AlertStream(q)))
		}
		give(tailing(Events), tailing(Deliver), []string{"$KV." + positionBucket + ".>"}, readOne(bucketStream(positionBucket)))
	}
	markers := func() {
		give([]string{"mt.*.marker", "dispatch.marker", "alert.*.marker", "event.marker", "deliver.marker"})
	}
	queues := func() {
		for q := range shape.Alerts {
			give(working(AlertStream(q)))
		}
		give([]string{"dispatch.>", "alert.>"})
	}
	const question = askPrefix + ">"
	switch role {
	case "streams":
		return rights{publish: []string{">"}, subscribe: []string{">"}}, true
	case "edge":
		give([]string{"mt.>", "deliver.parked.>", "event.edge", undecodableSubject, question}, working(Deliver), readOne(Deliver))
	case "core":
		story()
		markers()
		for p := range shape.Partitions {
			give(working(MTStream(p)))
		}
		queues()
		give(working(Inbound), working(Schedule), readOne(Inbound), readOne(Schedule),
			[]string{"deliver.>", "schedule.>", "event.core", "event.receipts", undecodableSubject, question})
		r.subscribe = append(r.subscribe, question)
	case "carriers":
		story()
		markers()
		queues()
		give([]string{"$JS.API.CONSUMER.RESET." + Dispatch + ".*"}) // how far a carrier's queue is worked
		give([]string{"inbound.>", "deliver.>", "event.carriers", "event.receipts", undecodableSubject, question})
		r.subscribe = append(r.subscribe, question)
	case "reporting":
		story()
		markers()
	case "console":
		give([]string{question})
	default:
		return rights{}, false
	}
	return r, true
}
