package index

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"tasman/sms"
)

// filled makes a store with one message on disk and returns its directory and the message.
func filled(t *testing.T) (string, *sms.Message) {
	t.Helper()
	dir := t.TempDir()
	x := open(t, dir, Options{})
	m := messageAt(start())
	ok(t, x.Apply("MT-0", "mt.0.normal", 3, []sms.Record{{Message: m}}))
	ok(t, x.db.Flush())
	ok(t, x.Close())
	return dir, m
}

func damage(t *testing.T, dir, pattern string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, f := range files {
		ok(t, os.WriteFile(f, bytes.Repeat([]byte("damaged "), 50), 0o600))
	}
}

func TestDamagedStoreIsBuiltAgain(t *testing.T) {
	tests := map[string]func(t *testing.T, dir string){
		"manifest": func(t *testing.T, dir string) { damage(t, dir, "MANIFEST-*") },
		"missing table": func(t *testing.T, dir string) {
			files, _ := filepath.Glob(filepath.Join(dir, "*.sst"))
			for _, f := range files {
				ok(t, os.Remove(f))
			}
		},
		"other format": func(t *testing.T, dir string) {
			x := open(t, dir, Options{})
			ok(t, x.db.Set([]byte{prefixVersion}, []byte("tasman index 0"), pebble.Sync))
			ok(t, x.Close())
		},
		"no format": func(t *testing.T, dir string) {
			x := open(t, dir, Options{})
			ok(t, x.db.Delete([]byte{prefixVersion}, pebble.Sync))
			ok(t, x.Close())
		},
		"other store": func(t *testing.T, dir string) {
			ok(t, emptyStore(dir))
			db, err := pebble.Open(dir, &pebble.Options{Logger: &failure{log: slog.New(slog.DiscardHandler)}})
			ok(t, err)
			ok(t, db.Close())
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			dir, m := filled(t)
			ok(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("not ours"), 0o600))
			spoil(t, dir)
			var log bytes.Buffer
			x := open(t, dir, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if _, found, err := x.Story(m.ID); found || err != nil {
				t.Errorf("found %v, %v", found, err)
			}
			if at := x.pos.at("MT-0"); at != 0 {
				t.Errorf("position is %d", at)
			}
			if !strings.Contains(log.String(), "built again") {
				t.Errorf("log says %q", log.String())
			}
			if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
				t.Errorf("a file that is not ours: %v", err)
			}
			note(t, x, sms.Record{Message: m})
			storyOf(t, x, m.ID)
		})
	}
}

// spoilLargestTable damages the table of messages, where its data are: opening the store does not read them.
func spoilLargestTable(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	ok(t, err)
	var largest []byte
	var name string
	for _, f := range files {
		data, err := os.ReadFile(f)
		ok(t, err)
		if len(data) > len(largest) {
			largest, name = data, f
		}
	}
	for i := len(largest) / 10; i < len(largest)/5; i++ {
		largest[i] ^= 0x55
	}
	ok(t, os.WriteFile(name, largest, 0o600))
}

func TestDamageFoundInUse(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{})
	var messages []*sms.Message
	for range 3000 {
		messages = append(messages, messageAt(start()))
		note(t, x, sms.Record{Message: messages[len(messages)-1]})
	}
	ok(t, x.db.Flush())
	ok(t, x.Close())
	spoilLargestTable(t, dir)
	x = open(t, dir, Options{})
	var damaged error
	for _, m := range messages {
		if _, _, err := x.Story(m.ID); err != nil {
			damaged = err
			break
		}
	}
	if !errors.Is(damaged, ErrDamaged) {
		t.Fatalf("damage was not found: %v", damaged)
	}
	m := messages[0]
	if err := x.Note(&sms.Record{Message: m}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged index goes on: %v", err)
	}
	if err := x.Close(); err != nil && !pebble.IsCorruptionError(err) {
		t.Fatal(err)
	}
	x = open(t, dir, Options{})
	if _, found, err := x.Story(m.ID); found || err != nil {
		t.Errorf("after opening again: %v, %v", found, err)
	}
	if _, err := os.Stat(filepath.Join(dir, damagedMark)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("mark is still there: %v", err)
	}
}

func TestAStoreInUseIsNotEmptied(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{})
	m := messageAt(start())
	note(t, x, sms.Record{Message: m})
	if second, err := Open(dir, Options{}); err == nil {
		t.Error("opened twice", second.Close())
	}
	storyOf(t, x, m.ID)
}

func TestAFailedStoreSaysSo(t *testing.T) {
	x := open(t, "", Options{})
	x.broken.Fatalf("no space left on %s", "device")
	if err := x.Note(&sms.Record{Message: messageAt(start())}); err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("note: %v", err)
	}
}
