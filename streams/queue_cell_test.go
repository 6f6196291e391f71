package streams_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// A queue of a cell goes on without any one of its servers, also the one that the reader is connected to or that leads, and gives each
// message once, in order. A reader that is opened then has what was stored before, though some copies lack it.
func TestQueueOutlivesServers(t *testing.T) {
	cell := streamstest.NewCell(t, streamstest.Carriers("one"))
	writer, reader := cell.Connect("writer"), cell.Connect("reader")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	d := streams.DispatchReader("one", sms.Normal)
	stored := 0
	store := func(n int) {
		t.Helper()
		for range n {
			rec := &sms.Record{Message: &sms.Message{Account: "acme", Lane: sms.Normal, Encoding: sms.GSM7, Text: strconv.Itoa(stored), Segments: 1}}
			done := make(chan error, 1)
			if err := writer.PublishSure(ctx, d.Filter, rec, func(_ streams.Placed, err error) { done <- err }); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			stored++
		}
	}
	// read returns when all up to a number have come. With again, what was done may come once more first.
	next := 0
	read := func(q streams.Reader, upTo int, again bool) {
		t.Helper()
		for next < upTo {
			b, err := q.Next(ctx)
			if err != nil {
				t.Fatalf("%v, %d of %d read", err, next, upTo)
			}
			for _, rec := range b.Records {
				n, err := strconv.Atoi(rec.Message.Text)
				if err != nil || n > next || n < next && !again {
					t.Fatalf("got %s, want %d", rec.Message.Text, next)
				}
				next, again = n+1, false
			}
			if err := b.Ack(); err != nil {
				t.Fatal(err)
			}
		}
	}
	open := func() streams.Reader {
		t.Helper()
		q, err := reader.ReadQueue(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	q := open()
	for i := range 3 {
		store(50)
		read(q, stored, false)
		cell.Stop(i)
		store(50)
		q.Close()
		q = open()
		read(q, stored, true)
		cell.Start(i)
		store(50)
		read(q, stored, false)
		awaitCurrent(t, writer)
	}
	q.Close()
}
