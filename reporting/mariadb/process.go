package mariadb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is a process that ends with ours.
type child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; set before done is closed
}

// spawn starts a program in a process group of its own, so that the terminal's Ctrl-C reaches only us and we decide when the
// database stops.
func spawn(program string, args ...string) (*child, error) {
	c := &child{cmd: command(context.Background(), program, args...), done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends the parent-death signal when the *thread* that forked ends, so that thread must live as
		// long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		if err == nil {
			giveWay(c.cmd.Process.Pid)
		}
		started <- err
		if err == nil {
			c.err = c.cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	return c, nil
}

func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = processAttributes()
	return cmd
}

// stop asks the process to end and kills it when ctx ends first.
func (c *child) stop(ctx context.Context) error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop MariaDB: %w", err)
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		c.kill()
		return fmt.Errorf("MariaDB was killed: %w", ctx.Err())
	}
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill() // fails only when it has ended already
	<-c.done
}

// lockFolder takes the folder's lock, which the kernel gives back however this process ends.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("lock: %w", err)
	}
	return f, nil
}

// endLeftOver ends a server that still runs on data although its parent is gone, as the lock we hold proves.
func endLeftOver(ctx context.Context, pidFile, data string, log *slog.Logger) error {
	b, err := os.ReadFile(pidFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || !serves(pid, data) {
		return nil // an old file: the process is gone or is another one
	}
	log.Warn("ending a MariaDB left over from an earlier run", "pid", pid)
	signals := []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}
	for _, sig := range signals {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end left-over server %d: %w", pid, err)
		}
		if ended, err := awaitEnd(ctx, pid, data, 20*time.Second); ended || err != nil {
			return err
		}
	}
	return fmt.Errorf("left-over server %d does not end", pid)
}

func awaitEnd(ctx context.Context, pid int, data string, limit time.Duration) (bool, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for serves(pid, data) {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-end.C:
			return false, nil
		case <-tick.C:
		}
	}
	return true, nil
}

// serves reports whether the process is a server on that data folder: a pid alone may have been given to another program.
func serves(pid int, data string) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return err == nil && strings.Contains(string(b), "--datadir="+data+"\x00")
}
