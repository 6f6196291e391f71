package edge

import (
	"errors"
	"strings"
	"testing"

	"tasman/index"
	"tasman/sms"
)

func TestHTTPCancel(t *testing.T) {
	id := sms.NewIDs(nil).Next()
	cases := map[string]struct {
		path  string
		reply index.CancelReply
		err   error
		want  int
		body  string
	}{
		"cancelled": {reply: index.CancelReply{Verdict: index.VerdictDone, Story: &index.Story{State: sms.StateDeleted, Final: true,
			Message: sms.Message{ID: id, Account: "acme"}}}, want: 200, body: `"state":"deleted","final":true`},
		"unknown":      {reply: index.CancelReply{Verdict: index.VerdictUnknown}, want: 404, body: "not_found"},
		"not an id":    {path: "4711", want: 404, body: "not_found"},
		"too late":     {reply: index.CancelReply{Verdict: index.VerdictLate}, want: 409, body: "too_late"},
		"under way":    {reply: index.CancelReply{Verdict: index.VerdictBusy}, want: 503, body: "Nothing was changed"},
		"no answer":    {err: errors.New("nobody"), want: 503, body: "not known"},
		"not a answer": {reply: index.CancelReply{Verdict: "?"}, want: 500, body: "internal"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			core := &fakeCore{cancel: func(q index.CancelRequest) (index.CancelReply, error) {
				if q.ID != id || q.Account != "acme" || !q.Tell || q.Group || !q.Source.IsZero() {
					t.Errorf("asked %+v", q)
				}
				return c.reply, c.err
			}}
			url, _ := startHTTP(t, newFakeFunnel(), core)
			path := c.path
			if path == "" {
				path = id.String()
			}
			resp, body := request{method: "DELETE", path: "/v1/messages/" + path, key: acmeKey}.do(t, url)
			if resp.StatusCode != c.want || !strings.Contains(body, c.body) {
				t.Errorf("%d %s, want %d with %s", resp.StatusCode, body, c.want, c.body)
			}
			if c.want == 503 && resp.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}
