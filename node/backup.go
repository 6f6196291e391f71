package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"tasman/configs"
	"tasman/reporting"
	"tasman/streams"
)

// backupFormat is the version of what a backup's directory looks like:
//
//	manifest.json         what is there; written last
//	manifest.json.sha256  as sha256sum writes it
//	resources.yaml        the resources in service, for people: a restore takes them from streams/
//	streams/NAME          one archive of the NATS servers for each stream
//	database/TABLE.gz     one line of JSON per row, the first with the columns
const (
	backupFormat  = 1
	manifestFile  = "manifest.json"
	manifestSum   = manifestFile + ".sha256"
	resourcesFile = "resources.yaml"
)

func streamFile(name string) string { return "streams/" + name }
func tableFile(table string) string { return "database/" + table + ".gz" }

// Manifest says what a backup has.
type Manifest struct {
	Format   int             `json:"format"`
	Begun    time.Time       `json:"begun"` // what was acknowledged before is in it
	Ended    time.Time       `json:"ended"`
	Node     string          `json:"node"` // that took it
	Revision uint64          `json:"revision"`
	Streams  []streams.Saved `json:"streams"`
	Database *SavedDatabase  `json:"database,omitempty"` // none: the backup is without
	Files    []SavedFile     `json:"files"`              // all but the manifest itself
}

// SavedDatabase is what a backup has of the reporting database.
type SavedDatabase struct {
	Version int64        `json:"version"` // of its tables
	Tables  []SavedTable `json:"tables"`
}

// SavedTable is one table.
type SavedTable struct {
	Table string `json:"table"`
	Rows  uint64 `json:"rows"`
}

// SavedFile is one file of a backup.
type SavedFile struct {
	Name   string `json:"name"` // with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// backup writes a backup into a directory that does not exist yet, and removes that when it fails. The gateway works on
// meanwhile. withDatabase takes the reporting database in, if this node knows it.
func (n *Node) backup(ctx context.Context, dir string, withDatabase bool) (m Manifest, err error) {
	if !n.cfg.Plays(configs.RoleStreams) {
		return m, errors.New("a backup is taken on a node of role streams")
	}
	if !n.backingUp.TryLock() {
		return m, streams.ErrBackupRuns
	}
	defer n.backingUp.Unlock()
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return m, fmt.Errorf("backup: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return m, fmt.Errorf("backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	w := &backupWriter{dir: dir}
	m = Manifest{Format: backupFormat, Node: n.cfg.Name}
	if withDatabase && n.cfg.MySQL.DSN != "" {
		m.Database = &SavedDatabase{}
	}
	if err := n.fillBackup(ctx, w, &m); err != nil {
		return m, err
	}
	m.Ended, m.Files = time.Now().UTC(), w.files
	return m, w.finish(m)
}

// fillBackup writes all files but the manifest. The moment of the database is fixed before the streams are read, so that what
// it has is never ahead of them; its tables are written afterwards, when the trimmer works again.
func (n *Node) fillBackup(ctx context.Context, w *backupWriter, m *Manifest) (err error) {
	var dump *reporting.Dump
	defer func() {
		if dump != nil {
			err = errors.Join(err, dump.Close())
		}
	}()
	m.Streams, err = n.bus.Backup(ctx, func(context.Context) (err error) {
		m.Begun = time.Now().UTC()
		if m.Database != nil {
			dump, err = reporting.BeginDump(ctx, string(n.cfg.MySQL.DSN))
		}
		return err
	}, func(name string) (io.WriteCloser, error) { return w.create(streamFile(name)) })
	if err != nil {
		return err
	}
	if dump != nil {
		m.Database.Version = dump.Version
		for _, table := range dump.Tables() {
			rows, err := writeTable(ctx, w, dump, table)
			if err != nil {
				return err
			}
			m.Database.Tables = append(m.Database.Tables, SavedTable{table, rows})
		}
	}
	return n.saveResources(ctx, w, m)
}

func writeTable(ctx context.Context, w *backupWriter, dump *reporting.Dump, table string) (rows uint64, err error) {
	f, err := w.create(tableFile(table))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return dump.Write(ctx, table, f)
}

// saveResources writes the resources in service as the YAML that apply takes, their secrets as they are stored.
func (n *Node) saveResources(ctx context.Context, w *backupWriter, m *Manifest) (err error) {
	rev, resources, err := n.store().current(ctx)
	if err != nil {
		return err
	}
	body, err := configs.Marshal(resources)
	if err != nil {
		return err
	}
	m.Revision = rev
	f, err := w.create(resourcesFile)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	return errors.Join(err, f.Close())
}

// backupWriter writes the files of a backup and notes their sums.
type backupWriter struct {
	dir   string
	files []SavedFile
}

func (w *backupWriter) create(name string) (io.WriteCloser, error) {
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &summedFile{w: w, name: name, f: f, sum: sha256.New()}, nil
}

// finish writes the manifest: without it a directory is no backup.
func (w *backupWriter) finish(m Manifest) error {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	for _, f := range []struct {
		name string
		body []byte
	}{{manifestSum, fmt.Appendf(nil, "%x  %s\n", sum, manifestFile)}, {manifestFile, raw}} {
		out, err := w.create(f.name)
		if err != nil {
			return err
		}
		_, err = out.Write(f.body)
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
	}
	return nil
}

// summedFile is a file of a backup while it is written. Close brings it to disk and notes it.
type summedFile struct {
	w     *backupWriter
	name  string
	f     *os.File
	sum   hash.Hash
	bytes int64
}

// Write implements io.Writer.
func (s *summedFile) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	s.sum.Write(p[:n])
	s.bytes += int64(n)
	return n, err
}

// Close implements io.Closer.
func (s *summedFile) Close() error {
	s.w.files = append(s.w.files, SavedFile{s.name, s.bytes, hex.EncodeToString(s.sum.Sum(nil))})
	return errors.Join(s.f.Sync(), s.f.Close())
}
