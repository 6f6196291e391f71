package streams

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"tasman/sms"
)

const crashDir = "TASMAN_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := publishUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// publishUntilKilled stores 0, 1, 2 ... and prints each number when it is acknowledged.
func publishUntilKilled(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b, err := Open(ctx, Config{Node: "test", Dir: dir, Shards: 2, SyncAlways: true}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	if err := b.Apply(ctx, Topology{}); err != nil {
		return err
	}
	for i := 0; ; i++ {
		err := b.Publish(ctx, MTSubject(0, sms.Normal), message(strconv.Itoa(i)), func(_ Placed, err error) {
			if err == nil {
				fmt.Println(i)
			}
		})
		if err != nil {
			return err
		}
	}
}

// A process that is killed loses nothing it acknowledged.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	check(t, err)
	check(t, child.Start())
	acked := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			break // cut off by the kill
		}
		if acked = n + 1; acked == 5000 {
			check(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil || acked < 5000 {
		t.Fatalf("the child ended by itself after %d records: %v", acked, err)
	}
	b := openBus(t, dir)
	placed, err := b.Barrier(timeout(t), "MT-0")
	check(t, err)
	texts, _ := tailUntil(t, b, "MT-0", 0, placed["MT-0"])
	if len(texts) < acked {
		t.Fatalf("%d records acknowledged, %d stored", acked, len(texts))
	}
	for i, text := range texts {
		if text != strconv.Itoa(i) {
			t.Fatalf("record %d is %s", i, text)
		}
	}
}
