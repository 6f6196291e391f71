//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package bench

import (
	"net"
	"time"
)

// idleTime is how long a connection is trusted to stay open where that cannot be seen; few targets close one sooner.
const idleTime = time.Second

// glance goes by the age where a connection cannot be looked at.
func glance(_ net.Conn, used time.Time) linkState {
	if time.Since(used) > idleTime {
		return linkClosed
	}
	return linkQuiet
}
