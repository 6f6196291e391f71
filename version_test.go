package main

import (
	"bytes"
	"log/slog"
	"runtime/debug"
	"strings"
	"testing"

	"tasman/configs"
)

func TestVersion(t *testing.T) {
	if out, code := tasman(t, "--version"); code != 0 || !strings.HasPrefix(out, "tasman ") || !strings.Contains(out, "go1.") {
		t.Errorf("--version: exit %d, %q", code, out)
	}
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v1.2.3"}}
	if got := versionOf(info); got != "v1.2.3, go1.26.8" {
		t.Errorf("without a revision: %q", got)
	}
	info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}
	if got := versionOf(info); got != "v1.2.3, revision abc, modified, go1.26.8" {
		t.Errorf("of changed files: %q", got)
	}
}

// TestRunTellsWhatStarts has the line before anything can fail: this node's data directory cannot be made.
func TestRunTellsWhatStarts(t *testing.T) {
	dir := t.TempDir()
	taken := writeFile(t, dir, "taken", "")
	file := writeFile(t, dir, "node.yaml", "name: e1\nroles: [edge, core]\ndata: "+taken+"/data\nlog: {format: text}\n"+
		"listen: {http: '127.0.0.1:18080', smpp: '127.0.0.1:12775', smtp: '', console: '127.0.0.1:18081', metrics: ''}\nnats: {urls: ['nats://127.0.0.1:1']}\n")
	out, code := tasman(t, "run", "-c", file)
	line, _, _ := strings.Cut(out, "\n")
	for _, want := range []string{"INF starting", "node=e1", "version=",
		"roles=\"[edge core]\"", "http=127.0.0.1:18080", "smpp=127.0.0.1:12775"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %q", want, line)
		}
	}
	if code == 0 || strings.Contains(line, "smtp=") || strings.Contains(line, "console=") {
		t.Errorf("exit %d, closed doors in %q", code, line)
	}
}

func TestStartTellsNoSecrets(t *testing.T) {
	var told bytes.Buffer
	cfg := configs.Defaults()
	cfg.NATS.Password, cfg.MySQL.DSN, cfg.NATS.URLs = "hunter2", "u:hunter2@tcp(db)/x", []string{"nats://u:hunter2@a:4222"}
	tellStart(slog.New(slog.NewTextHandler(&told, nil)), cfg)
	if told.Len() == 0 || strings.Contains(told.String(), "hunter2") {
		t.Errorf("told %q", told.String())
	}
}
