package mariadb

import "syscall"

func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// niceness is the server's: 10 leaves it a tenth of what it would get beside others that want all, so that messages do not wait
// behind its transactions. Reporting may be late, they may not.
const niceness = 10

// giveWay lowers the priority of a process that has just been started, the leader of its group, and so of all threads that it will
// have. Nobody is refused that; a process that has ended already is told of by whoever waits for it.
func giveWay(pid int) { _ = syscall.Setpriority(syscall.PRIO_PGRP, pid, niceness) }
