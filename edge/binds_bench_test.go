//go:build unix

package edge

import (
	"net"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
)

// BenchmarkIdleBinds tells what a bind costs that carries nothing: an op is 1,000 binds, memory includes both sockets but no
// client, and the CPU is that of 1,000 idle binds and the embedded server.
func BenchmarkIdleBinds(b *testing.B) {
	const binds = 1000
	e := runEdge(b, liveYAML(b, manyBinds), nil)
	e.bind(b, smpptest.ESMEConfig{}) // what the first one costs once is no part of it
	var octets, goroutines, cpu float64
	for b.Loop() {
		b.StopTimer()
		clients := make([]*rawClient, 0, binds)
		runtime.GC()
		heap, running := memory(), runtime.NumGoroutine()
		b.StartTimer()
		for range binds - 1 {
			c, _ := e.rawBind(b, smpp.BindTransceiver, smpp.Version34)
			c.in = nil
			clients = append(clients, c)
		}
		b.StopTimer()
		runtime.GC()
		octets = float64(memory()-heap) / binds
		goroutines = float64(runtime.NumGoroutine()-running) / binds
		used := cpuSeconds(b)
		const idle = 3 * time.Second
		time.Sleep(idle)
		cpu = (cpuSeconds(b) - used) / idle.Seconds()
		for _, c := range clients {
			if tcp, ok := c.conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // no thousand ports in TIME_WAIT
			}
			_ = c.conn.Close()
		}
		waitFor(b, "the ends of the sessions", func() bool { return len(e.smpp.sessions.all()) == 1 })
		b.StartTimer()
	}
	b.ReportMetric(octets, "octets/bind")
	b.ReportMetric(goroutines, "goroutines/bind")
	b.ReportMetric(100*cpu, "cpu%")
}

// memory returns the octets of heap and stacks in use.
func memory() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// cpuSeconds returns the CPU that this process has used.
func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkSlowBindBesideFullWindows tells how long one submit_sm takes to its answer while 100 other binds keep windows of 50
// full; storage is without fsync.
func BenchmarkSlowBindBesideFullWindows(b *testing.B) {
	e := runEdge(b, liveYAML(b, manyBinds), nil)
	others := keepBusy(b, e, 100, 50)
	slow := e.bind(b, smpptest.ESMEConfig{})
	var took []time.Duration
	before := others.Load()
	for b.Loop() {
		began := time.Now()
		if _, err := slow.SubmitText(deadline(b), "TASMAN", "64211234567", "a"); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	b.ReportMetric(float64(others.Load()-before)/b.Elapsed().Seconds(), "others/s")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
}
