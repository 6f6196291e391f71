package streams

import (
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams/streamstest/wire"
)

// A node whose server stands still goes to another one and stores there.
func TestSilentServerIsLeft(t *testing.T) {
	server := openBus(t, t.TempDir(), func(c *Config) { c.Listen = "127.0.0.1:0" })
	line := wire.New(t, server.ClientURL())
	bus := openBus(t, "", func(c *Config) { c.Node, c.URLs = "edge", []string{line.URL(), server.ClientURL()} })
	if got := bus.nc.ConnectedAddr(); got != line.Addr() {
		t.Fatalf("connected to %s, want the first address, %s", got, line.Addr())
	}
	line.Cut()
	stored := make(chan error, 1)
	check(t, bus.Publish(t.Context(), MTSubject(0, sms.Normal), message("over the other line"), func(_ Placed, err error) { stored <- err }))
	select {
	case err := <-stored:
		if err != nil {
			t.Errorf("not stored: %v", err)
		}
	case <-time.After(8 * time.Second): // before the connection itself would notice
		t.Error("the node stays with a server that does not answer")
	}
	if got := bus.nc.ConnectedAddr(); got != server.srv.server().Addr().String() {
		t.Errorf("connected to %s, want the other address", got)
	}
}
