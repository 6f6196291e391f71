package streams

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestConfigStore(t *testing.T) {
	dir := t.TempDir()
	b := openBus(t, dir)
	s := b.ConfigStore()
	rev, manifest, err := s.Current(timeout(t))
	if rev != 0 || manifest != nil || err != nil {
		t.Fatalf("empty store: %d %q %v", rev, manifest, err)
	}
	if list, err := s.History(timeout(t)); len(list) != 0 || err != nil {
		t.Fatalf("empty history: %v %v", list, err)
	}
	hash, err := s.PutBlob(timeout(t), []byte("blob"))
	check(t, err)
	again, err := s.PutBlob(timeout(t), []byte("blob"))
	check(t, err)
	if data, err := s.Blob(timeout(t), hash); hash != again || string(data) != "blob" || err != nil {
		t.Errorf("blob %s/%s: %q %v", hash, again, data, err)
	}
	for _, bad := range []string{"", "00", "not a key"} {
		if _, err := s.Blob(timeout(t), bad); !errors.Is(err, ErrNotFound) {
			t.Errorf("blob %q: %v", bad, err)
		}
	}
	for i := range uint64(70) {
		got, err := s.Put(timeout(t), fmt.Append(nil, i+1), i)
		if got != i+1 || err != nil {
			t.Fatalf("put %d: %d %v", i+1, got, err)
		}
	}
	for _, stale := range []uint64{0, 69, 71} {
		if _, err := s.Put(timeout(t), []byte("x"), stale); !errors.Is(err, ErrConflict) {
			t.Errorf("put over %d: %v, want ErrConflict", stale, err)
		}
	}
	check(t, b.Close(timeout(t)))

	s = openBus(t, dir).ConfigStore()
	rev, manifest, err = s.Current(timeout(t))
	if rev != 70 || string(manifest) != "70" || err != nil {
		t.Errorf("after a restart: %d %q %v", rev, manifest, err)
	}
	list, err := s.History(timeout(t))
	check(t, err)
	if len(list) != 64 || list[0].Number != 70 || list[63].Number != 7 || list[0].Time.IsZero() {
		t.Errorf("history: %d revisions, %v", len(list), list)
	}
	if data, err := s.At(timeout(t), 42); string(data) != "42" || err != nil {
		t.Errorf("at 42: %q %v", data, err)
	}
	for _, gone := range []uint64{0, 3, 71} {
		if _, err := s.At(timeout(t), gone); !errors.Is(err, ErrNotFound) {
			t.Errorf("at %d: %v, want ErrNotFound", gone, err)
		}
	}
}

func TestConfigWatch(t *testing.T) {
	s := openBus(t, "").ConfigStore()
	ctx, cancel := context.WithCancel(timeout(t))
	seen := make(chan uint64, 8)
	ended := make(chan error, 1)
	_, err := s.Put(ctx, []byte("1"), 0)
	check(t, err)
	go func() { ended <- s.Watch(ctx, func(rev uint64, _ []byte) { seen <- rev }) }()
	if rev := <-seen; rev != 1 {
		t.Fatalf("first saw %d", rev)
	}
	_, err = s.Put(ctx, []byte("2"), 1)
	check(t, err)
	if rev := <-seen; rev != 2 {
		t.Fatalf("then saw %d", rev)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
