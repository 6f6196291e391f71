package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sizeLimit bounds a document that is read. An hour of seconds with ten queues and processes has about 5 MB.
const sizeLimit = 256 << 20

// Read reads one document. It refuses a newer Schema, a field that it does not know (by its path), and what is not a
// result at all.
func Read(r io.Reader) (*Result, error) {
	text, err := io.ReadAll(io.LimitReader(r, sizeLimit+1))
	if err != nil {
		return nil, err
	}
	if len(text) > sizeLimit {
		return nil, fmt.Errorf("result: more than %d MB", sizeLimit>>20)
	}
	if err := checkSchema(text); err != nil {
		return nil, err
	}
	if err := checkFields(text); err != nil {
		return nil, err
	}
	res := new(Result)
	if err := json.Unmarshal(text, res); err != nil {
		return nil, explain(text, err)
	}
	if res.Kind == "" {
		res.Kind = KindLoad
	}
	if err := res.check(); err != nil {
		return nil, fmt.Errorf("result: %w", err)
	}
	res.clamp()
	return res, nil
}

// ReadFile is Read of a file. Its errors begin with the file's name.
func ReadFile(name string) (*Result, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// checkSchema tells a newer document, and what is no result, before anything else is said about it.
func checkSchema(text []byte) error {
	var head struct {
		Schema json.Number `json:"schema"`
		Target *string     `json:"target"`
		Kind   string      `json:"kind"`
	}
	var typeErr *json.UnmarshalTypeError
	if err := json.Unmarshal(text, &head); err != nil && (!errors.As(err, &typeErr) || typeErr.Field == "") {
		return explain(text, err)
	}
	if n, err := head.Schema.Int64(); err == nil && n > Schema {
		return fmt.Errorf("result: schema %d is newer than %d, the newest that this program knows: use the tasman that wrote it", n, Schema)
	}
	if head.Schema == "" && head.Target == nil {
		return errors.New("result: this is not a result of tasman bench: it has neither schema nor target")
	}
	return nil
}

// explain adds the line to an error of encoding/json.
func explain(text []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("result: line %d: %w", lineOf(text, syntax.Offset), err)
	}
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		typed.Field = strings.TrimPrefix(typed.Field, "Totals.") // embedded: its name is not in the document
		if typed.Field == "" {
			return fmt.Errorf("result: line %d: %s, an object is wanted", lineOf(text, typed.Offset), typed.Value)
		}
		return fmt.Errorf("result: line %d: %s: %s, %s is wanted", lineOf(text, typed.Offset), typed.Field, typed.Value, typed.Type)
	}
	return fmt.Errorf("result: %w", err)
}

func lineOf(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(max(offset, 0), int64(len(text)))], []byte("\n"))
}

// Write writes the document as indented JSON, with the present Schema. Numbers that are not finite become 0, with a note.
func (r *Result) Write(w io.Writer) error {
	r.Schema = Schema
	if r.Kind == "" {
		r.Kind = KindLoad
	}
	r.finite()
	r.clamp()
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

// WriteFile writes the document to a file, which has the old or the new content and never a part of it.
func (r *Result) WriteFile(name string) error {
	return writeFile(name, r.Write)
}

// writeFile has write fill a file beside name, and renames that to name.
func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return unwritten(name, err)
	}
	defer os.Remove(f.Name())
	if err := errors.Join(write(f), f.Chmod(0o644), f.Close()); err != nil {
		return unwritten(name, err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return unwritten(name, err)
	}
	return nil
}

// unwritten names the file that was asked for instead of the one beside it, which nobody knows.
func unwritten(name string, err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return fmt.Errorf("%s cannot be written: %w", name, err)
}
