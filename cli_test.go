package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestBadFlagsAreToldAlone says what is wrong, without the list of flags before it and with nothing where results go.
func TestBadFlagsAreToldAlone(t *testing.T) {
	for _, args := range [][]string{{"bench", "load", "--colour", "red"}, {"apply"}, {"rollback", "x"}} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, &stdout, &stderr)
		said := stderr.String()
		if code == 0 || stdout.Len() > 0 || strings.Count(said, "\n") != 2 || !strings.Contains(said, "tasman "+args[0]) ||
			!strings.HasSuffix(said, " --help\n") {
			t.Errorf("%v: exit %d, %q, %q", args, code, stdout.String(), said)
		}
	}
}
