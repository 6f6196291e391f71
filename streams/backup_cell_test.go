package streams_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"

	"tasman/streams"
	"tasman/streams/streamstest"
)

type inMemory struct{ *bytes.Buffer }

func (inMemory) Close() error { return nil }

// A backup of a cell under load has all that was acknowledged before, and another cell goes on from it.
func TestCellIsRestored(t *testing.T) {
	cell := streamstest.NewCell(t)
	load := startLoad(cell.Node(1))
	defer load.stop()
	load.awaitAcked(t, 100)
	files := map[string]*bytes.Buffer{}
	var before []string
	saved, err := cell.Node(0).Backup(t.Context(), func(context.Context) error {
		load.mu.Lock()
		defer load.mu.Unlock()
		before = slices.Clone(load.acked)
		return nil
	}, func(name string) (io.WriteCloser, error) {
		files[name] = new(bytes.Buffer)
		return inMemory{files[name]}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	load.stop()
	for i := range 3 {
		cell.Stop(i)
	}

	other := streamstest.NewCell(t)
	err = other.Node(1).Restore(t.Context(), saved, streams.Past{}, func(name string) (io.ReadCloser, error) { return io.NopCloser(files[name]), nil })
	if err != nil {
		t.Fatal(err)
	}
	awaitCurrent(t, other.Node(0))
	stored := storedTexts(t, other.Node(2))
	for _, text := range before {
		if stored[text] != 1 {
			t.Errorf("record %s was acknowledged before the backup and is there %d times", text, stored[text])
		}
	}
	more := startLoad(other.Node(2))
	more.awaitAcked(t, 20)
	more.stop()
	if on := streamstest.Placement(t, other.Node(0))[streams.MTStream(0)]; len(on) != 3 {
		t.Errorf("MT is on %v", on)
	}
}
