package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tasman/bench/results"
)

// checkResultFiles reports what would keep the files of --json and --html from being written after hours of a run. It leaves no
// file, and an older result as it is.
func (c *LoadCmd) checkResultFiles() error {
	return errors.Join(checkResultFile("--json", c.JSON), checkResultFile("--html", c.HTML))
}

func checkResultFile(flag, path string) error {
	if path == "" || flag == "--json" && path == "-" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s: %s is a folder", flag, path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // results are written beside their place too
	if err != nil {
		return fmt.Errorf("%s: %s cannot be written: %w", flag, path, errors.Unwrap(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// finish writes the result at the end of a run: as writeDocument does, or on standard output when that fails.
func (c *LoadCmd) finish(out io.Writer, r *results.Result) error {
	err := writeDocument(out, r, c.JSON, c.HTML)
	if c.JSON == "-" || c.JSON == "" && !isTerminal(out) {
		return err // it is there
	}
	return rescue(out, r, err)
}

// rescue writes the result to out as JSON when it could not be written where it was meant to be.
func rescue(out io.Writer, r *results.Result, err error) error {
	if err == nil {
		return nil
	}
	if werr := r.Write(out); werr != nil {
		return errors.Join(err, werr)
	}
	return fmt.Errorf("%w (the result is on standard output instead)", err)
}
