package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"tasman/configs"
	"tasman/streams"
)

const (
	slowSync = 50 * time.Millisecond
	syncs    = 5
)

// Folder checks the node's data folder: room, kind of file system, and how long a write takes to be on disk. It writes a small
// file there and removes it.
func Folder(cfg *configs.Node) []Finding {
	c := check{name: "folder"}
	info, err := os.Stat(cfg.Data)
	if errors.Is(err, fs.ErrNotExist) {
		c.add(Unknown, cfg.Data, "", "does not exist yet: the node's first start makes it")
		return c.list
	}
	if err != nil {
		c.add(Fail, cfg.Data, "run the doctor as the user of the node", "cannot be seen: %v", err)
		return c.list
	}
	if info.Mode().Perm()&0o077 != 0 {
		c.add(Warn, cfg.Data, "chmod 700 "+cfg.Data, "can be read by other users of this machine: message texts and keys are in it")
	}
	room := c.room(cfg)
	kind := c.kind(cfg.Data)
	took, err := syncTime(cfg.Data)
	switch {
	case err != nil:
		c.add(Fail, cfg.Data, "run the doctor as the user of the node; if the disk is full or read-only, mend that and restart the node", "cannot be written to: %v", err)
	case took > slowSync:
		c.add(Warn, cfg.Data, "put data on a faster disk: each acknowledgement waits for one of these", "a write takes %v to be on disk, more than %v", took.Round(time.Millisecond), slowSync)
	}
	return c.done("%s free on %s, a write is on disk in %v (whether the disk keeps it without power is not seen)", size(room), kind, took.Round(10*time.Microsecond))
}

func (c *check) room(cfg *configs.Node) uint64 {
	free, total, err := streams.Room(cfg.Data)
	if err != nil {
		c.add(Unknown, cfg.Data, "", "free space is not known: %v", err)
		return 0
	}
	floor := min(total/100*uint64(cfg.NATS.FreePercent), uint64(cfg.NATS.FreeBytes))
	switch {
	case free < floor:
		c.add(Fail, cfg.Data, "make room", "%s of %s are free, less than %s (nats.free_percent, nats.free_bytes)", size(free), size(total), size(floor))
	case free < 2*floor:
		c.add(Warn, cfg.Data, "make room", "%s of %s are free; %s are the least", size(free), size(total), size(floor))
	}
	return free
}

func (c *check) kind(dir string) string {
	name, err := fileSystem(dir)
	if err != nil {
		c.add(Unknown, dir, "", "the kind of file system is not known: %v", err)
		return "a disk"
	}
	const move = "put data on a local disk (ext4, xfs)"
	switch name {
	case "tmpfs", "ramfs":
		c.add(Fail, dir, move, "is in memory (%s): a restart of the machine loses all of it", name)
	case "overlayfs":
		c.add(Warn, dir, "mount a volume there", "is in a container's own layer (%s) and goes with the container", name)
	case "nfs", "smb", "cifs", "fuse":
		c.add(Warn, dir, move, "is on %s: locks and writes to disk may not be what they are on a local one", name)
	}
	return name
}

// syncTime returns how long a small write takes to be on disk, the median of some.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "doctor-*.probe")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	for range syncs {
		begun := time.Now()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, fmt.Errorf("write: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("fsync: %w", err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
