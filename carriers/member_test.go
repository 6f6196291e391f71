package carriers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tasman/configs"
	"tasman/index"
	"tasman/streams"
)

// memberTTL is the lease of the members, shorter than in service.
const memberTTL = 2 * time.Second

// memberEnv holds, in a process that the tests start, what it is to be: name, region, address of the bus, directory, resources.
const memberEnv = "TASMAN_TEST_MEMBER"

// TestMain also plays a node of role carriers in a process of its own, which can be killed and frozen.
func TestMain(m *testing.M) {
	what := os.Getenv(memberEnv)
	if what == "" {
		os.Exit(m.Run())
	}
	args := strings.SplitN(what, "|", 5)
	if err := beMember(args[0], args[1], args[2], args[3], args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// beMember runs the role until stdin ends, which is with the test's process at the latest.
func beMember(name, region, url, dir, resources string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	bus, err := streams.Open(ctx, streams.Config{Node: name, URLs: []string{url}, Shards: 2, Alerts: 2}, log, nil)
	if err != nil {
		return err
	}
	parsed, err := configs.Parse("member", []byte(resources))
	if err != nil {
		return err
	}
	snap, err := configs.NewSnapshot(1, parsed)
	if err != nil {
		return err
	}
	live := configs.NewLive()
	if err := live.Swap(snap); err != nil {
		return err
	}
	x, err := index.Open(dir, index.Options{Node: name})
	if err != nil {
		return err
	}
	var following sync.WaitGroup
	following.Go(func() { x.Follow(ctx, bus) })
	role, err := New(Config{Node: name, Region: region, LeaseTTL: memberTTL, GiveUpAfter: memberTTL / 2, Drain: time.Second}, bus, x, index.NewMatcher(x, bus, name), live, log, nil)
	if err != nil {
		return err
	}
	err = role.Run(ctx)
	following.Wait()
	end, done := context.WithTimeout(context.Background(), 2*time.Second)
	defer done()
	return errors.Join(err, x.Close(), bus.Close(end))
}

// startMember starts a node in a process of its own.
func startMember(t *testing.T, name, region, url, resources string) *os.Process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), memberEnv+"="+strings.Join([]string{name, region, url, t.TempDir(), resources}, "|"))
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill() // also of one that is frozen; a second time for one that was killed
		_ = cmd.Wait()
	})
	return cmd.Process
}

// freeze stops a process as a hypervisor or an operator does; thaw lets it go on.
func freeze(t *testing.T, p *os.Process) { signalTo(t, p, syscall.SIGSTOP) }
func thaw(t *testing.T, p *os.Process)   { signalTo(t, p, syscall.SIGCONT) }

func signalTo(t *testing.T, p *os.Process, s os.Signal) {
	t.Helper()
	if err := p.Signal(s); err != nil {
		t.Fatal(err)
	}
}
