package mariadb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// TB is the part of testing.TB that ForTest needs; the product does not link package testing.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
	TempDir() string
}

// shared is the server that Main lends to all tests of one binary.
var shared struct {
	sync.Mutex
	active bool // Main runs
	server *Server
	dir    string
}

// Main runs the tests of one binary with one server between them, started by the first that calls ForTest. Use it from
// TestMain: os.Exit(mariadb.Main(m.Run)).
func Main(run func() int) int {
	shared.Lock()
	shared.active = true
	shared.Unlock()
	code := run()
	shared.Lock()
	defer shared.Unlock()
	shared.active = false
	if shared.server == nil {
		return code
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := errors.Join(shared.server.Stop(ctx), os.RemoveAll(shared.dir))
	shared.server = nil
	if err != nil {
		fmt.Fprintln(os.Stderr, "end the tests' database:", err)
		return 1
	}
	return code
}

// ForTest returns the data source name of an empty database that is dropped when the test ends. The server is the one that
// TASMAN_MYSQL_DSN names, else the one shared by the binary (see Main), else one of this test's own. Without a server
// program it installs one when TASMAN_INSTALL=1, and fails the test otherwise: such tests never skip.
func ForTest(tb TB) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dsn := os.Getenv("TASMAN_MYSQL_DSN")
	if dsn == "" {
		server, err := testServer(ctx, tb)
		if err != nil {
			tb.Fatalf("database for the test: %v", err)
		}
		dsn = server.DSN()
	}
	fresh, err := freshDatabase(ctx, tb, dsn)
	if err != nil {
		tb.Fatalf("database for the test: %v", err)
	}
	return fresh
}

// StartForTest starts a server of the test's own on dir, with further options if any: for tests that kill and restart it, or
// need another one than usual. It is stopped when the test ends unless it has ended before.
func StartForTest(tb TB, dir string, options ...string) *Server {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	s, err := startForTest(ctx, dir, options...)
	if err != nil {
		tb.Fatalf("database for the test: %v", err)
	}
	tb.Cleanup(func() { stopForTest(tb, s) })
	return s
}

func startForTest(ctx context.Context, dir string, options ...string) (*Server, error) {
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("TASMAN_INSTALL") == "1" {
		if err := Install(ctx, log); err != nil {
			return nil, err
		}
	}
	return startWith(ctx, dir, log, options...)
}

func stopForTest(tb TB, s *Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		tb.Fatalf("stop the test's database: %v", err)
	}
}

func testServer(ctx context.Context, tb TB) (*Server, error) {
	shared.Lock()
	defer shared.Unlock()
	if !shared.active {
		return StartForTest(tb, tb.TempDir()), nil
	}
	if shared.server != nil {
		return shared.server, nil
	}
	dir, err := os.MkdirTemp("", "tasman-test-")
	if err != nil {
		return nil, err
	}
	s, err := startForTest(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	shared.server, shared.dir = s, dir
	return s, nil
}

func freshDatabase(ctx context.Context, tb TB, dsn string) (string, error) {
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "", err
	}
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return "", err
	}
	name := "tasman_test_" + strings.ToLower(rand.Text()[:12])
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4"); err != nil {
		return "", errors.Join(err, db.Close())
	}
	tb.Cleanup(func() {
		defer db.Close()
		if _, err := db.ExecContext(context.Background(), "DROP DATABASE "+name); err != nil {
			tb.Fatalf("drop the test's database: %v", err)
		}
	})
	config.DBName = name
	return config.FormatDSN(), nil
}
