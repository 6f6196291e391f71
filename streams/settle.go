package streams

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// settle brings what a server stored last to the disk, before one opens the directory (again). Else it would take for stored what is
// in the kernel's memory only: a record that was written when the process was killed, or whose writing to the disk failed. Asked
// for it once more by the publisher, who had no answer, the server would call it a duplicate, which is an acknowledgement.
//
// What failed to reach the disk may be dropped by the kernel or stay readable until then, so it is forgotten here as well and read
// anew from the disk. An error means that the directory is not to be opened yet.
func settle(dir string) error {
	newest := map[string]int{} // the block that is written, by directory
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // there is nothing yet, or no longer
			return nil
		case err != nil || d.IsDir():
			return err
		}
		name, isBlock := strings.CutSuffix(d.Name(), ".blk")
		if n, err := strconv.Atoi(name); isBlock && err == nil {
			newest[filepath.Dir(path)] = max(n, newest[filepath.Dir(path)])
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for what was stored last: %w", err)
	}
	for in, n := range newest {
		if err := settleFile(filepath.Join(in, strconv.Itoa(n)+".blk")); err != nil {
			return fmt.Errorf("bring what was stored last to the disk: %w", err)
		}
	}
	return nil
}

func settleFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0) // what cannot be written does not tell whether it is on the disk
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), forget(f), f.Close())
}
