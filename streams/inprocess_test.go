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

// Beyond writeAhead the writer waits until the reader has read, and no longer than until the end.
func TestWriteBehindIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		w := newWriteBehind(ours)
		chunk := make([]byte, writeAhead)
		for range 3 { // on its way, behind it, and one that is let in while there is some room
			_, err := w.Write(chunk)
			check(t, err)
			synctest.Wait()
		}
		wrote := make(chan error, 1)
		go func() {
			_, err := w.Write([]byte("last"))
			wrote <- err
		}()
		synctest.Wait()
		select {
		case err := <-wrote:
			t.Fatalf("a write beyond the bound did not wait: %v", err)
		default:
		}
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		check(t, <-wrote)
		check(t, w.Close())

		ours, _ = net.Pipe()
		w = newWriteBehind(ours)
		for range 3 {
			_, err := w.Write(chunk)
			check(t, err)
			synctest.Wait()
		}
		go func() {
			_, err := w.Write([]byte("last"))
			wrote <- err
		}()
		synctest.Wait()
		check(t, w.Close())
		if err := <-wrote; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the write that waited ended with %v", err)
		}
	})
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

// A server that takes nothing for writeTime is given up, and with it the writers that wait for it: no lock may be held for ever.
func TestWriteBehindGivesUpADeadServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		w := newWriteBehind(ours)
		begun := time.Now()
		var err error
		for chunk := make([]byte, writeAhead); err == nil; _, err = w.Write(chunk) {
			check(t, w.SetWriteDeadline(time.Time{})) // as the client does after each write
			synctest.Wait()
		}
		if took := time.Since(begun); !errors.Is(err, os.ErrDeadlineExceeded) || took != writeTime {
			t.Errorf("given up after %v with %v", took, err)
		}
		if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the server reads %v", err)
		}
		check(t, w.Close())
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
