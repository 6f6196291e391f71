package smpp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// peerProcess is the environment variable that makes the test binary a peer of a benchmark: "serve", or
// "bind N ADDRESS". It ends when its input does.
const peerProcess = "TASMAN_SMPP_PEER"

func TestMain(m *testing.M) {
	role := os.Getenv(peerProcess)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := bePeer(role); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func bePeer(role string) error {
	if role == "serve" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		v := benchServer()
		served := make(chan error, 1)
		go func() { served <- v.Serve(l) }()
		fmt.Println(l.Addr())
		_, err = io.Copy(io.Discard, os.Stdin)
		err = errors.Join(err, v.Close())
		<-served
		return err
	}
	var n int
	var addr string
	if _, err := fmt.Sscanf(role, "bind %d %s", &n, &addr); err != nil {
		return err
	}
	for range n {
		s, err := Dial(context.Background(), addr, BindRequest{Mode: BindTransceiver, SystemID: "bench"}, Options{EnquireInterval: -1})
		if err != nil {
			return err
		}
		defer s.Close()
	}
	fmt.Println("bound")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// startPeer starts the test binary again as a peer and returns what it says when it is ready.
func startPeer(b *testing.B, role string) string {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env, cmd.Stderr = append(os.Environ(), peerProcess+"="+role), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close() // its end is what the peer waits for
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// benchServer accepts every bind and every submit.
func benchServer() *Server {
	return &Server{
		Bind: func(context.Context, *BindRequest, net.Addr) (Handler, error) {
			return HandlerFunc(func(r *Request) { _ = r.Reply(StatusOK, &SubmitSMResp{MessageID: "0123456789"}) }), nil
		},
		Options: Options{MaxPending: 1000},
	}
}

// BenchmarkProcesses reports submit_sm per second from this process to another over one session.
func BenchmarkProcesses(b *testing.B) {
	benchSubmits(b, startPeer(b, "serve"))
}

// BenchmarkLoopback reports submit_sm per second through both sides of one
// session over TCP, both in this process.
func BenchmarkLoopback(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	v, served := benchServer(), make(chan error, 1)
	go func() { served <- v.Serve(l) }()
	benchSubmits(b, l.Addr().String())
	_ = v.Close()
	<-served
}

func benchSubmits(b *testing.B, addr string) {
	s, err := Dial(b.Context(), addr, BindRequest{Mode: BindTransceiver, SystemID: "bench"}, Options{Window: 500})
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	done := func(o Outcome) {
		if o.Kind != Answered || o.Status != StatusOK {
			b.Error(o.Kind, o.Status, o.Err)
		}
		wg.Done()
	}
	m := benchSubmit()
	b.ReportAllocs()
	for b.Loop() {
		wg.Add(1)
		if err := s.Send(context.Background(), m, nil, done); err != nil {
			b.Fatal(err)
		}
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submit_sm/s")
	_ = s.Close()
	<-s.Done()
}

// BenchmarkIdleBinds reports what a bound session costs that does nothing, of 1,000 whose clients are another process.
func BenchmarkIdleBinds(b *testing.B) {
	const binds = 1000
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	v, served := benchServer(), make(chan error, 1)
	go func() { served <- v.Serve(l) }()
	memory, goroutines := inUse(), runtime.NumGoroutine()
	startPeer(b, fmt.Sprintf("bind %d %s", binds, l.Addr()))
	for b.Loop() { // what is measured does not depend on the time
		b.ReportMetric(float64(inUse()-memory)/binds, "octets/bind")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/binds, "goroutines/bind")
	}
	_ = v.Close()
	<-served
}

// inUse returns the octets of live objects and stacks.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // the second frees what the first one's finalizers held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// TestCodecAllocations: what the codec allocates on the busiest path: the PDU and one copy for both of its addresses.
func TestCodecAllocations(t *testing.T) {
	body := benchSubmit().AppendBody(nil)
	if n := testing.AllocsPerRun(100, func() { _, _ = decodeBody(CommandSubmitSM, body) }); n > 2 {
		t.Errorf("decoding submit_sm allocates %v times, want 2", n)
	}
	m, buf := benchSubmit(), make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() { buf = appendFrame(buf[:0], CommandSubmitSM, StatusOK, 1, m, true) }); n > 0 {
		t.Errorf("encoding submit_sm allocates %v times", n)
	}
}
