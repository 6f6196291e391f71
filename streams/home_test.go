package streams_test

import (
	"testing"
	"time"

	"tasman/streams"
	"tasman/streams/streamstest"
)

// A node goes to the server of its region though another is first in its list, to another when that one is gone, and comes back
// when it is there again. What it stores meanwhile is stored, once.
func TestNodePrefersItsRegion(t *testing.T) {
	cell := streamstest.NewCell(t, streamstest.With(func(c *streams.Config) {
		c.Partitions, c.Region = 3, "region"+c.Node[1:]
		streams.HomeAfter(c, 200*time.Millisecond)
	}))
	client := cell.ConnectIn("client", "region1")
	load := startLoad(client)
	defer load.stop()
	until(t, "the node is in its region", func() bool { return client.ConnectedTo() == "s1" })
	load.awaitAcked(t, load.count()+100)
	cell.Stop(1)
	until(t, "the node is elsewhere", func() bool { return client.ConnectedTo() == "s0" || client.ConnectedTo() == "s2" })
	load.awaitAcked(t, load.count()+100)
	cell.Start(1)
	until(t, "the node is back", func() bool { return client.ConnectedTo() == "s1" })
	load.awaitAcked(t, load.count()+100)
	acked := load.stop()
	awaitCurrent(t, client)
	stored := storedTexts(t, client)
	for _, text := range acked {
		if stored[text] != 1 {
			t.Errorf("record %s was acknowledged and is stored %d times", text, stored[text])
		}
	}
	for text, n := range stored {
		if n > 1 {
			t.Errorf("record %s is stored %d times", text, n)
		}
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute until %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
