package streams

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"tasman/sms"
)

// A node whose server stands still goes to another one and stores there.
func TestSilentServerIsLeft(t *testing.T) {
	server := openBus(t, t.TempDir(), func(c *Config) { c.Listen = "127.0.0.1:0" })
	line := newLine(t, server.srv.server().Addr().String())
	bus := openBus(t, "", func(c *Config) { c.Node, c.URLs = "edge", []string{"nats://" + line.addr(), server.ClientURL()} })
	if got := bus.nc.ConnectedAddr(); got != line.addr() {
		t.Fatalf("connected to %s, want the first address, %s", got, line.addr())
	}
	line.freeze()
	stored := make(chan error, 1)
	check(t, bus.Publish(t.Context(), MTSubject(0, sms.Normal), message("over the other line"), func(_ Placed, err error) { stored <- err }))
	select {
	case err := <-stored:
		if err != nil {
			t.Errorf("not stored: %v", err)
		}
	case <-time.After(8 * time.Second): // before the connection itself would notice
		t.Error("the node stays with a server that does not answer")
	}
	if got := bus.nc.ConnectedAddr(); got != server.srv.server().Addr().String() {
		t.Errorf("connected to %s, want the other address", got)
	}
}

// line is a way to a server that can be frozen: connections stay, and nothing goes through.
type line struct {
	listener net.Listener
	still    sync.RWMutex
	end      chan struct{}
	wg       sync.WaitGroup
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, end: make(chan struct{})}
	var mu sync.Mutex
	var open []net.Conn
	l.wg.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			l.wg.Go(func() { l.carry(in, out) })
			l.wg.Go(func() { l.carry(out, in) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		close(l.end)
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		l.wg.Wait()
	})
	return l
}

func (l *line) addr() string { return l.listener.Addr().String() }

// freeze stops what goes through until the test ends.
func (l *line) freeze() {
	l.still.Lock()
	l.wg.Go(func() {
		<-l.end
		l.still.Unlock()
	})
}

func (l *line) carry(to io.Writer, from io.Reader) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		l.still.RLock()
		_, err = to.Write(buf[:n])
		l.still.RUnlock()
		if err != nil {
			return
		}
	}
}
