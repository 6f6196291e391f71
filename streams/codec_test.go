package streams

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"tasman/sms"
)

var timeType = reflect.TypeFor[time.Time]()

// fill draws a value for v and everything below it.
func fill(t *rapid.T, v reflect.Value, name string) {
	if v.Type() == timeType {
		if rapid.Bool().Draw(t, name) {
			v.Set(reflect.ValueOf(time.Unix(0, rapid.Int64().Draw(t, name)).UTC()))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), name+"."+v.Type().Field(i).Name)
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, name) {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), name)
		}
	case reflect.Slice:
		if n := rapid.IntRange(0, 3).Draw(t, name); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(t, v.Index(i), name)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), name)
		}
	case reflect.String:
		v.SetString(rapid.String().Draw(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Int, reflect.Int8, reflect.Int64:
		v.SetInt(rapid.Int64Range(-1<<(v.Type().Bits()-1), 1<<(v.Type().Bits()-1)-1).Draw(t, name))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64Range(0, 1<<v.Type().Bits()-1).Draw(t, name))
	default:
		panic("no generator for " + v.Type().String())
	}
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r sms.Record
		fill(t, reflect.ValueOf(&r).Elem(), "record")
		got, err := DecodeRecord(AppendRecord([]byte("prefix"), &r)[6:])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Fatal(diff)
		}
		batch, err := decodeBatch(encodeBatch(time.Now(), "node", &r, &r))
		if err != nil || len(batch) != 2 || !reflect.DeepEqual(batch[1], r) {
			t.Fatalf("batch: %d records, %v", len(batch), err)
		}
	})
}

// Every field of every struct under Record, set alone, survives: a new field of sms without a place in the codec fails here.
func TestEveryFieldIsCovered(t *testing.T) {
	var visit func(t *testing.T, path []int, name string, typ reflect.Type)
	count := 0
	visit = func(t *testing.T, path []int, name string, typ reflect.Type) {
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if typ.Kind() == reflect.Struct && typ != timeType {
			for i := range typ.NumField() {
				visit(t, append(append([]int(nil), path...), i), name+"."+typ.Field(i).Name, typ.Field(i).Type)
			}
			return
		}
		count++
		var r sms.Record
		v := reflect.ValueOf(&r).Elem()
		for _, i := range path {
			if v.Kind() == reflect.Pointer {
				v.Set(reflect.New(v.Type().Elem()))
				v = v.Elem()
			}
			v = v.Field(i)
		}
		setOne(v)
		got, err := DecodeRecord(AppendRecord(nil, &r))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("%s is not in the codec: %s", name, diff)
		}
	}
	visit(t, nil, "Record", reflect.TypeFor[sms.Record]())
	if count < 100 {
		t.Errorf("only %d fields visited", count)
	}
}

// setOne sets something other than zero.
func setOne(v reflect.Value) {
	switch {
	case v.Type() == timeType:
		v.Set(reflect.ValueOf(time.Unix(1, 2).UTC()))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		setOne(v.Index(0))
	case v.Kind() == reflect.Array:
		setOne(v.Index(0))
	case v.Kind() == reflect.String:
		v.SetString("x")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(1)
	default:
		v.SetUint(1)
	}
}

func TestUnknownFieldsAreSkipped(t *testing.T) {
	r := message("text")
	r.Message.Source = sms.Address{Kind: 1, Value: "1"}
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 2000, protowire.VarintType), 7)
	unknown = protowire.AppendBytes(protowire.AppendTag(unknown, 2001, protowire.BytesType), []byte("new"))
	unknown = protowire.AppendFixed32(protowire.AppendTag(unknown, 2002, protowire.Fixed32Type), 7)
	unknown = protowire.AppendFixed64(protowire.AppendTag(unknown, 2003, protowire.Fixed64Type), 7)
	unknown = append(unknown, protowire.AppendGroup(protowire.AppendTag(nil, 2004, protowire.StartGroupType), 2004, nil)...)

	inner := append(append([]byte(nil), unknown...), appendMessage(nil, r.Message)...)
	record, mark := open(append([]byte(nil), unknown...), 1)
	record = shut(append(record, inner...), mark)
	record = append(record, unknown...)
	got, err := DecodeRecord(record)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*r, got); diff != "" {
		t.Error(diff)
	}
}

