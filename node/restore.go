package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"tasman/configs"
	"tasman/reporting"
	"tasman/streams"
)

// RestoreOptions are the choices of `tasman restore`.
type RestoreOptions struct {
	Config *configs.Node // of the node that restores; it need not play any role when the servers are elsewhere
	// Private starts the private MariaDB of `up` when no DSN is configured, and Install installs it when it is missing.
	Private, Install bool
	// WithoutDatabase leaves the reporting database as it is. One that outlived the cell may stay: reporting adds what it lacks.
	WithoutDatabase bool
	// Settled and SendBulk say what is in doubt afterwards, see streams.Past.
	Settled, SendBulk bool
	Out               io.Writer
	Log               *slog.Logger
}

// Restore fills an empty cell and an empty database from a backup, which it verifies first. When it fails, both are empty again.
// The node must not run; of a cell of several servers the others run, with role streams alone.
func Restore(ctx context.Context, dir string, o RestoreOptions) (m Manifest, err error) {
	if m, err = VerifyBackup(dir); err != nil {
		return m, err
	}
	cfg := o.Config
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return m, fmt.Errorf("data directory: %w", err)
	}
	release, err := lockData(cfg.Data)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, release()) }()
	undo, err := o.restoreDatabase(ctx, dir, m)
	if err != nil {
		return m, err
	}
	if err := o.restoreStreams(ctx, dir, m); err != nil {
		return m, errors.Join(err, undo(err))
	}
	return m, undo(nil)
}

// restoreDatabase fills the database first: it takes longest, and more often fails. The function that it returns ends what it
// began, and empties the database again when it is given an error.
func (o *RestoreOptions) restoreDatabase(ctx context.Context, dir string, m Manifest) (end func(error) error, err error) {
	nothing := func(error) error { return nil }
	if o.WithoutDatabase || m.Database == nil {
		return nothing, nil
	}
	stop := func() error { return nil }
	if o.Config.MySQL.DSN == "" && o.Private {
		db, err := (&UpOptions{Config: o.Config, Install: o.Install, Out: o.Out, Log: o.Log}).startDatabase(ctx)
		if err != nil {
			return nothing, err
		}
		if db != nil {
			stop = func() error {
				stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Config.Drain)
				defer cancel()
				return db.stop(stopCtx)
			}
		}
	}
	dsn := string(o.Config.MySQL.DSN)
	if dsn == "" {
		return nothing, errors.New("the backup has a reporting database and none is configured to take it (mysql.dsn)")
	}
	var tables []string
	for _, t := range m.Database.Tables {
		tables = append(tables, t.Table)
	}
	err = reporting.Undump(ctx, dsn, m.Database.Version, tables, func(table string) (io.ReadCloser, error) { return openIn(dir, tableFile(table)) })
	if err != nil {
		return nothing, errors.Join(err, stop())
	}
	return func(failed error) error {
		var err error
		if failed != nil {
			err = reporting.Empty(context.WithoutCancel(ctx), dsn)
		}
		return errors.Join(err, stop())
	}, nil
}

func (o *RestoreOptions) restoreStreams(ctx context.Context, dir string, m Manifest) (err error) {
	cfg, err := busConfig(o.Config)
	if err != nil {
		return err
	}
	bus, err := streams.Open(ctx, cfg, o.Log, nil)
	if err != nil {
		return fmt.Errorf("streams: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, bus.Close(closing))
	}()
	return bus.Restore(ctx, m.Streams, streams.Past{Settled: o.Settled, SendBulk: o.SendBulk}, func(name string) (io.ReadCloser, error) { return openIn(dir, streamFile(name)) })
}

func openIn(dir, name string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(dir, filepath.FromSlash(name)))
}
