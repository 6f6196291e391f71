package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasman/node/doctor"
)

// TestDoctorCommand looks at a running node and at what is left when it was killed: the exit code says whether something must
// be changed, for people and for machines.
func TestDoctorCommand(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, dir, "node.yaml", fmt.Sprintf("name: solo\ndata: %s\nroles: [streams]\nnats: {free_percent: 1, free_bytes: 1MiB}\nlog: {level: warn}\n"+
		"listen: {http: \"\", smpp: \"\", smtp: \"\", console: \"\", metrics: \"\"}\n", filepath.Join(dir, "data")))
	p := start(t, "run", "-c", file)
	eventually(t, "the doctor finds the node ready", 20*time.Second, func() error {
		if out, _ := tasman(t, "doctor", "-c", file); !strings.Contains(out, "solo: runs and is ready") {
			return errors.New(out)
		}
		return nil
	})
	out, code := tasman(t, "doctor", "-c", file, "--json")
	var r doctor.Report
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	want := 0
	for _, f := range r.Findings {
		switch {
		case f.Level == doctor.Fail && f.Check == "folder": // what the test lies on
			want = 1
		case f.Level == doctor.Fail:
			t.Errorf("%+v", f)
		}
	}
	if code != want || r.Node != "solo" || len(r.Findings) < 12 {
		t.Errorf("exit %d, want %d, %s", code, want, out)
	}
	p.kill()
	if out, code := tasman(t, "doctor", "-c", file); code != 1 || !strings.Contains(out, "FAIL  node        solo: its server cannot be asked") || !strings.Contains(out, "tasman: ") {
		t.Errorf("of a killed node: exit %d, %s", code, out)
	}
}
