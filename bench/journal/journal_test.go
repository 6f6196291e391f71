package journal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func entries(started time.Time) *rapid.Generator[Entry] {
	at := rapid.Map(rapid.Int64Range(-1e12, 1e12), func(us int64) time.Time { return started.Add(time.Duration(us) * time.Microsecond) })
	return rapid.Custom(func(t *rapid.T) Entry {
		e := Entry{
			Kind: Kind(rapid.IntRange(1, 6).Draw(t, "kind")), Marker: rapid.OneOf(rapid.Just(NoMarker), rapid.Uint64()).Draw(t, "marker"),
			ID: rapid.StringN(0, 30, 65).Draw(t, "id"), At: at.Draw(t, "at"), Outcome: Outcome(rapid.IntRange(0, 4).Draw(t, "outcome")),
			Status: rapid.Uint32().Draw(t, "status"), State: rapid.Uint8().Draw(t, "state"), Interim: rapid.Bool().Draw(t, "interim"),
			Destination: rapid.Uint64().Draw(t, "destination"), Via: rapid.SampledFrom([]string{"", "a/1", "a/2", "long name/3"}).Draw(t, "via"),
		}
		if rapid.Bool().Draw(t, "intends") {
			e.Intended = at.Draw(t, "intended")
		}
		if e.Parts = rapid.Uint8().Draw(t, "parts"); e.Parts > 0 {
			e.Part, e.Reference = rapid.Uint8().Draw(t, "part"), rapid.Uint16().Draw(t, "reference")
		}
		return e
	})
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var file bytes.Buffer
		w, err := NewWriter(&file, RoleLoad, "one")
		if err != nil {
			t.Fatal(err)
		}
		want := rapid.SliceOf(entries(w.started)).Draw(t, "entries")
		for i := range want {
			w.Write(&want[i])
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(&file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Header{Version: 1, Role: RoleLoad, Name: "one", Started: w.started}, r.Header()); diff != "" {
			t.Fatalf("header (-want +got):\n%s", diff)
		}
		var got []Entry
		var e Entry
		for err = r.Next(&e); err == nil; err = r.Next(&e) {
			got = append(got, e)
		}
		if !errors.Is(err, io.EOF) || len(want)+len(got) > 0 && !cmp.Equal(want, got) {
			t.Fatalf("%v; entries (-want +got):\n%s", err, cmp.Diff(want, got))
		}
	})
}

// TestReaderFollows feeds a journal octet by octet: an entry is there when its last octet is.
func TestReaderFollows(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	w, err := NewWriter(&file, RoleSimulator, "")
	if err != nil {
		t.Fatal(err)
	}
	head := file.Len()
	for n := range uint64(50) {
		w.Write(&Entry{Kind: Received, Marker: n, At: time.Now(), ID: strings.Repeat("x", int(n)), Via: "bind"})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	var growing bytes.Buffer
	growing.Write(whole[:head])
	r, err := NewReader(&growing)
	if err != nil {
		t.Fatal(err)
	}
	var e Entry
	next := uint64(0)
	for _, c := range whole[head:] {
		if err := r.Next(&e); !errors.Is(err, io.EOF) {
			t.Fatalf("before it is whole: %+v, %v", e, err)
		}
		growing.WriteByte(c)
		for r.buf != nil && r.Next(&e) == nil {
			if e.Marker != next || e.Via != "bind" || len(e.ID) != int(next) {
				t.Fatalf("entry %d: %+v", next, e)
			}
			next++
		}
	}
	if next != 50 || r.Offset() != int64(len(whole)) {
		t.Errorf("%d entries to octet %d of %d", next, r.Offset(), len(whole))
	}
}

func TestCreateAndOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	w, err := Create(path, RoleLoad, "")
	if err != nil {
		t.Fatal(err)
	}
	const n = 20_000 // several chunks
	for i := range uint64(n) {
		w.Write(&Entry{Kind: Answered, Marker: i, At: time.Now(), ID: "0123456789abcdef", Outcome: Accepted})
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	w.Write(&Entry{Kind: Answered}) // too late: nothing
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var e Entry
	for i := range uint64(n) {
		if err := r.Next(&e); err != nil || e.Marker != i {
			t.Fatalf("entry %d: %+v, %v", i, e, err)
		}
	}
	if err := r.Next(&e); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

type brokenFile struct{ after int }

func (b *brokenFile) Write(p []byte) (int, error) {
	if b.after--; b.after < 0 {
		return 0, os.ErrClosed
	}
	return len(p), nil
}

func TestErrorsOfTheFileAreTold(t *testing.T) {
	t.Parallel()
	w, err := NewWriter(&brokenFile{after: 1}, RoleLoad, "")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(&Entry{Kind: Answered})
	if err := w.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("close: %v", err)
	}
	if _, err := NewWriter(&brokenFile{}, RoleLoad, ""); !errors.Is(err, os.ErrClosed) {
		t.Errorf("header: %v", err)
	}
}

func TestWhatIsNoJournalIsRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "TSMJRN", "TSMJRNL1", "TSMJRNL1\x05{\"v\":", "TSMJRNL1\x0d{\"version\":2}", "{\"accepted\":1}..............."} {
		if _, err := NewReader(strings.NewReader(s)); !errors.Is(err, ErrNotAJournal) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	var file bytes.Buffer
	w, err := NewWriter(&file, RoleLoad, "")
	if err != nil {
		f.Fatal(err)
	}
	w.Write(&Entry{Kind: Answered, Marker: 7, ID: "id", Via: "a/1", Part: 1, Parts: 2, Destination: 9, Status: 8, State: 2})
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		var e Entry
		for r.Next(&e) == nil {
			if r.Offset() > int64(len(b)) {
				t.Fatal("read beyond the end")
			}
		}
	})
}

func TestDestinationIgnoresPlus(t *testing.T) {
	t.Parallel()
	if Destination("+64211234567") != Destination([]byte("64211234567")) || Destination("64211234567") == Destination("64211234568") {
		t.Error("destinations are confused")
	}
}

func BenchmarkWriter(b *testing.B) {
	w, err := NewWriter(io.Discard, RoleLoad, "")
	if err != nil {
		b.Fatal(err)
	}
	e := Entry{Kind: Answered, At: time.Now(), ID: "01J9ZK3V5T8Y0000000000", Outcome: Accepted, Destination: 1 << 60, Via: "demo/3"}
	b.ReportAllocs()
	for b.Loop() {
		e.Marker++
		w.Write(&e)
	}
	if err := w.Close(); err != nil {
		b.Error(err)
	}
}
