package edge

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// hookLive has the accounts acme and quick, each with a webhook and an API key and no SMPP user.
func hookLive(t *testing.T, acme, quick string) *configs.Live {
	t.Helper()
	var doc strings.Builder
	for name, url := range map[string]string{"acme": acme, "quick": quick} {
		doc.WriteString("---\nkind: Account\nname: " + name + "\nspec: {webhook: {url: '" + url + "', secret: " + hookSecret + ", timeout: 1s}}\n" +
			"---\nkind: APIKey\nname: " + name + "-key\nspec: {account: " + name + ", key: key-of-" + name + "-0123456789}\n")
	}
	return liveYAML(t, strings.TrimPrefix(doc.String(), "---\n"))
}

// hook is an endpoint that fails until it is told to work; took gets the webhook-id of each delivery it takes.
type hook struct {
	works atomic.Bool
	tried chan string
	took  chan string
}

func newHook(t *testing.T) (*hook, string) {
	h := &hook{tried: make(chan string, 1000), took: make(chan string, 1000)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if h.works.Load() {
			h.took <- r.Header.Get("webhook-id")
			return
		}
		h.tried <- r.Header.Get("webhook-id")
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(srv.Close)
	return h, srv.URL
}

func await(t *testing.T, what string, from <-chan string) string {
	t.Helper()
	select {
	case s := <-from:
		return s
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
	}
	return ""
}

// A webhook that fails stops no other account, and once it works again it gets what it missed, under the same ids.
func TestEdgeWebhookRecovers(t *testing.T) {
	broken, brokenURL := newHook(t)
	quick, quickURL := newHook(t)
	quick.works.Store(true)
	bus := streamstest.New(t)
	e, err := New(Config{Node: "n1", Shards: 2, Drain: 5 * time.Second}, bus, hookLive(t, brokenURL, quickURL), quiet(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	runDoor(t, e.Run)
	for _, account := range []string{"acme", "quick"} {
		d := testReceipt()
		d.Account, d.Integration = account, account+"-key"
		if err := bus.Store(t.Context(), streams.DeliverSubject(bus.Shard(account), d.Lane), &sms.Record{Delivery: d}); err != nil {
			t.Fatal(err)
		}
	}
	id := await(t, "attempt at the broken webhook", broken.tried)
	if got := await(t, "delivery at the other webhook", quick.took); got != webhookID(testReceipt()) {
		t.Errorf("webhook-id %q", got)
	}
	broken.works.Store(true)
	if got := await(t, "delivery after the repair", broken.took); got != id {
		t.Errorf("webhook-id %q, first %q", got, id)
	}
}
