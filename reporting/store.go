package reporting

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ErrSuperseded is returned when another process has become the one that writes this cell's figures.
var ErrSuperseded = errors.New("another process writes the reporting tables of this cell now")

// Answers of the server that mean: the same transaction may succeed when it is repeated.
const (
	duplicateKey    = 1062
	lockWaitTimeout = 1205
	deadlock        = 1213
)

const (
	// carefulFor is how many commits look for all their rows after one that met a row it did not expect: a replay without
	// positions meets many.
	carefulFor = 32
	// insertFor is how many commits go by INSERT after LOAD DATA did not work; twice as many each time, up to 64 times as many.
	insertFor = 500
)

// store writes commits, one after the other, each exactly once whatever happens to the connection.
//
// Its row in writers is the fence: each transaction locks it, finds in it the epoch that says whether this process is
// still the writer, and counts itself in it. So when the answer to COMMIT is lost, the next look tells whether it took place.
type store struct {
	db         *sql.DB
	cell       string
	log        *slog.Logger
	metrics    *metrics
	statements *statements
	session    *session
	epoch      uint64
	commits    uint64
	careful    int
	inserts    int         // commits that go by INSERT still
	broken     int         // connections that ended within LOAD DATA, one after the other
	refusals   int         // of LOAD DATA, without one between them that worked
	trouble    func(error) // told what stands between us and the database, nil when nothing does
}

// write stores a commit. It repeats until that has succeeded; the error is ErrSuperseded or that of ctx.
func (w *store) write(ctx context.Context, c *commit) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		begun := time.Now()
		err := w.try(ctx, c)
		switch {
		case err == nil:
			w.metrics.seconds.Observe(time.Since(begun).Seconds())
			w.trouble(nil)
			return nil
		case errors.Is(err, ErrSuperseded):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		w.metrics.repeats.Inc()
		switch number := answer(err); {
		case w.careful == 0 && (number == duplicateKey || errors.Is(err, errSkipped)):
			w.careful = carefulFor
			continue
		case number == deadlock || number == lockWaitTimeout:
		case w.unloaded(err):
			continue
		default:
			w.trouble(err)
			w.log.Warn("reporting waits for the database", "err", err, "again_in", wait)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// unloaded reports whether err is of LOAD DATA and the commit is to be repeated by INSERT: local_infile is off, a proxy does not
// know the statement, the right to DELETE is missing, or something passing. A connection that ends within it may have ended anyway:
// the second time in a row it is taken for the reason.
func (w *store) unloaded(err error) bool {
	var failed *loadError
	if !errors.As(err, &failed) {
		return false
	}
	if w.broken++; answer(err) == 0 && w.broken < 2 {
		return false
	}
	w.inserts, w.broken = insertFor<<min(w.refusals, 6), 0
	w.refusals++
	w.log.Info("rows go by INSERT for a while, which takes the database half as much again", "err", err)
	return true
}

// answer returns the error number of the server's answer, 0 when err is not one.
func answer(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// transactionLimit ends a transaction whose server does not answer.
const transactionLimit = time.Minute

func (w *store) try(ctx context.Context, c *commit) error {
	ctx, cancel := context.WithTimeout(ctx, transactionLimit)
	defer cancel()
	if err := w.connect(ctx); err != nil {
		return err
	}
	var p plan
	err := w.inTransaction(ctx, func(s *session, done uint64) (bool, error) {
		if done == w.commits+1 {
			return false, nil // it took place, only the answer was lost
		}
		var err error
		if p, err = s.apply(ctx, w.statements, w.cell, c, caution{careful: w.careful > 0, insert: w.inserts > 0}); err != nil {
			return false, err
		}
		_, err = s.exec(ctx, "UPDATE writers SET commits = ? WHERE cell = ?", w.commits+1, w.cell)
		return true, err
	})
	if err != nil {
		return err
	}
	if w.broken = 0; w.inserts+w.careful == 0 && max(len(p.insert), len(p.update)) >= loadFrom {
		w.refusals = 0
	}
	w.commits++
	w.careful, w.inserts = max(0, w.careful-1), max(0, w.inserts-1)
	w.metrics.count(p, c)
	return nil
}

// inTransaction runs step in a transaction that holds the writer's row, and commits if step says so. A connection on which
// anything but an answer of the server went wrong is given up.
func (w *store) inTransaction(ctx context.Context, step func(s *session, commits uint64) (bool, error)) (err error) {
	s := w.session
	defer func() {
		if err == nil {
			return
		}
		if _, failed := s.exec(ctx, "ROLLBACK"); failed != nil || answer(err) == 0 && !errors.Is(err, ErrSuperseded) && !errors.Is(err, errSkipped) {
			w.disconnect()
		}
	}()
	if _, err := s.exec(ctx, "START TRANSACTION"); err != nil {
		return err
	}
	var epoch, commits uint64
	err = s.conn.QueryRowContext(ctx, "SELECT epoch, commits FROM writers WHERE cell = ? FOR UPDATE", w.cell).Scan(&epoch, &commits)
	if err != nil {
		return fmt.Errorf("writer's row: %w", err)
	}
	if epoch != w.epoch || commits != w.commits && commits != w.commits+1 {
		return ErrSuperseded
	}
	worth, err := step(s, commits)
	if err != nil {
		return err
	}
	if !worth {
		_, err = s.exec(ctx, "ROLLBACK")
		return err
	}
	_, err = s.exec(ctx, "COMMIT")
	return err
}

func (w *store) connect(ctx context.Context) error {
	if w.session != nil {
		return nil
	}
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	w.session = newSession(conn)
	// One writer needs no gap locks. (The variable of this has two names, so it cannot go into the data source name.)
	if _, err := w.session.exec(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"); err != nil {
		w.disconnect()
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// disconnect closes the connection itself: given back to the pool it might carry an open transaction.
func (w *store) disconnect() {
	if w.session == nil {
		return
	}
	w.session.loader.end()
	_ = w.session.conn.Raw(func(any) error { return driver.ErrBadConn }) // says only what we told it
	_ = w.session.conn.Close()
	w.session = nil
}

// takeOver makes this process the writer of the cell.
func (w *store) takeOver(ctx context.Context) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	_, err := w.session.exec(ctx, "INSERT INTO writers (cell, epoch, commits) VALUES (?, LAST_INSERT_ID(1), 0) "+
		"ON DUPLICATE KEY UPDATE epoch = LAST_INSERT_ID(epoch + 1), commits = 0", w.cell)
	if err == nil {
		err = w.session.conn.QueryRowContext(ctx, "SELECT LAST_INSERT_ID()").Scan(&w.epoch)
	}
	if err != nil {
		w.disconnect()
		return fmt.Errorf("become the writer: %w", err)
	}
	w.commits = 0
	return nil
}

// positions reads where the streams are to be read on.
func (w *store) positions(ctx context.Context, all []*stream) error {
	for _, s := range all {
		var p position
		err := w.session.conn.QueryRowContext(ctx, "SELECT low, high FROM positions WHERE cell = ? AND stream = ? AND created = ?",
			w.cell, s.name, s.created).Scan(&p.low, &p.high)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			w.disconnect()
			return fmt.Errorf("position of %s: %w", s.name, err)
		}
		s.next, s.high, s.replay, s.told = p.low, p.high, p.high, p
	}
	return nil
}

// life returns what changes in the writer's row while the writer lives.
func (w *store) life(ctx context.Context) (epoch, commits uint64, err error) {
	err = w.db.QueryRowContext(ctx, "SELECT epoch, commits FROM writers WHERE cell = ?", w.cell).Scan(&epoch, &commits)
	return epoch, commits, err
}
