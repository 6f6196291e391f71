package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tasman/bench/results"
	"tasman/smpp"
)

func TestResultFilesAreTriedFirst(t *testing.T) {
	s := startSMSC(t, SMSCOptions{})
	nowhere := filepath.Join(t.TempDir(), "nope", "x")
	for name, set := range map[string]func(*LoadCmd){
		"--json": func(c *LoadCmd) { c.JSON = nowhere },
		"--html": func(c *LoadCmd) { c.HTML = nowhere },
		"folder": func(c *LoadCmd) { c.JSON = t.TempDir() },
	} {
		load := loadCmd(t, s)
		set(&load)
		find, verify, soak := FindCmd{LoadCmd: load, Precision: "3%"}, VerifyCmd{LoadCmd: load, Drive: true}, SoakCmd{LoadCmd: load, Faults: "none"}
		soak.For = 1
		for _, c := range []interface{ checkResultFiles() error }{&load, &find, &verify, &soak} {
			if err := c.checkResultFiles(); err == nil {
				t.Errorf("%s: %T takes it", name, c)
			}
		}
		for _, err := range []error{load.Run(t.Context(), new(bytes.Buffer)), find.Run(t.Context(), new(bytes.Buffer)),
			verify.Run(t.Context(), new(bytes.Buffer)), soak.Run(t.Context(), new(bytes.Buffer))} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	}
	if n := s.Stats().Binds; n != 0 {
		t.Errorf("%d binds", n)
	}
}

// TestAnOlderResultStaysUntilThereIsANewOne looks while the load runs.
func TestAnOlderResultStaysUntilThereIsANewOne(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "r.json")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startSMSC(t, SMSCOptions{OnSubmit: func(*smpp.SubmitSM) {
		if body, err := os.ReadFile(file); string(body) != "old" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
	}})
	c := loadCmd(t, s)
	c.JSON = file
	if err := c.Run(t.Context(), new(bytes.Buffer)); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestAResultThatCannotBeWrittenIsNotLost removes its folder while the load runs.
func TestAResultThatCannotBeWrittenIsNotLost(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "gone")
	for _, set := range []func(*LoadCmd){func(c *LoadCmd) { c.JSON = filepath.Join(folder, "r.json") }, func(c *LoadCmd) { c.JSON, c.HTML = "-", filepath.Join(folder, "r.html") }} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		s := startSMSC(t, SMSCOptions{OnSubmit: func(*smpp.SubmitSM) { _ = os.RemoveAll(folder) }})
		c := loadCmd(t, s)
		set(&c)
		var out bytes.Buffer
		if err := c.Run(t.Context(), &out); err == nil {
			t.Error("no error")
		}
		r, err := results.Read(strings.NewReader(out.String()))
		if err != nil || r.Accepted != 20 {
			t.Errorf("%s: %v", &out, err)
		}
		find := FindCmd{LoadCmd: c}
		out.Reset()
		if err := find.finish(&out, r); err == nil || strings.Count(out.String(), `"schema"`) != 1 {
			t.Errorf("%s: %v", &out, err)
		}
	}
}
