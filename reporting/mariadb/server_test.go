package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets this binary play the parent that is killed in TestLeftOverIsEnded.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TASMAN_TEST_PARENT"); dir != "" {
		s, err := Start(context.Background(), dir, slog.New(slog.DiscardHandler))
		if err != nil {
			os.Stdout.WriteString("error: " + err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString("ready\n")
		<-s.Done()
		os.Exit(0)
	}
	os.Exit(Main(m.Run))
}

func query(t *testing.T, dsn, statement string) string {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text string
	if err := db.QueryRow(statement).Scan(&text); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return text
}

func exec1(t *testing.T, dsn, statement string) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestDataSurvivesStopAndKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	s := StartForTest(t, dir)
	exec1(t, s.DSN(), "CREATE TABLE t (v VARCHAR(10))")
	exec1(t, s.DSN(), "INSERT INTO t VALUES ('kia ora')")
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	s = StartForTest(t, dir)
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	s = StartForTest(t, dir)
	if got := query(t, s.DSN(), "SELECT v FROM t"); got != "kia ora" {
		t.Errorf("row after restarts = %q", got)
	}
}

func TestServerIsPrivateAndDurable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	s := StartForTest(t, dir)
	for variable, want := range map[string]string{
		"skip_networking": "1", "innodb_flush_log_at_trx_commit": "1", "log_bin": "0", "character_set_server": "utf8mb4",
	} {
		if got := query(t, s.DSN(), "SELECT @@"+variable); got != want {
			t.Errorf("%s = %s, want %s", variable, got, want)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "password"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("password file has mode %v", info.Mode().Perm())
	}
	if _, err := os.Stat(filepath.Join(dir, "init.sql")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("start-up statements, which hold the password, are still there: %v", err)
	}
	group, err := syscall.Getpgid(s.PID())
	if err != nil {
		t.Fatal(err)
	}
	if group == syscall.Getpgrp() {
		t.Error("the server shares our process group and would receive the terminal's Ctrl-C")
	}
}

func TestSecondStartOnFolderIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	StartForTest(t, dir)
	if _, err := Start(t.Context(), dir, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrInUse) {
		t.Errorf("second start: %v, want ErrInUse", err)
	}
}

func TestLongFolderName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	s := StartForTest(t, dir)
	if got := query(t, s.DSN(), "SELECT DATABASE()"); got != "tasman" {
		t.Errorf("database = %q", got)
	}
}

// The parent is killed without a word; the server must end or be ended, and the folder must be usable at once.
func TestLeftOverIsEnded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "TASMAN_TEST_PARENT="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, 200)
	n, _ := out.Read(word)
	if got := string(word[:n]); got != "ready\n" {
		t.Fatalf("parent said %q", got)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	s := StartForTest(t, dir)
	if got := query(t, s.DSN(), "SELECT 1"); got != "1" {
		t.Errorf("SELECT 1 = %q", got)
	}
}

// A process that answers to the pid file but not to the signal that our end sends is ended by the next start.
func TestEndLeftOverOfPidFile(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	stranger := exec.Command("sh", "-c", "trap '' TERM; echo up; read line", "sh", "--datadir="+data)
	in, err := stranger.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := stranger.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	up := make([]byte, 3)
	if _, err := out.Read(up); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = stranger.Wait() }()
	if !serves(stranger.Process.Pid, data) {
		t.Error("a process with our data folder on its command line is not recognised")
	}
	if serves(stranger.Process.Pid, dir) || serves(os.Getpid(), data) {
		t.Error("another process is taken for our server")
	}
	if ok, err := awaitEnd(t.Context(), stranger.Process.Pid, data, time.Millisecond); ok || err != nil {
		t.Errorf("awaitEnd of a living process = %v, %v", ok, err)
	}
	in.Close()
	<-ended
	if ok, err := awaitEnd(t.Context(), stranger.Process.Pid, data, time.Minute); !ok || err != nil {
		t.Errorf("awaitEnd of an ended process = %v, %v", ok, err)
	}
}

func TestForTestGivesFreshDatabases(t *testing.T) {
	a, b := ForTest(t), ForTest(t)
	exec1(t, a, "CREATE TABLE t (v INT)")
	if got := query(t, b, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"); got != "0" {
		t.Errorf("tables in a fresh database = %s", got)
	}
}

func TestFindSaysWhatToDo(t *testing.T) {
	_, err := findProgram("mariadbd-of-nobody")
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "TASMAN_INSTALL=1") {
		t.Errorf("error = %v", err)
	}
}

func TestLastLines(t *testing.T) {
	if got := lastLines([]byte("a\n\n b \nc\n"), 2); got != "b | c" {
		t.Errorf("lastLines = %q", got)
	}
}
