package bench

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// stopSignals are the signals that end a process in order.
type stopSignals struct{ c chan os.Signal }

func notifyStop() *stopSignals {
	s := &stopSignals{c: make(chan os.Signal, 1)}
	signal.Notify(s.c, os.Interrupt, syscall.SIGTERM)
	return s
}

func (s *stopSignals) stop() { signal.Stop(s.c) }

// startProfile writes a CPU profile into file until the returned function is called; an empty file means none.
func startProfile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, nil
}
