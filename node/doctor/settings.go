package doctor

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"tasman/configs"
)

// Settings checks a node's own file for what is allowed and unwise.
func Settings(cfg *configs.Node) []Finding {
	c := check{name: "settings"}
	n := &cfg.NATS
	c.access(cfg)
	if n.Cluster.Listen != "" && n.Replicas == 1 {
		c.add(Warn, "nats.replicas", "set nats.replicas: 3 on every node", "is 1: each stream is on one server of the cell only, and waits for it when it is gone")
	}
	if n.Cluster.Listen != "" && cfg.Region == "" {
		c.add(Warn, "region", "set region to where this server stands", "is not set: nothing keeps two copies from the same region")
	}
	if n.Replicas > 1 && n.Partitions < n.Replicas {
		c.add(Warn, "nats.partitions", fmt.Sprintf("set nats.partitions: %d on every node", n.Replicas),
			"is %d: with fewer than servers hold copies, acceptance waits for an election when a leader is lost", n.Partitions)
	}
	if n.Replicas > 1 && len(n.URLs) == 1 {
		c.add(Warn, "nats.urls", "list every server of the cell, those of this region first", "names one server: while it is away this node does nothing")
	}
	if external := n.CredsFile != "" || n.User != ""; external && cfg.Region != "" && len(n.URLs) > 1 && len(n.Home) == 0 {
		c.add(Warn, "nats.home", "list there those of nats.urls that stand in "+cfg.Region, "is empty: servers that are not Tasman's do not say where they stand, so this node does not prefer those of its region")
	}
	if len(n.URLs) == 0 && (n.FreePercent == 0 || n.FreeBytes == 0) {
		c.add(Warn, "nats.free_bytes", "set nats.free_percent: 10 and nats.free_bytes: 2GiB", "or nats.free_percent is 0: acceptance does not stop before the disk is full, and then JetStream stops")
	}
	if cfg.Plays(configs.RoleReporting) && cfg.MySQL.DSN == "" {
		c.add(Warn, "mysql.dsn", "set mysql.dsn, or take reporting out of roles", "is not set: nothing is reported")
	}
	c.alone(cfg)
	return c.done("the node's file holds nothing unwise")
}

// access checks who can reach the servers, and how.
func (c *check) access(cfg *configs.Node) {
	n := &cfg.NATS
	secure := n.TLS != configs.NodeTLS{}
	const make = "set nats.tls on every node"
	if (far(n.Listen) || far(n.Cluster.Listen)) && !secure {
		c.add(Warn, "nats.tls", make, "is not set, and the server can be reached from other machines: message texts and numbers travel in clear, and any server may join the cell")
	}
	if far(n.Listen) && len(n.Nodes) == 0 {
		c.add(Warn, "nats.nodes", "make a key on each node (`tasman key FILE`), set nats.seed_file there, and list the nodes in nats.nodes of every server",
			"is empty: whoever reaches %s may do everything", n.Listen)
	}
	for _, raw := range n.URLs {
		u, err := url.Parse(raw)
		if err == nil && !secure && u.Scheme == "nats" && far(u.Host) {
			c.add(Warn, "nats.tls", make, "is not set: message texts and numbers travel to %s in clear", u.Host)
		}
	}
	c.private("nats.seed_file", n.SeedFile, "make it with `tasman key "+n.SeedFile+"` and list what that prints in nats.nodes of every server")
	c.private("nats.creds_file", n.CredsFile, "make it with `nsc generate creds` for this node's user")
}

// private checks a file by which the node is known.
func (c *check) private(field, file, missing string) {
	if file == "" {
		return
	}
	switch info, err := os.Stat(file); {
	case err != nil:
		c.add(Fail, field, missing, "cannot be read: %v", err)
	case info.Mode().Perm()&0o077 != 0:
		c.add(Fail, field, "chmod 600 "+file, "can be read by other users of this machine: who has it is this node")
	}
}

// far reports whether an address is one that other machines reach.
func far(addr string) bool {
	if addr == "" {
		return false
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// alone looks in the list of nodes, where this one has it, for roles of which a cell has one only.
func (c *check) alone(cfg *configs.Node) {
	if len(cfg.NATS.Nodes) == 0 || cfg.NATS.Replicas < 2 {
		return
	}
	for _, role := range []configs.Role{configs.RoleEdge, configs.RoleCore, configs.RoleCarriers} {
		var playing []string
		for _, n := range cfg.NATS.Nodes {
			if slices.Contains(n.Roles, role) {
				playing = append(playing, n.Name)
			}
		}
		if cfg.Plays(role) || len(playing) != 1 {
			continue // the servers' own nodes may play it too
		}
		c.add(Warn, "nats.nodes", fmt.Sprintf("run %s on a second node, in another region", role), "only %s plays %s: %s", strings.Join(playing, ""), role, without[role])
	}
}

// without says what stands still while no node plays a role.
var without = map[configs.Role]string{
	configs.RoleEdge:     "while it is down nobody can submit",
	configs.RoleCore:     "while it is down nothing is routed",
	configs.RoleCarriers: "the links of all carriers are in one node, and while it is down nothing is sent",
}
