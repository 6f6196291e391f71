// Command tasman is an SMS edge gateway mesh: one binary that plays every role. README.md is its front door.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// memoryLimit is where the runtime begins to collect harder and to give memory back, unless GOMEMLIMIT says otherwise: a
// busy gateway lives on half of it.
const memoryLimit = 280 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
