package results

import (
	"errors"
	"io"
)

// WritePage writes the result as one self-contained HTML page.
func WritePage(w io.Writer, r *Result) error {
	return errors.New("not yet")
}
