package streams

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"tasman/sms"
)

// TestSkim reads batches of all kinds of records, packed and not, one of them damaged: each record comes as Tail has it, also where
// another reader has decoded the batch, and what was kept of one is not touched by the next.
func TestSkim(t *testing.T) {
	var told lines
	b := openTelling(t, "", slog.New(slog.NewTextHandler(&told, nil)))
	var want [][]byte
	subject := EventSubject("edge")
	for _, n := range []int{1, 2, 300} {
		var recs []*sms.Record
		for i := range n {
			recs = append(recs, message(strings.Repeat("text ", i%7)), event(i), parked(i))
		}
		for _, r := range recs {
			want = append(want, AppendRecord(nil, r))
		}
		check(t, b.Store(timeout(t), subject, recs...))
	}
	check(t, b.storeRaw(timeout(t), subject, []byte("no batch")))
	ends, err := b.Barrier(timeout(t), Events)
	check(t, err)
	for _, shared := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		var got [][]byte
		var texts []string
		var kept []*Batch // batches are shared as long as somebody has them
		err := b.Skim(ctx, Events, 0, func(batch *Batch) error {
			if shared {
				kept = append(kept, b.batch(Events, batch.Subject, batch.Seq, batch.Stored, batch.skimmed.data))
			}
			batch.Each(func(i int, r *sms.Record) {
				got = append(got, AppendRecord(nil, r))
				if r.Message != nil {
					texts = append(texts, r.Message.Text)
				}
			})
			if batch.Seq >= ends[Events] {
				cancel()
			}
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("shared %t: %d records, want %d", shared, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("shared %t: record %d differs", shared, i)
			}
		}
		if len(texts) != 303 || texts[4] != "text " || texts[302] != strings.Repeat("text ", 299%7) {
			t.Errorf("shared %t: %d texts, and they changed", shared, len(texts))
		}
		if len(kept) > 0 && kept[0].decoded != b.shared.find(Events, kept[0].Seq, kept[0].Stored) {
			t.Error("the batch was not shared")
		}
	}
	if n := strings.Count(told.String(), "cannot be read"); n < 1 {
		t.Error("the damaged batch was not told of")
	}
}
