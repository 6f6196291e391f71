package reporting

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"tasman/reporting/mariadb"
	"tasman/sms"
)

// oddRows are rows with all that a line must not be broken by.
func oddRows(n int) []*row {
	ids := sms.NewIDs(nil)
	at := microsOf(time.Date(2026, 2, 28, 23, 59, 58, 999_999_000, time.UTC))
	words := []string{"", "plain", "tab\there", "line\nend", `back\slash`, `\N`, "nul\x00in", "é✓😀", `quote"'`, "\r\n.", `trailing\`}
	rows := make([]*row, n)
	for i := range rows {
		word, later := words[i%len(words)], at+micros(i)*1_000_003
		rows[i] = &row{id: ids.Next(), account: "acme" + word, integration: word, door: "smpp", lane: sms.Lanes()[i%3], encoding: sms.GSM7,
			source: word, destination: fmt.Sprint("614", i), country: "AU", reference: strings.Repeat(`\`, 128), segments: uint16(i), told: 65535,
			attempts: 2, duplicate: i%2 == 0, withdrawn: i%3 == 0, carrier: ranked{4294967295, word}, carrierID: ranked{7, word + word},
			accepted: later, routed: later + 1, held: at * micros(i%2), submitted: at + 2, sent: 1, end: outcome{state: sms.StateUndeliverable,
				at: later + 5, byCarrier: i%2 == 1, error: word, commandStatus: 4294967295, done: latest}}
	}
	return rows
}

// What LOAD DATA wrote is what INSERT writes, in every column.
func TestLoadedRowsAreAsInserted(t *testing.T) {
	rows := oddRows(3000) // more than one packet
	want := map[sms.ID]*row{}
	for _, r := range rows {
		want[r.id] = r
	}
	ways := map[string]func(*store) error{
		"load": func(w *store) error { return w.session.load(t.Context(), adding, rows) },
		"load and replace": func(w *store) error {
			earlier := make([]*row, len(rows))
			for i, r := range rows {
				earlier[i] = &row{id: r.id, account: "earlier", country: "NZ", reference: "earlier", accepted: 1}
			}
			return errors.Join(w.session.load(t.Context(), adding, earlier), w.session.load(t.Context(), replacing, rows))
		},
		"insert": func(w *store) error {
			return w.session.insert(t.Context(), w.statements.insert, len(rows), func(i int, a []any) []any { return rows[i].bind(a) })
		},
	}
	for name, write := range ways {
		dsn := mariadb.ForTest(t)
		_, w := writer(t, dsn)
		if err := write(w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, messageRows(t, dsn), cmp.AllowUnexported(row{}, ranked{}, outcome{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestRowReader(t *testing.T) {
	rows := oddRows(50)
	var r rowReader
	r.begin(rows)
	want, err := io.ReadAll(&r)
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(bytes.ReplaceAll(want, []byte("\\\n"), nil), []byte("\n")); lines != len(rows) {
		t.Errorf("%d lines for %d rows", lines, len(rows))
	}
	r.begin(rows)
	if got, err := io.ReadAll(iotest.OneByteReader(&r)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("octet by octet: %d octets instead of %d, or others, %v", len(got), len(want), err)
	}
}

// acceptedAndReceipts returns what happens to happy messages, in two parts.
func acceptedAndReceipts(messages int) (accepted, receipts []placed) {
	s := &story{at: time.Now().Add(-time.Minute), ids: sms.NewIDs(nil)}
	for n := range messages {
		records := s.records(n * 8)
		accepted, receipts = append(accepted, records[0]), append(receipts, records[1:]...)
	}
	return accepted, receipts
}

// commitOf makes one commit of records.
func commitOf(t *testing.T, r *Reporter, records []placed) *commit {
	t.Helper()
	source := newFakeSource()
	source.fill(records, nil)
	var all []*stream
	for _, name := range source.names {
		all = append(all, &stream{name: name})
	}
	f := newFolder(r.cfg, r.lands, all)
	for i, name := range source.names {
		for _, b := range source.batches[name] {
			f.fold(tailed{i, b}, time.Now())
		}
	}
	f.age(time.Now().Add(time.Hour))
	return f.handOver(time.Now())
}

// Messages whose receipts come late are written twice: the second time they replace themselves, and count once.
func TestRowsWrittenTwice(t *testing.T) {
	dsn := mariadb.ForTest(t)
	r, w := writer(t, dsn)
	accepted, receipts := acceptedAndReceipts(2 * loadFrom)
	for _, part := range [][]placed{accepted, receipts} {
		if err := w.write(t.Context(), commitOf(t, r, part)); err != nil {
			t.Fatal(err)
		}
	}
	mustHold(t, dsn, append(accepted, receipts...))
	if w.careful > 0 || w.inserts > 0 || w.refusals > 0 {
		t.Errorf("not loaded: careful for %d commits, %d by INSERT", w.careful, w.inserts)
	}
}

// LOAD DATA says nothing of rows that are there already: the commit must notice, and count them once.
func TestLoadThatLeavesRowsOut(t *testing.T) {
	dsn := mariadb.ForTest(t)
	r, w := writer(t, dsn)
	all, _ := acceptedAndReceipts(2 * loadFrom)
	c := commitOf(t, r, all)
	earlier := *c
	earlier.entries = c.entries[:7]
	for _, c := range []*commit{&earlier, c} {
		if err := w.write(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	mustHold(t, dsn, all)
	if w.careful == 0 {
		t.Error("the writer did not notice that rows were left out")
	}
}

// What does not fit its column, or is no UTF-8, is changed by LOAD DATA with a warning, and must not stay so.
func TestLoadThatChangesAWord(t *testing.T) {
	for _, word := range []string{strings.Repeat("a", 65), "a\xff\xfe"} {
		_, w := writer(t, mariadb.ForTest(t))
		rows := oddRows(loadFrom)
		rows[3].account = word
		if err := w.session.load(t.Context(), adding, rows); !errors.Is(err, errSkipped) {
			t.Errorf("%q: got %v, want errSkipped", word, err)
		}
	}
}

// A server that takes no rows so gets them as before, those that are there already as well.
func TestServerThatRefusesToLoad(t *testing.T) {
	dsn := mariadb.StartForTest(t, filepath.Join(t.TempDir(), "db"), "--local-infile=0").DSN()
	r, w := writer(t, dsn)
	accepted, receipts := acceptedAndReceipts(2 * loadFrom)
	for _, part := range [][]placed{accepted, receipts} {
		w.inserts = 0
		if err := w.write(t.Context(), commitOf(t, r, part)); err != nil {
			t.Fatal(err)
		}
		if w.inserts == 0 {
			t.Error("the server took rows by LOAD DATA though local_infile is off")
		}
	}
	if w.inserts < insertFor || w.refusals != 2 {
		t.Errorf("%d commits by INSERT after %d refusals: each is to be for longer", w.inserts, w.refusals)
	}
	mustHold(t, dsn, append(accepted, receipts...))
}

// A proxy that does not know the statement may end the connection instead of answering.
func TestProxyThatCutsLoads(t *testing.T) {
	dsn := mariadb.ForTest(t)
	r, w := writer(t, cutting(t, dsn, []byte("LOAD DATA")))
	accepted, _ := acceptedAndReceipts(2 * loadFrom)
	if err := w.write(t.Context(), commitOf(t, r, accepted)); err != nil {
		t.Fatal(err)
	}
	mustHold(t, dsn, accepted)
	if w.inserts == 0 {
		t.Error("nothing was cut")
	}
}

// cutting returns the data source name of a proxy that ends a connection when the client sends a word.
func cutting(t *testing.T, dsn string, word []byte) string {
	t.Helper()
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	network, server := config.Net, config.Addr
	var work sync.WaitGroup
	t.Cleanup(func() { l.Close(); work.Wait() })
	work.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { passOn(client, network, server, word) })
		}
	})
	config.Net, config.Addr = "tcp", l.Addr().String()
	return config.FormatDSN()
}

func passOn(client net.Conn, network, server string, word []byte) {
	defer client.Close()
	behind, err := net.Dial(network, server)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		defer client.Close()
		_, _ = io.Copy(client, behind)
	})
	defer back.Wait()
	defer behind.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil || bytes.Contains(buf[:n], word) {
			return
		}
		if _, err := behind.Write(buf[:n]); err != nil {
			return
		}
	}
}
