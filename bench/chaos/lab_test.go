//go:build linux

package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tasman/bench"
	"tasman/bench/journal"
	"tasman/configs"
	"tasman/node"
	"tasman/reporting/mariadb"
)

const (
	regions   = 3
	oneWay    = 12500 * time.Microsecond // between regions: 25 ms there and back
	account   = "bench"
	password  = "bench123"
	partition = "MT-1"          // where the account's messages go while it answers
	links     = 2               // of each carrier
	window    = 20              // of each link, so what a crash may leave in doubt is small
	patience  = 3 * time.Minute // what is only late on a machine that does other things beside is not lost
)

// lab is the mesh and what stands around it.
type lab struct {
	dir       string
	binary    string
	spaces    []*space // the world and the regions
	net       *router
	members   []*member
	database  *mariadb.Server
	operators []*operator
	disks     []*disk // of the regions; none: their data are not lost with the power
	markers   uint64  // the first number that no load has used
}

// operator is a simulated one, and the journal of what it received.
type operator struct {
	smsc    *bench.SMSC
	usual   bench.Settings
	journal string
	writer  *journal.Writer
}

// newLab starts everything and waits until it is ready.
func newLab(t *testing.T) *lab {
	t.Helper()
	dir := os.Getenv(insideEnv)
	l := &lab{dir: dir, binary: filepath.Join(dir, "tasman"), markers: 1}
	l.spaces = newSpaces(t, 1+regions)
	l.net = newRouter(l.spaces, oneWay)
	t.Cleanup(l.net.close)
	if os.Getenv(rootEnv) == "1" {
		l.plugDisks(t)
	}
	l.startDatabase(t)
	t.Cleanup(func() { l.stopDatabase(t) })
	l.startOperators(t)
	l.layNodes(t)
	t.Cleanup(func() { l.keepLogs(t) })
	t.Cleanup(l.end)
	var starting sync.WaitGroup
	for _, n := range l.members {
		n.start(t)
	}
	for _, n := range l.members {
		starting.Go(func() { n.awaitReady(t) })
	}
	starting.Wait()
	l.demandSecure(t)
	if t.Failed() {
		t.FailNow()
	}
	l.apply(t)
	return l
}

// end kills what still runs.
func (l *lab) end() {
	for _, n := range l.members {
		n.kill()
	}
}

func (l *lab) startDatabase(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var err error
	if l.database, err = mariadb.Start(ctx, filepath.Join(l.dir, "db"), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
}

func (l *lab) stopDatabase(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := l.database.Stop(ctx); err != nil {
		t.Error("database:", err)
	}
}

// crashDatabase kills the database.
func (l *lab) crashDatabase(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no time to shut down in order
	if err := l.database.Stop(ctx); err == nil {
		t.Error("the database ended in order")
	}
}

func (l *lab) startOperators(t *testing.T) {
	t.Helper()
	for i, name := range []string{"a", "b"} {
		o := &operator{journal: filepath.Join(l.dir, "operator-"+name)}
		o.usual = bench.Settings{Latency: bench.Delay{Mean: 30 * time.Millisecond, Spread: bench.SpreadUniform}, NoMagic: true}
		o.usual.Receipts.Delay = bench.Delay{Mean: 500 * time.Millisecond, Spread: bench.SpreadUniform}
		var err error
		if o.writer, err = journal.Create(o.journal, journal.RoleSimulator, name); err != nil {
			t.Fatal(err)
		}
		o.smsc = bench.NewSMSC(bench.SMSCOptions{Settings: &o.usual, Journal: o.writer, FirstID: 1 + uint64(i)<<48})
		if err := o.smsc.Start(l.operatorAddr(i)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = o.smsc.Close(ctx) // of links that were killed, some may not unbind
			if err := o.writer.Close(); err != nil {
				t.Error("journal:", err)
			}
		})
		l.operators = append(l.operators, o)
	}
}

func (l *lab) operatorAddr(i int) string { return fmt.Sprintf("%s:%d", l.spaces[world].addr, 3001+i) }

// set changes how operators behave; usual again with nil.
func (l *lab) set(t *testing.T, change func(*bench.Settings), operators ...*operator) {
	t.Helper()
	for _, o := range operators {
		s := o.usual
		if change != nil {
			change(&s)
		}
		if err := o.smsc.Set(s); err != nil {
			t.Error(err)
		}
	}
}

