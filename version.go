package main

import (
	"cmp"
	"log/slog"
	"runtime/debug"
	"strings"

	"tasman/configs"
)

// version tells which build this is: the module's version, the revision it was built from, and the Go version.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	words := []string{cmp.Or(info.Main.Version, "(devel)")}
	if revision := settings["vcs.revision"]; revision != "" {
		words = append(words, "revision "+revision)
		if settings["vcs.modified"] == "true" {
			words = append(words, "modified")
		}
	}
	return strings.Join(append(words, info.GoVersion), ", ")
}

// tellStart logs what is about to run: a node that then waits for its servers has said so.
func tellStart(log *slog.Logger, cfg *configs.Node) {
	l := cfg.Listen
	about := []any{"node", cfg.Name, "version", version(), "roles", cfg.Roles}
	for _, door := range []struct {
		name, addr string
		open       bool
	}{
		{"http", l.HTTP, cfg.Plays(configs.RoleEdge)}, {"smpp", l.SMPP, cfg.Plays(configs.RoleEdge)}, {"smpp_tls", l.SMPPTLS, cfg.Plays(configs.RoleEdge)},
		{"smtp", l.SMTP, cfg.Plays(configs.RoleEdge)}, {"console", l.Console, cfg.Plays(configs.RoleConsole)}, {"metrics", l.Metrics, true},
		{"nats", cfg.NATS.Listen, true}, {"cluster", cfg.NATS.Cluster.Listen, true},
	} {
		if door.open && door.addr != "" {
			about = append(about, door.name, door.addr)
		}
	}
	log.Info("starting", about...)
}
