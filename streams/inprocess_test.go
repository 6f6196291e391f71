package streams

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// What is written is taken though nobody reads yet, and comes in order when somebody does.
func TestWriteBehindDoesNotWaitForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		w := newWriteBehind(ours)
		var want []byte
		for i := range 1000 {
			part := bytes.Repeat([]byte{byte(i)}, i)
			want = append(want, part...)
			if n, err := w.Write(part); n != len(part) || err != nil {
				t.Fatalf("write: %d, %v", n, err)
			}
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read something else, or %v", err)
		}
		check(t, w.Close())
	})
}

// fillUp writes to a server that does not read until there is no room, and returns what comes of the write after that.
func fillUp(t *testing.T, w *writeBehind) (last <-chan error) {
	t.Helper()
	for range 3 { // on its way, behind it, and one that is let in while there is some room
		_, err := w.Write(make([]byte, writeAhead))
		check(t, err)
		synctest.Wait()
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := w.Write([]byte("last"))
		wrote <- err
	}()
	synctest.Wait()
	if len(wrote) > 0 {
		t.Fatalf("a write beyond the bound did not wait: %v", <-wrote)
	}
	return wrote
}

// Beyond writeAhead a writer waits until the server reads, until the end, or until writeTime has passed: the lock that the
// client writes under may not be held for ever.
func TestWriteBehindIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		then func(w *writeBehind, server net.Conn)
		want error
	}{
		"the server reads": {func(_ *writeBehind, server net.Conn) { go func() { _, _ = io.Copy(io.Discard, server) }() }, nil},
		"the end":          {func(w *writeBehind, _ net.Conn) { _ = w.Close() }, net.ErrClosed},
		// The client takes away its own deadline after each write.
		"a dead server": {func(w *writeBehind, _ net.Conn) { _ = w.SetWriteDeadline(time.Time{}) }, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				w := newWriteBehind(ours)
				last := fillUp(t, w)
				c.then(w, theirs)
				if err := <-last; !errors.Is(err, c.want) {
					t.Errorf("the write that waited ended with %v", err)
				}
				if c.want != nil {
					if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
						t.Errorf("the server reads %v", err)
					}
				}
				check(t, w.Close())
			})
		})
	}
}

// Close passes on what was written before, and does not wait for ever for a server that does not read.
func TestWriteBehindClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		w := newWriteBehind(ours)
		_, err := w.Write([]byte("PUB x 0"))
		check(t, err)
		closed := make(chan error, 1)
		go func() { closed <- w.Close() }()
		got, err := io.ReadAll(theirs)
		if string(got) != "PUB x 0" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		check(t, <-closed)
		if _, err := w.Write([]byte("more")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write after the end: %v", err)
		}

		ours, _ = net.Pipe()
		w = newWriteBehind(ours)
		_, err = w.Write([]byte("PUB x 0"))
		check(t, err)
		begun := time.Now()
		check(t, w.Close())
		if took := time.Since(begun); took != writeLast {
			t.Errorf("closing took %v beside a server that does not read", took)
		}
	})
}

// A write after the server has gone fails, as on a socket.
func TestWriteBehindTellsOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		w := newWriteBehind(ours)
		check(t, theirs.Close())
		_, err := w.Write([]byte("x")) // taken, as a socket would
		check(t, err)
		synctest.Wait()
		if _, err := w.Write([]byte("y")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("a write after the end of the server: %v", err)
		}
		check(t, w.Close())
	})
}
