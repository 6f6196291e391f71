package results

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var keep = flag.String("keep", "", "directory that the pages of the tests are left in, to look at")

// pageOf returns the page of r, and leaves it in the directory -keep.
func pageOf(t *testing.T, name string, r *Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := WritePage(&b, r); err != nil {
		t.Fatal(err)
	}
	if *keep != "" {
		if err := os.WriteFile(filepath.Join(*keep, name+".html"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestPageOfLoad(t *testing.T) {
	t.Parallel()
	text := pageOf(t, "load", sample(time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)))
	if strings.Contains(text, "ZgotmplZ") {
		t.Error("the template refused a part")
	}
}
