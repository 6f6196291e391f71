//go:build !linux

package mariadb

import "syscall"

// processAttributes cannot ask these systems to end the child with us; the next Start ends what is left over.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

func giveWay(int) {}
