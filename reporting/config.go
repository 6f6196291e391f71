package reporting

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Config says where and how to remember. The zero value of a field means its default.
type Config struct {
	// DSN of the database as go-sql-driver/mysql reads it. Times are UTC whatever it says about them.
	DSN string
	// Cell names the JetStream cluster whose streams are read; several may share one database. Default "default".
	Cell string
	// Settle is how long the row of an open message is held back, so that most are written once. Default 10 s.
	Settle time.Duration
	// Every is the longest time between two commits while there is something to write. Default 500 ms.
	Every time.Duration
	// MaxOpen bounds the messages held in memory (about 1 KB each): beyond it the oldest are written before they settle.
	// Default 100,000.
	MaxOpen int
	// Rows is how many rows one transaction writes at most. Default 5,000.
	Rows int
	// KeepMessages is how long rows of messages and MOs are kept. Default 90 days. Volumes are kept for ever.
	KeepMessages time.Duration
	// KeepEvents is how long rows of events are kept. Default 30 days.
	KeepEvents time.Duration
	// Connections to the database open at once, at least 2: one writes, one deletes. Default 4.
	Connections int
}

func (c Config) withDefaults() Config {
	setDefault(&c.Cell, "default")
	setDefault(&c.Settle, 10*time.Second)
	setDefault(&c.Every, 500*time.Millisecond)
	setDefault(&c.MaxOpen, 100_000)
	setDefault(&c.Rows, 5_000)
	setDefault(&c.KeepMessages, 90*24*time.Hour)
	setDefault(&c.KeepEvents, 30*24*time.Hour)
	setDefault(&c.Connections, 4)
	c.Connections = max(2, c.Connections)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// parseDSN reads a data source name and sets what the tables rely on.
func parseDSN(dsn string) (*mysql.Config, error) {
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, errors.New("database: the data source name is not user:password@tcp(host:3306)/name") // the cause may hold the password
	}
	if c.DBName == "" {
		return nil, fmt.Errorf("database: the data source name has no database name after the slash")
	}
	c.ParseTime, c.Loc, c.InterpolateParams = true, time.UTC, true
	c.ClientFoundRows, c.MultiStatements = false, false
	c.Logger = &mysql.NopLogger{} // it would print to stderr what we report as errors
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params["time_zone"] = "'+00:00'"
	c.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'"
	return c, nil
}
