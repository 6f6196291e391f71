package node

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"tasman/configs"
	"tasman/node/doctor"
	"tasman/streams"
)

// DoctorOptions say where else a doctor looks.
type DoctorOptions struct {
	Servers  []string // URLs of NATS servers, instead of those of the node's file
	System   string   // URL with a user of the servers' system account; "" = none
	Monitors []string // monitoring addresses of servers
}

// Doctor checks a running cell as a node of it sees it, and the node's own file and folder. Where the file names servers, it
// connects to them as the node would, whether that runs or not; the servers embedded in a node are looked at from within the
// running node. What is wrong is in the report: its error is that of a file that cannot be used.
func Doctor(ctx context.Context, cfg *configs.Node, opts DoctorOptions) (*doctor.Report, error) {
	if len(opts.Servers) > 0 {
		other := *cfg
		other.NATS.URLs, other.NATS.Home, other.NATS.Listen, other.NATS.Cluster.Listen, other.NATS.Nodes = opts.Servers, nil, "", "", nil
		cfg = &other
	}
	if len(cfg.NATS.URLs) > 0 {
		return doctorOutside(ctx, cfg, opts)
	}
	admin, err := NewAdmin(cfg.Data)
	if err != nil {
		return nil, err
	}
	report := &doctor.Report{}
	if err := admin.call(ctx, http.MethodGet, "/doctor", nil, report); err != nil {
		report.Node = cfg.Name
		report.Add(doctor.Finding{Level: doctor.Fail, Check: "node", About: cfg.Name, Text: fmt.Sprintf("its server cannot be asked: %v", err),
			Change: "start it with `tasman run -c FILE`; for the servers of others give --server"})
		report.Add(doctor.Settings(cfg)...)
		report.Add(doctor.Folder(cfg)...)
	}
	return report, nil
}

// adminDoctor is the visit within a running node.
func (n *Node) adminDoctor(w http.ResponseWriter, r *http.Request) {
	report := &doctor.Report{Node: n.cfg.Name}
	if err := n.Ready(); err != nil {
		report.Add(doctor.Finding{Level: doctor.Fail, Check: "node", About: n.cfg.Name, Text: "is not ready: " + strings.ReplaceAll(err.Error(), "\n", "; "), Change: "see below and the log of the node"})
	} else {
		report.Add(doctor.Finding{Level: doctor.OK, Check: "node", About: n.cfg.Name, Text: "runs and is ready"})
	}
	if err := visit(r.Context(), report, n.cfg, n.bus, n.live.Load(), nil); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, report)
}

// visit adds what is found by way of a connection, and in the node's file and folder. snap is nil when it is not known.
func visit(ctx context.Context, report *doctor.Report, cfg *configs.Node, bus *streams.Bus, snap *configs.Snapshot, servers []streams.ServerState) error {
	known := snap
	if known == nil {
		known = &configs.Snapshot{}
	}
	s, err := bus.Survey(ctx, topologyOf(cfg, known))
	if err != nil {
		return err
	}
	s.Add(servers...)
	report.Add(doctor.Servers(s)...)
	report.Add(doctor.Streams(s, cfg)...)
	if snap != nil {
		report.Add(doctor.Resources(snap, cfg.NATS.Replicas)...)
	}
	report.Add(doctor.Settings(cfg)...)
	report.Add(doctor.Folder(cfg)...)
	return nil
}

// doctorConnect bounds how long the doctor's own connection may take: each server has been asked by itself before.
const doctorConnect = 10 * time.Second

func doctorOutside(ctx context.Context, cfg *configs.Node, opts DoctorOptions) (*doctor.Report, error) {
	report := &doctor.Report{Node: cfg.Name}
	sc, err := busConfig(cfg)
	if err != nil {
		return nil, err
	}
	states := probe(ctx, sc)
	more, findings := askOthers(ctx, sc, opts)
	states = append(states, more...)
	report.Add(findings...)
	opening, cancel := context.WithTimeout(ctx, doctorConnect)
	defer cancel()
	if !answers(states) {
		cancel() // nobody is there to wait for
	}
	bus, err := streams.Open(opening, sc, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		s := &streams.Survey{}
		s.Add(states...)
		report.Add(doctor.Servers(s)...)
		report.Add(doctor.Settings(cfg)...)
		report.Add(doctor.Folder(cfg)...)
		return report, nil
	}
	defer func() { _ = bus.Close(context.WithoutCancel(ctx)) }() // it holds nothing
	snap, err := inService(ctx, bus)
	if err != nil {
		report.Add(doctor.Finding{Level: doctor.Fail, Check: "resources", Text: fmt.Sprintf("cannot be read: %v", err), Change: "see below"})
	}
	return report, visit(ctx, report, cfg, bus, snap, states)
}

// probe asks each server of the configuration by itself.
func probe(ctx context.Context, sc streams.Config) []streams.ServerState {
	states := make([]streams.ServerState, len(sc.URLs))
	var asking sync.WaitGroup
	for i, url := range sc.URLs {
		asking.Go(func() { states[i] = streams.ProbeServer(ctx, sc, url) })
	}
	asking.Wait()
	return states
}

func answers(states []streams.ServerState) bool {
	for _, s := range states {
		if s.URL != "" && s.Problem == "" {
			return true
		}
	}
	return false
}

// askOthers asks where the command line says that there is more to learn.
func askOthers(ctx context.Context, sc streams.Config, opts DoctorOptions) (states []streams.ServerState, findings []doctor.Finding) {
	failed := func(err error) {
		findings = append(findings, doctor.Finding{Level: doctor.Fail, Check: "servers", Text: err.Error(), Change: "see that the address, and the user of --system, are right"})
	}
	if opts.System != "" {
		list, err := streams.AskSystem(ctx, sc, opts.System)
		if err != nil {
			failed(err)
		}
		states = append(states, list...)
	}
	for _, url := range opts.Monitors {
		state, err := streams.AskMonitor(ctx, url)
		if err != nil {
			failed(err)
			continue
		}
		states = append(states, state)
	}
	return states, findings
}

// inService reads the resources in service.
func inService(ctx context.Context, bus *streams.Bus) (*configs.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorConnect)
	defer cancel()
	rev, resources, err := store{bus.ConfigStore()}.current(ctx)
	if err != nil {
		return nil, err
	}
	return configs.NewSnapshot(rev, resources)
}
