package edge

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"tasman/streams"
	"tasman/streams/streamstest"
)

// The HTTP door alone: parsing, authentication, answering; nothing is stored.
func BenchmarkHTTPDoor(b *testing.B) {
	url, _ := startHTTP(b, newFakeFunnel(), &fakeCore{})
	benchmarkSubmit(b, url)
}

// The HTTP door with storage behind it, each batch fsynced.
func BenchmarkHTTPEdge(b *testing.B) {
	bus := streamstest.New(b, streamstest.With(func(c *streams.Config) { c.SyncAlways = true }))
	e, _ := startEdge(b, bus)
	benchmarkSubmit(b, "http://"+e.HTTPAddr().String())
}

func benchmarkSubmit(b *testing.B, url string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
	defer client.CloseIdleConnections()
	b.SetParallelism(128)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if status := submitOnce(b, client, url); status != http.StatusAccepted {
				b.Errorf("status %d", status)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

func submitOnce(b *testing.B, client *http.Client, url string) int {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/v1/messages", strings.NewReader(hello))
	if err != nil {
		b.Error(err)
		return 0
	}
	req.Header.Set("Authorization", "Bearer "+acmeKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		b.Error(err)
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
