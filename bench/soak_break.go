package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"tasman/bench/results"
)

// breaker makes the faults of a soak at their times.
type breaker struct {
	began  time.Time
	ops    soakOperators
	out    io.Writer
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	faults []results.Fault
}

// startBreaker begins; stop mends what is broken and ends it.
func startBreaker(ctx context.Context, began time.Time, plan []plannedFault, ops soakOperators, out io.Writer) *breaker {
	ctx, cancel := context.WithCancel(ctx)
	b := &breaker{began: began, ops: ops, out: out, cancel: cancel}
	b.wg.Go(func() {
		for i := range plan {
			if !b.until(ctx, plan[i].from) {
				return
			}
			b.make(ctx, &plan[i])
		}
	})
	return b
}

func (b *breaker) stop() {
	b.cancel()
	b.wg.Wait()
}

// made returns the faults so far.
func (b *breaker) made() []results.Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]results.Fault(nil), b.faults...)
}

// until waits for a time of the run; false says that ctx ended first.
func (b *breaker) until(ctx context.Context, at time.Duration) bool {
	timer := time.NewTimer(at - time.Since(b.began))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// make makes one fault, from its beginning to its end.
func (b *breaker) make(ctx context.Context, f *plannedFault) {
	begun := time.Since(b.began)
	b.mu.Lock()
	n := len(b.faults)
	b.faults = append(b.faults, results.Fault{At: begun.Seconds(), Length: (f.to - f.from).Seconds(), Name: f.name(), Recovered: -1})
	b.mu.Unlock()
	fmt.Fprintf(b.out, "%6s  fault: %s\n", begun.Round(time.Second), f.name())
	err := b.breakIt(ctx, f)
	if err == nil && f.to > f.from {
		b.until(ctx, begun+f.to-f.from)
		err = b.mend(f)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	fault := &b.faults[n]
	if f.to > f.from || f.Fault == faultExec {
		fault.Length = (time.Since(b.began) - begun).Seconds()
	}
	if err != nil && ctx.Err() == nil {
		fault.Error = err.Error()
		fmt.Fprintf(b.out, "fault %s: %v\n", f.name(), err)
	}
}

// errNoOperators is the error of a fault that needs simulated operators where there are none.
var errNoOperators = errors.New("no operator is simulated here")

func (b *breaker) breakIt(ctx context.Context, f *plannedFault) error {
	if f.Fault == faultExec {
		return runCommand(ctx, f.Command)
	}
	if b.ops == nil {
		return errNoOperators
	}
	return b.ops.Break(&f.soakFault)
}

func (b *breaker) mend(f *plannedFault) error {
	if f.Fault == faultExec {
		return nil
	}
	return b.ops.Mend(&f.soakFault)
}

// runCommand runs a command of the user's by the shell and waits for it. What it starts in the background goes on. Its error
// has the last line of what it printed.
func runCommand(ctx context.Context, command string) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.WaitDelay = time.Second // a child in the background that holds the output open is not waited for
	out, err := cmd.CombinedOutput()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return fmt.Errorf("%w: %s", err, lines[len(lines)-1])
}
