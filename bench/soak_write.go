package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"tasman/bench/results"
)

// writeDocument writes a result where --json and --html say: to files, or to out for "-" and, when out is no terminal, for
// nothing. A file has the whole old or the whole new content, whatever happens meanwhile.
func writeDocument(out io.Writer, r *results.Result, jsonFile, htmlFile string) error {
	var err error
	write := r.Write
	if r.Kind == results.KindVerify && r.Loop == "" {
		write = func(w io.Writer) error { return writeJoined(w, r) }
	}
	switch {
	case jsonFile == "-", jsonFile == "" && !isTerminal(out):
		err = write(out)
	case jsonFile != "":
		err = writeWhole(jsonFile, write)
	}
	if htmlFile != "" {
		err = errors.Join(err, writeWhole(htmlFile, func(w io.Writer) error { return results.WritePage(w, r) }))
	}
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

// writeJoined writes the result of a verify that made no load, without the fields of one: they would say 0 of what was not measured.
func writeJoined(w io.Writer, r *results.Result) error {
	r.Schema = results.Schema
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Schema       int                   `json:"schema"`
		Kind         results.Kind          `json:"kind"`
		Name         string                `json:"name,omitempty"`
		Command      []string              `json:"command,omitempty"`
		Tool         *results.Tool         `json:"tool,omitempty"`
		Machine      *results.Machine      `json:"machine,omitempty"`
		Started      time.Time             `json:"started"`
		Verification *results.Verification `json:"verification,omitempty"`
		Notes        []string              `json:"notes,omitempty"`
	}{r.Schema, r.Kind, r.Name, r.Command, r.Tool, r.Machine, r.Started, r.Verification, r.Notes})
}

// writeWhole writes a file beside its place and then puts it there.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err := errors.Join(write(f), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
