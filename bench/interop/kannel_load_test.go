package interop

import (
	"io"
	"testing"
	"time"

	"tasman/bench"
)

// TestLoadOfKannel has the load generator measure a real Kannel, with a simulated operator behind it: every message is accepted,
// submitted once, and its report comes by dlr-url.
func TestLoadOfKannel(t *testing.T) {
	op := newOperator(t)
	k := newKannel(t, op.Addr(), kannelConf{Version: "34", Window: 50})
	const n = 400
	r, err := bench.Load(within(t, time.Minute), bench.LoadOptions{
		HTTP: "http://" + k.sendsms, SystemID: "tester", Password: "interop", Call: bench.HTTPCall{Preset: "kannel"},
		Rate: 200, Count: n, To: []string{"+6421"}, Receipts: true, Webhook: "127.0.0.1:0", Plain: true}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != n || r.Failed() != 0 || r.Unanswered != 0 {
		t.Errorf("%d accepted, refused %v, %d without an answer", r.Accepted, r.Errors, r.Unanswered)
	}
	if c := r.Receipts; c.Expected != n || c.Received != n || c.Missing != 0 || c.Repeated != 0 || c.Unmatched != 0 || c.ByStat["DELIVRD"] != n {
		t.Errorf("receipts %+v", c)
	}
	if op.Count() != n {
		t.Errorf("the operator got %d submits", op.Count())
	}
}
