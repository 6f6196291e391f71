//go:build linux

package streams_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"tasman/streams"
	"tasman/streams/streamstest"
)

// One server of a cell has a small disk. Below the watermark nothing is accepted anywhere, on the word of that server's node;
// when its storage fails nevertheless the other two go on without it, as without a lost server; and when there is room it is
// started again and has all that the cell acknowledged.
func TestCellWithOneFullDisk(t *testing.T) {
	disk := streamstest.NewDisk(t, 128)
	cell := streamstest.NewCell(t, streamstest.With(func(c *streams.Config) {
		if c.Partitions = 3; c.Node == "s1" {
			c.Dir = filepath.Join(disk.Path(), "jetstream")
		}
	}))
	client := cell.Connect("client")
	load := startLoad(client)
	defer load.stop()
	load.awaitAcked(t, 200)

	disk.Fill(10 << 20)
	until(t, "messages are refused", func() bool { return errors.Is(client.Pressure(), streams.ErrFull) })
	if alarms := client.Alarms(); len(alarms) != 2 || !strings.Contains(alarms[1], "server s1: ") {
		t.Errorf("alarms: %q", alarms)
	}
	if err := cell.Node(1).StorageReady(); err != nil {
		t.Errorf("the storage of s1: %v", err)
	}
	disk.Empty()
	until(t, "messages are accepted", func() bool { return client.Pressure() == nil })

	disk.Fill(0)
	until(t, "the storage of s1 is out", func() bool { return cell.Node(1).StorageReady() != nil })
	until(t, "the other two go on", func() bool { return client.Pressure() == nil })
	load.awaitAcked(t, load.count()+200)
	if alarms := client.Alarms(); len(alarms) != 1 || !strings.Contains(alarms[0], "its storage does not work") {
		t.Errorf("alarms: %q", alarms)
	}
	if servers := client.Servers(); len(servers) != 3 || servers[0].Trouble() != "" || servers[1].Server != "s1" || servers[1].Storage == "" {
		t.Errorf("servers: %+v", servers)
	}

	disk.Empty()
	until(t, "the storage of s1 works", func() bool { return cell.Node(1).StorageReady() == nil && len(client.Alarms()) == 0 })
	awaitCurrent(t, client)
	acked := load.stop()
	cell.Stop(0) // now s1 is needed
	stored := storedTexts(t, client)
	for _, text := range acked {
		if stored[text] != 1 {
			t.Errorf("record %s was acknowledged and is stored %d times", text, stored[text])
		}
	}
}
