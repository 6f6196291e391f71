package doctor

import (
	"fmt"
	"syscall"
)

// Numbers of file systems, as statfs(2) lists them.
var fileSystems = map[int64]string{
	0x01021994: "tmpfs", 0x858458f6: "ramfs", 0x794c7630: "overlayfs", 0x6969: "nfs", 0x517b: "smb", 0xfe534d42: "smb", 0xff534d42: "cifs",
	0x65735546: "fuse", 0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x2fc12fc1: "zfs", 0xf2f52010: "f2fs",
}

// fileSystem names the kind of file system that a folder is on.
func fileSystem(dir string) (string, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return "", err
	}
	n := int64(uint32(st.Type)) //nolint:unconvert // signed and of different widths on different machines
	if name, ok := fileSystems[n]; ok {
		return name, nil
	}
	return fmt.Sprintf("file system %#x", n), nil
}
