package reporting

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the tables of the database to the version that this program needs. Several processes may call it at once:
// a lock of the server lets one work while the others wait.
func Migrate(ctx context.Context, dsn string) error {
	db, err := open(dsn, 2)
	if err != nil {
		return err
	}
	return errors.Join(migrate(ctx, db), db.Close())
}

func migrate(ctx context.Context, db *sql.DB) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer conn.Close()
	if err := lockMigrations(ctx, conn); err != nil {
		return err
	}
	defer func() {
		_, release := conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(CONCAT('tasman_migrate_', MD5(DATABASE())))")
		err = errors.Join(err, release)
	}()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectMySQL, db, files, goose.WithTableName("migrations"))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func lockMigrations(ctx context.Context, conn *sql.Conn) error {
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT('tasman_migrate_', MD5(DATABASE())), 60)").Scan(&got); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if got.Int64 != 1 {
		return errors.New("migrate: another process has held the lock for a minute")
	}
	return nil
}
