package smpp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
)

// TestConnectionsThatEndUnboundAreTold: one line says why, but for port checks and
// for binds that Bind refused, which tells it itself. No line has a password.
func TestConnectionsThatEndUnboundAreTold(t *testing.T) {
	bind := func(password string) []byte {
		frame, err := AppendPDU(nil, StatusOK, 1, &BindRequest{Mode: BindTransceiver, SystemID: "acme", Password: password})
		if err != nil {
			t.Fatal(err)
		}
		return frame
	}
	broken := bind("hunter2")[:26] // the password does not end
	putLength(broken)
	for name, c := range map[string]struct {
		says  []byte
		close bool
		want  string // "" = no line
	}{
		"a port check":   {nil, true, ""},
		"a refused bind": {bind("hunter2"), false, ""},
		"garbage":        {[]byte("GET / HTTP/1.1\r\n\r\n"), false, "command_length"},
		"half a PDU":     {bind("hunter2")[:20], true, "unexpected EOF"},
		"a broken bind":  {broken, false, "bad password"},
		"silence":        {nil, false, "i/o timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			var lines bytes.Buffer
			bubble(t, func(t *testing.T) {
				v := &Server{
					Bind: func(context.Context, *BindRequest, net.Addr) (Handler, error) { return nil, StatusInvalidPassword },
					Log:  slog.New(slog.NewTextHandler(&lines, nil)),
				}
				l := newPipeListener()
				served := make(chan error, 1)
				go func() { served <- v.Serve(l) }()
				conn, err := l.dial(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Write(c.says); err != nil {
					t.Fatal(err)
				}
				if c.close {
					conn.Close()
				}
				if _, err := io.Copy(io.Discard, conn); err != nil && !c.close { // until the server closes it
					t.Error(err)
				}
				synctest.Wait()
				if err := v.Close(); err != nil {
					t.Error(err)
				}
				if err := <-served; !errors.Is(err, ErrServerClosed) {
					t.Error(err)
				}
			})
			got := lines.String()
			if strings.Contains(got, "hunter2") || (c.want == "") != (got == "") || !strings.Contains(got, c.want) || strings.Count(got, "\n") > 1 {
				t.Errorf("want %q in\n%s", c.want, got)
			}
		})
	}
}
