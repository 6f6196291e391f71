package streams

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"tasman/sms"
)

// The server goes away under a node's feet and comes back: what must be stored is, in order and once; the reader and the
// tail go on; what may fail fails as not stored, at once.
func TestServerRestart(t *testing.T) {
	dir := t.TempDir()
	server := openBus(t, dir, func(c *Config) { c.Listen = "127.0.0.1:0" })
	address, err := url.Parse(server.ClientURL())
	check(t, err)
	far, err := Open(timeout(t), Config{Node: "far", URLs: []string{server.ClientURL()}, Shards: 2, AckWait: 3 * time.Second}, server.log, nil)
	check(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = far.Close(ctx)
	})

	const n = 400
	subject := MTSubject(0, sms.Normal)
	stored := make(chan error, n)
	publish := func(from, to int) {
		for i := from; i < to; i++ {
			check(t, far.PublishSure(timeout(t), subject, message(fmt.Sprint(i)), func(_ Placed, err error) { stored <- err }))
		}
	}
	tailed := make(chan string, n)
	go func() {
		_ = far.Tail(timeout(t), "MT-0", 0, func(b *Batch) error {
			for _, r := range b.Records {
				tailed <- r.Message.Text
			}
			return nil
		})
	}()
	c := consume(t, far, MTReader(0, sms.Normal), 2)

	publish(0, n/2)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = server.Close(ctx)
	eventually(t, "the node notices", func() bool { return !far.Connected() })
	if err := far.Store(timeout(t), EventSubject("edge"), event(1)); !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrNotStored) {
		t.Errorf("store without a server: %v, want ErrUnavailable", err)
	}
	publish(n/2, n)
	openBus(t, dir, func(c *Config) { c.Listen = address.Host })
	for range n {
		check(t, <-stored)
	}
	for i := range n {
		if text := <-tailed; text != fmt.Sprint(i) {
			t.Fatalf("record %d of the stream is %s", i, text)
		}
	}
	seen := make(map[string]bool)
	for len(seen) < n {
		for _, text := range collect(t, c, 1) {
			seen[text] = true
		}
	}
	eventually(t, "the server is heard again", func() bool { return far.Connected() && time.Since(far.Heard()) < 2*time.Second })
}