func TestCorruptBatches(t *testing.T) {
	good := encodeBatch(time.Now(), "node", message("some text"))
	if _, err := decodeBatch(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{good[:len(good)-1], good[:len(good)/2], []byte("{\"json\":true}"), {0xff}, {0x1a, 0x02, 0x0a}} {
		if _, err := decodeBatch(bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v, want ErrCorrupt", bad, err)
		}
	}
	wrongID := []byte{0x0a, 0x03, 0x0a, 0x01, 0x00}
	if _, err := DecodeRecord(wrongID); !errors.Is(err, ErrCorrupt) {
		t.Errorf("an id of one octet: %v", err)
	}
}

// The schema has the fields of the Go structs, each number once, so that the two cannot drift apart unseen.
func TestSchemaMatchesStructs(t *testing.T) {
	text, err := os.ReadFile("record.proto")
	check(t, err)
	fields := regexp.MustCompile(`(?m)^  (?:repeated )?\S+ (\w+) = (\d+);`)
	for _, typ := range []reflect.Type{
		reflect.TypeFor[sms.Message](), reflect.TypeFor[sms.Dispatch](), reflect.TypeFor[sms.Event](), reflect.TypeFor[sms.Receipt](),
		reflect.TypeFor[sms.MO](), reflect.TypeFor[sms.Inbound](), reflect.TypeFor[sms.Delivery](), reflect.TypeFor[sms.Record](), reflect.TypeFor[sms.Address](), reflect.TypeFor[sms.Shift](),
	} {
		_, body, _ := strings.Cut(string(text), "message "+typ.Name()+" {")
		body, _, _ = strings.Cut(body, "}")
		numbers, names := make(map[string]bool), make(map[string]bool)
		for _, m := range fields.FindAllStringSubmatch(body, -1) {
			if numbers[m[2]] {
				t.Errorf("%s: number %s twice", typ.Name(), m[2])
			}
			numbers[m[2]], names[strings.ReplaceAll(m[1], "_", "")] = true, true
		}
		for i := range typ.NumField() {
			if name := typ.Field(i).Name; !names[strings.ToLower(name)] {
				t.Errorf("%s.%s is not in the schema", typ.Name(), name)
			}
		}
		if len(names) != typ.NumField() {
			t.Errorf("%s has %d fields and the schema %d", typ.Name(), typ.NumField(), len(names))
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encodeBatch(time.Now(), "node", message("text"), event(1), parked(2)))
	f.Add([]byte{0x1a, 0x02, 0x0a, 0x00})
	f.Add(pack(nil, encodeBatch(time.Time{}, "", message("text"), event(1), parked(2), message("text")), 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, err := decodeBatch(data)
		var skimmed [][]byte
		if serr := skim(data, func(_ int, r *sms.Record) { skimmed = append(skimmed, AppendRecord(nil, r)) }); (serr == nil) != (err == nil) {
			t.Fatalf("decoded %v, skimmed %v", err, serr)
		}
		if err != nil {
			return
		}
		for i := range records {
			if len(skimmed) != len(records) || !bytes.Equal(skimmed[i], AppendRecord(nil, &records[i])) {
				t.Fatalf("of %d records %d were skimmed, record %d differs", len(records), len(skimmed), i)
			}
		}
		for _, r := range records {
			again, err := DecodeRecord(AppendRecord(nil, &r))
			if err != nil || !cmp.Equal(r, again) {
				t.Fatalf("what was decoded does not survive: %v", err)
			}
		}
	})
}

func typical() *sms.Record {
	now := time.Now().UTC()
	return &sms.Record{
		Message: &sms.Message{
			ID: testIDs.Next(), Account: "acme", Integration: "acme-web", Door: "http", Node: "edge-1", Lane: sms.Normal,
			Source: sms.Address{Kind: 1, Value: "64210000000"}, Destination: sms.Address{Kind: 1, Value: "64211234567"},
			Encoding: sms.GSM7, Text: strings.Repeat("Kia ora ", 15), Segments: 1, WantReceipt: sms.FinalReceipt,
			Reference: "order-12345", Accepted: now, Validity: now.Add(time.Hour),
		},
		Dispatch: &sms.Dispatch{Plan: []string{"north", "south"}, Attempt: 1, Rounds: 1, Revision: 7, Routed: now, Node: "core-1"},
	}
}

func BenchmarkEncode(b *testing.B) {
	r := typical()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendRecord(buf[:0], r)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkDecodeBatchOf100(b *testing.B) {
	recs := make([]*sms.Record, 100)
	for i := range recs {
		recs[i] = typical()
	}
	batch := encodeBatch(time.Now(), "edge-1", recs...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeBatch(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
}

func BenchmarkPublish(b *testing.B) {
	for _, always := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%t", always), func(b *testing.B) {
			bus := openBus(b, "", func(c *Config) { c.SyncAlways = always })
			r := typical()
			subject := MTSubject(0, sms.Normal)
			told := make(chan error, 1<<16)
			go func() {
				for range b.N {
					if err := bus.Publish(b.Context(), subject, r, func(_ Placed, err error) { told <- err }); err != nil {
						told <- err
					}
				}
			}()
			for range b.N {
				if err := <-told; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestReadersShareRecords has two readers take one batch: it is decoded once, and again when it is another stream's.
func TestReadersShareRecords(t *testing.T) {
	t.Parallel()
	var s shared
	data := encodeBatch(time.Now(), "edge-1", message("one"), message("two"))
	stored := time.Now()
	first := s.decode("MT-0", 7, stored, data)
	if again := s.decode("MT-0", 7, stored.UTC(), data); again != first || len(first.records) != 2 {
		t.Errorf("decoded anew, or %d records", len(first.records))
	}
	if other := s.decode("MT-0", 7, stored.Add(1), data); other == first {
		t.Error("a stream made anew got the records of the one before")
	}
	if other := s.decode("DISPATCH", 7, stored, data); other == first {
		t.Error("a stream got the records of another")
	}
	if bad := s.decode("MT-0", 8, stored, []byte{0xFF}); !errors.Is(bad.err, ErrCorrupt) || bad.records != nil {
		t.Errorf("%v and %d records", bad.err, len(bad.records))
	}
	runtime.KeepAlive(first)
}

// TestPackedBatch has batches small and large come back as they were, and refuses damaged ones.
func TestPackedBatch(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 3, 400} {
		var recs []*sms.Record
		for i := range n {
			recs = append(recs, message(strings.Repeat("text ", i%7)), event(i))
		}
		created := time.Now()
		plain := encodeBatch(created, "edge-1", recs...)
		wire := pack(nil, plain, len(appendHeader(nil, created, "edge-1")))
		if len(wire) > len(plain) || n == 400 && 3*len(wire) > len(plain) {
			t.Errorf("%d records: %d octets became %d", n, len(plain), len(wire))
		}
		want, err := decodeBatch(plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeBatch(wire)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%d records: %s", n, d)
		}
		if len(wire) == len(plain) {
			continue
		}
		if r, err := decodeBatch(wire[:len(wire)-1]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d records of a batch cut short, error %v", len(r), err)
		}
	}
}

func BenchmarkSkimBatchOf100(b *testing.B) {
	recs := make([]*sms.Record, 100)
	for i := range recs {
		recs[i] = typical()
	}
	batch := encodeBatch(time.Now(), "edge-1", recs...)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if err := skim(batch, func(int, *sms.Record) { n++ }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
}
