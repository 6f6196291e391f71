//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package bench

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// glance looks at a connection without waiting and without reading.
func glance(conn net.Conn, _ time.Time) linkState {
	s, ok := conn.(syscall.Conn)
	if !ok {
		return linkQuiet
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return linkClosed
	}
	var n int
	var octet [1]byte
	if cerr := raw.Control(func(fd uintptr) {
		for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
			n, _, err = syscall.Recvfrom(int(fd), octet[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		}
	}); cerr != nil {
		return linkClosed
	}
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EWOULDBLOCK):
		return linkQuiet
	case err != nil || n == 0:
		return linkClosed
	}
	return linkOctets
}
