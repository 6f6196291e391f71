package mariadb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Names of what Start creates on the server.
const (
	user     = "tasman"
	database = "tasman"
)

// ErrInUse is returned by Start when another living process runs a server on the folder.
var ErrInUse = errors.New("the database folder is in use by another process")

// Server is a running private server.
type Server struct {
	dir    string
	socket string
	tmp    string // folder of the socket when dir is too long for one
	dsn    string
	lock   *os.File
	child  *child
	log    *slog.Logger

	options []string // beside those that every server gets
}

// Start runs a server on dir, which is created when missing, and returns when it answers queries. The first start on a
// folder makes the database files (about a second). A server left over there by a process that was killed is ended first.
// The server ends with this process; ctx bounds only the start. Errors wrap ErrNotFound or ErrInUse, or hold the last lines
// of the server's log.
func Start(ctx context.Context, dir string, log *slog.Logger) (*Server, error) {
	return startWith(ctx, dir, log)
}

// startWith is Start with further options for the server.
func startWith(ctx context.Context, dir string, log *slog.Logger, options ...string) (*Server, error) {
	program, err := Find()
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("database folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("database folder: %w", err)
	}
	s := &Server{dir: dir, log: log, options: options}
	if err := s.start(ctx, program); err != nil {
		s.release()
		return nil, fmt.Errorf("start MariaDB in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, program string) (err error) {
	if s.lock, err = lockFolder(s.path("lock")); err != nil {
		return err
	}
	if err := endLeftOver(ctx, s.path("pid"), s.path("data"), s.log); err != nil {
		return err
	}
	if err := s.placeSocket(); err != nil {
		return err
	}
	password, err := loadPassword(s.path("password"))
	if err != nil {
		return err
	}
	s.dsn = s.format(password)
	if err := s.install(ctx); err != nil {
		return err
	}
	if err := s.writeInit(password); err != nil {
		return err
	}
	defer os.Remove(s.path("init.sql"))
	if s.child, err = spawn(program, s.arguments()...); err != nil {
		return err
	}
	if err := s.awaitReady(ctx); err != nil {
		s.child.kill()
		return err
	}
	return nil
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// placeSocket chooses the socket's path: in the folder, or in a folder of its own when that would be longer than the
// 107 octets that a Unix socket address holds.
func (s *Server) placeSocket() (err error) {
	s.socket = s.path("sock")
	if len(s.socket) <= 100 {
		return nil
	}
	if s.tmp, err = os.MkdirTemp("", "tasman-db-"); err != nil {
		return fmt.Errorf("folder for the socket: %w", err)
	}
	s.socket = filepath.Join(s.tmp, "sock")
	return nil
}

func (s *Server) format(password string) string {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = user, password, database
	c.Net, c.Addr = "unix", s.socket
	return c.FormatDSN()
}

// loadPassword reads the password that an earlier start stored, or stores a new random one.
func loadPassword(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil && len(b) > 0 {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("database password: %w", err)
	}
	password := rand.Text()
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("database password: %w", err)
	}
	return password, nil
}

// install makes the database files, under another name first so that a start killed half way leaves nothing half made.
func (s *Server) install(ctx context.Context) error {
	if _, err := os.Stat(s.path("data")); err == nil {
		return nil
	}
	program, err := findProgram("mariadb-install-db")
	if err != nil {
		return err
	}
	s.log.Info("creating the database files of the private MariaDB")
	fresh := s.path("data.new")
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("remove an unfinished database: %w", err)
	}
	args := append([]string{"--no-defaults"}, asUser()...)
	args = append(args, "--datadir="+fresh, "--auth-root-authentication-method=socket", "--skip-test-db", "--skip-name-resolve")
	out, err := command(ctx, program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mariadb-install-db: %w: %s", err, lastLines(out, 5))
	}
	return os.Rename(fresh, s.path("data"))
}

// writeInit writes the statements that the server runs before it takes connections: they make the database and the user
// on the first start and restore the user's password on every later one.
func (s *Server) writeInit(password string) error {
	text := fmt.Sprintf("CREATE DATABASE IF NOT EXISTS %[1]s CHARACTER SET utf8mb4;\n"+
		"CREATE USER IF NOT EXISTS '%[2]s'@'localhost';\n"+
		"ALTER USER '%[2]s'@'localhost' IDENTIFIED BY '%[3]s';\n"+
		"GRANT ALL ON `%[1]s%%`.* TO '%[2]s'@'localhost';\n", database, user, password)
	if err := os.WriteFile(s.path("init.sql"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write start-up statements: %w", err)
	}
	return nil
}

func (s *Server) arguments() []string {
	args := append([]string{"--no-defaults"}, asUser()...)
	args = append(args,
		"--datadir="+s.path("data"), "--socket="+s.socket, "--pid-file="+s.path("pid"), "--log-error="+s.path("server.log"),
		"--init-file="+s.path("init.sql"), "--skip-networking", "--skip-name-resolve", "--skip-log-bin",
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci", "--default-time-zone=+00:00",
		"--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=128M", "--max-connections=40",
		"--max-allowed-packet=64M", "--performance-schema=OFF")
	return append(args, s.options...)
}

// asUser returns the option without which mariadbd refuses to run as root.
func asUser() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// awaitReady polls until the server answers, ends, or ctx ends.
func (s *Server) awaitReady(ctx context.Context) error {
	db, err := sql.Open("mysql", s.dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ping(ctx, db)
		if err == nil {
			return nil
		}
		select {
		case <-s.child.done:
			return fmt.Errorf("the server ended: %v: %s", s.child.err, s.logTail()) //nolint:errorlint // nil when it ended in order
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// ping asks without the driver's own notices: a socket that is not there yet is what is expected here.
func ping(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (s *Server) logTail() string {
	b, err := os.ReadFile(s.path("server.log"))
	if err != nil {
		return "no log: " + err.Error()
	}
	return lastLines(b, 6)
}

// DSN returns the data source name of the server's database `tasman`, in the form of go-sql-driver/mysql. It holds the
// password.
func (s *Server) DSN() string { return s.dsn }

// PID returns the process id of the server.
func (s *Server) PID() int { return s.child.cmd.Process.Pid }

// Done is closed when the server process has ended, whoever ended it.
func (s *Server) Done() <-chan struct{} { return s.child.done }

// Stop shuts the server down and waits for its end. When ctx ends first the server is killed, which costs a recovery at the
// next start and loses nothing committed. The error is that of ctx then.
func (s *Server) Stop(ctx context.Context) error {
	err := s.child.stop(ctx)
	s.release()
	return err
}

// release gives back what a start took, except the files that the next start needs.
func (s *Server) release() {
	if s.tmp != "" {
		os.RemoveAll(s.tmp)
	}
	if s.lock != nil {
		s.lock.Close()
	}
}
