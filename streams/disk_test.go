//go:build linux

package streams_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"tasman/streams"
	"tasman/streams/streamstest"
)

// onDisk puts a server on a small disk of its own, of which a tenth must be free.
func onDisk(d interface{ Path() string }) streamstest.Option {
	return streamstest.With(func(c *streams.Config) { c.Dir, c.SyncAlways = filepath.Join(d.Path(), "jetstream"), true })
}

// A disk below the watermark stops acceptance and nothing else; it begins again only when clearly more is free.
func TestDiskBelowWatermark(t *testing.T) {
	disk := streamstest.NewDisk(t, 64)
	bus := streamstest.New(t, onDisk(disk))
	floor := int64(64<<20) / 10
	disk.Fill(floor - 1<<20)
	until(t, "messages are refused", func() bool { return errors.Is(bus.Pressure(), streams.ErrFull) })
	if s := bus.Servers(); len(s) != 1 || !s[0].Low || s[0].Critical || s[0].Storage != "" || len(bus.Alarms()) != 2 {
		t.Errorf("the server says %+v, alarms %q", s, bus.Alarms())
	}
	if err := bus.AwaitRoom(t.Context()); err != nil {
		t.Error(err)
	}
	disk.Fill(floor + floor/8)
	before := bus.Servers()[0].Heard
	until(t, "the disk is looked at", func() bool { return bus.Servers()[0].Heard.After(before) && bus.Servers()[0].Free > uint64(floor) })
	if bus.Pressure() == nil {
		t.Error("accepted again at the watermark itself: it would flicker")
	}
	disk.Empty()
	until(t, "messages are accepted", func() bool { return bus.Pressure() == nil })
}

// A full disk makes the server give up its storage. When there is room the server is started again, and all that was
// acknowledged is there.
func TestServerComesBackAfterFullDisk(t *testing.T) {
	disk := streamstest.NewDisk(t, 64)
	bus := streamstest.New(t, onDisk(disk))
	load := startLoad(bus)
	defer load.stop()
	load.awaitAcked(t, 200)
	disk.Fill(0)
	until(t, "the storage is out", func() bool { return bus.StorageReady() != nil })
	if err := bus.Pressure(); !errors.Is(err, streams.ErrFull) {
		t.Errorf("pressure: %v", err)
	}
	disk.Empty()
	until(t, "messages are accepted", func() bool { return bus.Pressure() == nil && bus.StorageReady() == nil })
	load.awaitAcked(t, load.count()+200)
	acked := load.stop()
	stored := storedTexts(t, bus)
	for _, text := range acked {
		if stored[text] != 1 {
			t.Errorf("record %s was acknowledged and is stored %d times", text, stored[text])
		}
	}
	if len(bus.Alarms()) > 0 {
		t.Errorf("alarms: %q", bus.Alarms())
	}
}

// A file system that becomes read-only under the server: messages are refused, and after it is mended all that was acknowledged
// is there.
func TestReadOnlyDisk(t *testing.T) {
	disk := streamstest.NewExt4(t)
	there := onDisk(disk)
	bus := streamstest.New(t, there)
	load := startLoad(bus)
	defer load.stop()
	load.awaitAcked(t, 100)
	before := load.count()
	disk.Fail()
	until(t, "messages are refused", func() bool { return errors.Is(bus.Pressure(), streams.ErrUnavailable) })
	if bus.StorageReady() == nil {
		t.Error("the storage is said to work")
	}
	acked := load.stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = bus.Close(ctx) // what was in flight stays unknown
	disk.Mend()
	stored := storedTexts(t, streamstest.New(t, there))
	// What was synced in the very moment of the failure may be gone: the kernel's journal had died, and fsync said yes. A program of
	// nothing but writes and fsyncs loses its last write there too. One server alone cannot know.
	for i, text := range acked {
		if n := stored[text]; n > 1 || i < before && n == 0 {
			t.Errorf("record %s, number %d of %d before the failure, was acknowledged and is stored %d times", text, i, before, n)
		}
	}
}