// resources of the mesh: two carriers that share the traffic, each the other's alternative.
func (l *lab) resources() string {
	var b strings.Builder
	for i, name := range []string{"a", "b"} {
		fmt.Fprintf(&b, "kind: Carrier\nname: %s\nspec: {addresses: [%q], system_id: tasman, password: x, links: %d, window: %d, reconnect_min: 200ms, "+
			"reconnect_max: 1s, enquire_link: 5s, response_timeout: 8s, connect_timeout: 3s, failover_after: 5s, recover_after: 2s}\n---\n",
			name, l.operatorAddr(i), links, window)
	}
	return b.String() + fmt.Sprintf("kind: Account\nname: %[1]s\nspec: {lanes: [alert, normal, bulk], country: AU, binds: 100, window: 100}\n---\n"+
		"kind: SMPPUser\nname: %[1]s\nspec: {account: %[1]s, password: %[2]s}\n---\n"+
		"kind: Route\nname: all\nspec: {prefixes: [\"\"], tiers: [[{carrier: a}, {carrier: b}]]}\n", account, password)
}

// apply puts the resources into service and waits until the carriers' links are up.
func (l *lab) apply(t *testing.T) {
	t.Helper()
	admin, err := node.NewAdmin(l.byName("s1").data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Apply(t.Context(), "chaos.yaml", []byte(l.resources())); err != nil {
		t.Fatal(err)
	}
	for _, o := range l.operators {
		until(t, "the links to the operators are up", patience, func() error {
			if n := o.smsc.Stats().Sessions; n < links {
				return fmt.Errorf("%d links", n)
			}
			return nil
		})
	}
}

// layNodes writes the configuration of twelve nodes, and a key for each.
func (l *lab) layNodes(t *testing.T) {
	t.Helper()
	var known strings.Builder
	for r := 1; r <= regions; r++ {
		for i, roles := range []string{"streams", "core, reporting", "carriers", "edge"} {
			n := &member{name: fmt.Sprintf("%c%d", roles[0], r), region: r, roles: roles, space: l.spaces[r], binary: l.binary}
			if roles == "carriers" {
				n.name = fmt.Sprintf("w%d", r)
			}
			n.metrics = fmt.Sprintf("%s:%d", n.space.addr, 9091+i)
			n.file, n.log = filepath.Join(l.dir, n.name+".yaml"), filepath.Join(l.dir, n.name+".log")
			n.data = filepath.Join(l.dir, fmt.Sprint("r", r), n.name)
			l.members = append(l.members, n)
			if roles == "streams" {
				continue
			}
			public, err := node.NewKey(n.seed())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&known, "\n  - {name: %s, key: %s, roles: [%s]}", n.name, public, roles)
		}
	}
	authority := l.certify(t)
	for _, n := range l.members {
		if err := os.WriteFile(n.file, []byte(n.config(l.spaces, authority, known.String(), l.database.DSN())), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := configs.LoadNode(n.file); err != nil {
			t.Fatalf("%s: %v", n.name, err)
		}
	}
}

func (l *lab) byName(name string) *member {
	for _, n := range l.members {
		if n.name == name {
			return n
		}
	}
	panic("no node " + name)
}

// of returns the nodes that play a role, in the order of regions.
func (l *lab) of(role string) (list []*member) {
	for _, n := range l.members {
		if n.plays(role) {
			list = append(list, n)
		}
	}
	return list
}

// in returns the nodes of a region.
func (l *lab) in(region int) (list []*member) {
	for _, n := range l.members {
		if n.region == region {
			list = append(list, n)
		}
	}
	return list
}

// leader returns the node whose server leads a stream.
func (l *lab) leader(t *testing.T, stream string) (leader *member) {
	t.Helper()
	until(t, "leader of "+stream, 20*time.Second, func() error {
		for _, n := range l.of("core") {
			for _, m := range n.read("tasman_streams_leader") {
				if m.labels["stream"] == stream && m.value == 1 {
					leader = l.byName(m.labels["server"])
					return nil
				}
			}
		}
		return fmt.Errorf("nobody knows it")
	})
	return leader
}

// queued returns how many batches wait anywhere, as the first core node says that answers.
func (l *lab) queued() (n float64, err error) {
	for _, n := range l.of("core") {
		if all := n.read("tasman_streams_pending_batches"); len(all) > 0 {
			return sumOf(all), nil
		}
	}
	return 0, fmt.Errorf("no core node tells its metrics")
}

// owner returns the node that has links to operators.
func (l *lab) owner(t *testing.T) (owner *member) {
	t.Helper()
	until(t, "a node has links to operators", 20*time.Second, func() error {
		for _, owner = range l.of("carriers") {
			if owner.sum("tasman_carriers_link_up") > 0 {
				return nil
			}
		}
		return fmt.Errorf("none says so")
	})
	return owner
}
