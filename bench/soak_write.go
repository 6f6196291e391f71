package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tasman/bench/results"
)

// writeDocument writes a result where --json and --html say: to files, or to out for "-" and, when out is no terminal, for
// nothing. A file has the whole old or the whole new content, whatever happens meanwhile.
func writeDocument(out io.Writer, r *results.Result, jsonFile, htmlFile string) error {
	var err error
	switch {
	case jsonFile == "-", jsonFile == "" && !isTerminal(out):
		err = r.Write(out)
	case jsonFile != "":
		err = writeWhole(jsonFile, r.Write)
	}
	if htmlFile != "" {
		err = errors.Join(err, writeWhole(htmlFile, func(w io.Writer) error { return results.WritePage(w, r) }))
	}
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
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
