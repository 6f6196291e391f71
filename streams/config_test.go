package streams

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tasman/sms"
)

func TestConfigDefaults(t *testing.T) {
	c, err := Config{Node: "n", Dir: "d"}.withDefaults()
	if err != nil || c.Limits.MT != 8*gib || c.Shards != 16 || c.EventsAge != 168*time.Hour || c.AckWait != 30*time.Second {
		t.Errorf("got %+v %v", c, err)
	}
	for name, bad := range map[string]Config{
		"no node":        {Dir: "d"},
		"node with dot":  {Node: "a.b", Dir: "d"},
		"no place":       {Node: "n"},
		"no partitions":  {Node: "n", Dir: "d", Partitions: -1},
		"negative shard": {Node: "n", Dir: "d", Shards: -1},
	} {
		if _, err := bad.withDefaults(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for _, listen := range []string{"nonsense", "127.0.0.1:x", "127.0.0.1:70000"} {
		if _, err := Open(timeout(t), Config{Node: "n", Dir: t.TempDir(), Listen: listen}, nil, nil); err == nil {
			t.Errorf("listen address %q was accepted", listen)
		}
	}
}

func TestTokensAreOneToOne(t *testing.T) {
	for name, want := range map[string]string{"": "=", "acme-1_b": "acme-1_b", "a.b": "a=2Eb", "a=2Eb": "a=3D2Eb", "*": "=2A", "a b>": "a=20b=3E"} {
		if got := token(name); got != want {
			t.Errorf("token(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSubjectsHaveStreams(t *testing.T) {
	for subject, want := range map[string]string{
		MTSubject(2, sms.Alert): "MT-2", DispatchSubject("c", sms.Bulk): Dispatch, EventSubject("edge"): Events,
		InboundSubject("c"): Inbound, DeliverSubject(3, sms.Normal): Deliver, ParkedSubject("a"): Deliver, dueSubject(sms.Bulk): Schedule, "x.y": "",
	} {
		if got := streamOf(subject); got != want {
			t.Errorf("stream of %s is %q, want %q", subject, got, want)
		}
	}
}

// These numbers are in running systems: an account must not move.
func TestHashesAreStable(t *testing.T) {
	b := &Bus{cfg: Config{Partitions: 3, Shards: 16}}
	for account, want := range map[string][4]int{"acme": {0, 1, 1, 15}, "kiwi-bank": {2, 1, 1, 2}} {
		got := [4]int{b.Partition(account, sms.Alert), b.Partition(account, sms.Normal), b.Partition(account, sms.Bulk), b.Shard(account)}
		if got != want {
			t.Errorf("%s: %v, want %v", account, got, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	b, err := Open(timeout(t), Config{Node: "n", Dir: t.TempDir(), Shards: 1}, openBus(t, "").log, reg)
	check(t, err)
	check(t, b.Apply(timeout(t), Topology{}))
	check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("x"), message("y")))
	var names []string
	eventually(t, "the gauges are there", func() bool {
		families, err := reg.Gather()
		check(t, err)
		names = names[:0]
		for _, f := range families {
			names = append(names, f.GetName())
			if f.GetName() == "tasman_streams_stored_records_total" && f.GetMetric()[0].GetCounter().GetValue() != 2 {
				t.Fatalf("stored records: %v", f)
			}
		}
		return slices.Contains(names, "tasman_streams_pending_batches")
	})
	for _, want := range []string{"tasman_streams_publish_seconds", "tasman_streams_batch_records", "tasman_streams_stored_records_total", "tasman_streams_stream_bytes"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among %v", want, names)
		}
	}
	check(t, b.Close(timeout(t)))
	if families, err := reg.Gather(); len(families) != 0 || err != nil {
		t.Errorf("%d metrics after Close, %v", len(families), err)
	}
}
