//go:build linux

package chaos

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// world is the number of the space of the lab itself, of customers and operators; regions have the numbers after it.
const world = 0

// space is a network namespace with one address, and a device through which its packets go to the router.
type space struct {
	addr string // 10.77.N.1
	tun  *os.File
	work chan func() // runs on the namespace's thread
}

// newSpaces makes the world and regions.
func newSpaces(t *testing.T, n int) []*space {
	t.Helper()
	var spaces []*space
	for i := range n {
		s := &space{addr: fmt.Sprintf("10.77.%d.1", i), work: make(chan func())}
		ready := make(chan error)
		go s.live(i != world, ready)
		if err := <-ready; err != nil {
			t.Fatalf("network namespace %d: %v", i, err)
		}
		spaces = append(spaces, s)
	}
	return spaces
}

// live is the goroutine of the namespace's thread. It keeps the thread for ever, so that no other goroutine gets into the
// namespace; what is started on it belongs there.
func (s *space) live(own bool, ready chan<- error) {
	runtime.LockOSThread()
	ready <- s.open(own)
	for f := range s.work {
		f()
	}
}

// do runs f in the namespace and waits for it.
func (s *space) do(f func()) {
	done := make(chan struct{})
	s.work <- func() { defer close(done); f() }
	<-done
}

// close ends the device and the thread; processes that live in the namespace keep it.
func (s *space) close() {
	s.tun.Close()
	close(s.work)
}

func (s *space) open(own bool) (err error) {
	if own {
		if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
			return err
		}
	}
	if s.tun, err = openTUN("lab0"); err != nil {
		return err
	}
	for _, args := range []string{"link set lo up", "addr add " + s.addr + "/16 dev lab0", "link set lab0 mtu 1500 txqueuelen 10000 up"} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			return errors.Join(fmt.Errorf("ip %s: %w: %s", args, err, out), s.tun.Close())
		}
	}
	return nil
}

// openTUN makes a network device whose packets are read and written here.
func openTUN(name string) (*os.File, error) {
	const ( // linux/if_tun.h
		setInterface = 0x400454CA // TUNSETIFF
		tunNoHeader  = 0x1001     // IFF_TUN | IFF_NO_PI
	)
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	var request [40]byte
	copy(request[:15], name)
	binary.NativeEndian.PutUint16(request[16:], tunNoHeader)
	if _, _, code := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), setInterface, uintptr(unsafe.Pointer(&request[0]))); code != 0 {
		return nil, errors.Join(fmt.Errorf("make device %s: %w", name, code), syscall.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

// listen accepts connections in the namespace until the test ends.
func (s *space) listen(t *testing.T) (addr string) {
	t.Helper()
	var l net.Listener
	var err error
	s.do(func() { l, err = net.Listen("tcp", s.addr+":0") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// reaches reports whether a connection from the namespace can be made.
func (s *space) reaches(addr string, within time.Duration) (ok bool) {
	s.do(func() { // the socket belongs to the namespace of the thread that makes it
		conn, err := net.DialTimeout("tcp", addr, within)
		if ok = err == nil; ok {
			conn.Close()
		}
	})
	return ok
}
