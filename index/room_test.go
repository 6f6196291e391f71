//go:build linux

package index

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"tasman/streams/streamstest"
)

// While its disk is full the index reads nothing and says so; then it reads what came meanwhile.
func TestFollowWaitsForRoom(t *testing.T) {
	disk := streamstest.NewDisk(t, 64)
	bus := newFakeBus()
	x := open(t, filepath.Join(disk.Path(), "index"), Options{Node: "n1"})
	follow(t, x, bus)
	publishHappy(bus, 10)
	barrier(t, x)
	disk.Fill(0)
	eventually(t, func() error {
		if err := x.Ready(); !errors.Is(err, ErrNoRoom) {
			return errors.New("still at work")
		}
		return nil
	})
	late := publishHappy(bus, 10)
	if _, found, err := x.Story(late[0].ID); found || err != nil {
		t.Errorf("read on a full disk: %v %v", found, err)
	}
	disk.Empty()
	barrier(t, x)
	storyOf(t, x, late[9].ID)
	ok(t, x.Ready())
}

// A full disk at the start is an error, and no reason to empty the index: the streams do not have all of it any more.
func TestOpenOnFullDiskKeepsTheIndex(t *testing.T) {
	disk := streamstest.NewDisk(t, 64)
	dir := filepath.Join(disk.Path(), "index")
	m := messageAt(start())
	x, err := Open(dir, Options{})
	ok(t, err)
	for _, p := range happy(m, "one", "1") {
		note(t, x, p.rec)
	}
	ok(t, x.Close())
	disk.Fill(0)
	if x, err := Open(dir, Options{}); !errors.Is(err, ErrNoRoom) {
		t.Errorf("opened on a full disk: %v, %v", x, err)
	}
	if !diskFault(fmt.Errorf("open: %w", &fs.PathError{Err: syscall.ENOSPC})) || diskFault(errFormat) {
		t.Error("a full disk is not told from a damaged store")
	}
	disk.Empty()
	storyOf(t, open(t, dir, Options{}), m.ID)
}
