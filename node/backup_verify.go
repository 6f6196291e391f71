package node

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tasman/reporting"
	"tasman/streams"
)

// ErrDamaged is returned when a backup is not as it was written.
var ErrDamaged = errors.New("the backup is damaged")

// VerifyBackup reads all files of a backup, compares them with the manifest, and returns that.
func VerifyBackup(dir string) (Manifest, error) {
	m, err := readManifest(dir)
	if err != nil {
		return m, err
	}
	listed := make(map[string]bool)
	for _, f := range m.Files {
		listed[f.Name] = true
		if err := verifySum(dir, f); err != nil {
			return m, err
		}
	}
	// Sums say that a file is as it was written; what follows, that it is what the manifest says.
	check := func(name string, count func(io.Reader) (uint64, error), want uint64) error {
		if !listed[name] {
			return fmt.Errorf("%w: %s is not in its manifest", ErrDamaged, name)
		}
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		defer f.Close()
		n, err := count(f)
		if err == nil && n != want {
			err = fmt.Errorf("it has %d entries, not %d", n, want)
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
		}
		return nil
	}
	for _, s := range m.Streams {
		batches := func(r io.Reader) (uint64, error) {
			got, err := streams.CheckBackup(r)
			return got.Batches, err
		}
		if err := check(streamFile(s.Name()), batches, s.Batches); err != nil {
			return m, err
		}
	}
	if m.Database != nil {
		for _, t := range m.Database.Tables {
			if err := check(tableFile(t.Table), reporting.CheckDump, t.Rows); err != nil {
				return m, err
			}
		}
	}
	return m, nil
}

func readManifest(dir string) (m Manifest, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, os.ErrNotExist) {
		return m, fmt.Errorf("%s is no backup, or one that was not finished: %w", dir, err)
	}
	if err != nil {
		return m, err
	}
	want, err := os.ReadFile(filepath.Join(dir, manifestSum))
	if err != nil {
		return m, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if string(want) != fmt.Sprintf("%x  %s\n", sha256.Sum256(raw), manifestFile) {
		return m, fmt.Errorf("%w: %s is not what %s says", ErrDamaged, manifestFile, manifestSum)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("%w: %s: %w", ErrDamaged, manifestFile, err)
	}
	if m.Format != backupFormat {
		return m, fmt.Errorf("the backup has format %d, this program reads %d", m.Format, backupFormat)
	}
	return m, nil
}

func verifySum(dir string, want SavedFile) error {
	if !filepath.IsLocal(want.Name) {
		return fmt.Errorf("%w: %q is not within it", ErrDamaged, want.Name)
	}
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(want.Name)))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if n != want.Bytes || hex.EncodeToString(sum.Sum(nil)) != want.SHA256 {
		return fmt.Errorf("%w: %s has another sum than when it was written", ErrDamaged, want.Name)
	}
	return nil
}
