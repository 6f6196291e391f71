package node

import (
	"os"
	"runtime"
)

// leastProcessors is how many goroutines may run at once at least, also where there are fewer cores. With two, whatever computes for
// some milliseconds keeps half of all sessions and streams from going on: the runtime looks at sockets when a processor has nothing
// else to do. With more the kernel shares the cores out, which interrupts the one that computes for those that have waited.
const leastProcessors = 8

// UseProcessors lets this process have more goroutines under way than there are cores where these are few. It leaves alone what
// GOMAXPROCS or a container's limit says: above a limit, a burst is paid for with a standstill.
func UseProcessors() {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) == runtime.NumCPU() {
		runtime.GOMAXPROCS(max(leastProcessors, runtime.NumCPU()))
	}
}
