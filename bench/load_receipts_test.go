package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tasman/bench/results"
)

func TestMessagesWithoutAnID(t *testing.T) {
	t.Parallel()
	_, target := startOther(t, func(_ *otherGateway, n int, _ *http.Request) (int, string, func()) {
		return 200, [...]string{`{"status":"error"}`, `{"id":""}`, `{"id":null}`, `{"id":7}`}[n%4], nil
	})
	r, err := Load(t.Context(), LoadOptions{HTTP: target, Call: HTTPCall{Preset: presetJSON}, Count: 8, Conns: 1, Receipts: true, Webhook: "127.0.0.1:0", Drain: 1}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != 8 || r.Receipts.Expected != 8 || r.Receipts.Missing != 8 {
		t.Errorf("%d accepted, receipts %+v", r.Accepted, r.Receipts)
	}
	if want := "accepted without an id: 6 messages have none where --id-from says (json:id), so that their receipts are missing"; !contains(r.Notes, want) {
		t.Errorf("notes %q", r.Notes)
	}
}

func contains(notes []string, want string) bool {
	return strings.Contains(strings.Join(notes, "\n"), want)
}

func TestAnErrorInAnAcceptedAnswerRefuses(t *testing.T) {
	t.Parallel()
	_, target := startOther(t, func(_ *otherGateway, n int, _ *http.Request) (int, string, func()) {
		return 200, [...]string{`{"error":"no credit"}`, `{"id":1,"error":0}`, `{"id":2,"error":""}`, `{"id":3,"error":null}`, `{"id":4}`}[n%5], nil
	})
	o := LoadOptions{HTTP: target, Call: HTTPCall{Preset: presetJSON, ErrorFrom: "json:error"}, Count: 10, Conns: 1}
	r, err := Load(t.Context(), o, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]uint64{"200 OK: no credit": 2}, r.Errors); diff != "" || r.Accepted != 8 {
		t.Errorf("%d accepted; errors (-want +got):\n%s", r.Accepted, diff)
	}
	o.Call.ErrorFrom = "body" // names errors only
	if r, err = Load(t.Context(), o, io.Discard); err != nil || r.Accepted != 10 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestWebhookStates: words that are not known are not final, so that the final one after them does not count as repeated.
func TestWebhookStates(t *testing.T) {
	t.Parallel()
	rec := newRecorder(true)
	rec.begin()
	h, err := newWebhook(t.Context(), &LoadOptions{HTTP: "http://gw/{to}", Webhook: "127.0.0.1:0", Hook: HookForm{IDFrom: "query:id", StateFrom: "query:state"}}, rec)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close(t.Context())
	rec.receipts.accepted("7", 0)
	for _, call := range []string{"id=7&state=queued", "id=7&state=sent", "id=7&state=sent", "id=7&state=1", "id=7&state=25", "id=7&state=delivered", "state=delivered"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/?"+call, nil))
		if w.Code != http.StatusNoContent {
			t.Errorf("%s: %d", call, w.Code)
		}
	}
	got, _ := rec.receipts.result()
	if diff := cmp.Diff(&results.ReceiptCounts{Expected: 1, Received: 1, Intermediate: 5, ByStat: map[string]uint64{"DELIVRD": 1}}, got); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
	want := []string{
		`webhook: the state "25" is not known, and counts as an intermediate one: 1 calls`,
		`webhook: the state "queued" is not known, and counts as an intermediate one: 1 calls`,
		`webhook: the state "sent" is not known, and counts as an intermediate one: 2 calls`,
		"webhook: 1 calls without an id",
	}
	if diff := cmp.Diff(want, h.notes()); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestReceiptsThatCannotCome(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]LoadOptions{
		"receipts over HTTP have no place to come in": {Receipts: true, Call: HTTPCall{Preset: presetKannel}},
		"--webhook HOST:PORT":                         {Receipts: true, Call: HTTPCall{Body: "cb={dlr_url}"}},
		"--webhook, which is missing":                 {Hook: HookForm{IDFrom: "json:id", StateFrom: "json:state"}},
	} {
		o.HTTP, o.Count = "http://127.0.0.1:1", 1
		if _, err := Load(t.Context(), o, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestTheAddressForReceipts: a target cannot call [::].
func TestTheAddressForReceipts(t *testing.T) {
	t.Parallel()
	_, target := startOther(t, func(g *otherGateway, _ int, r *http.Request) (int, string, func()) {
		if u, err := url.Parse(r.FormValue("cb")); err != nil || u.Hostname() != "127.0.0.1" || u.Port() == "" {
			g.t.Errorf("%v, %v", u, err)
		}
		return 200, "{}", nil
	})
	for _, at := range []string{":0", "0.0.0.0:0", "127.0.0.1:0"} {
		if _, err := Load(t.Context(), LoadOptions{HTTP: target, Call: HTTPCall{Body: "cb={dlr_url}"}, Count: 1, Webhook: at}, io.Discard); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestTargetsLeaveSecretsOut(t *testing.T) {
	t.Parallel()
	_, target := startOther(t, func(*otherGateway, int, *http.Request) (int, string, func()) { return 200, "{}", nil })
	o := LoadOptions{HTTP: strings.Replace(target, "http://", "http://joe:SECRET1@", 1) + "/?to={to}&username=joe&password=SECRET2", Count: 1}
	r, err := Load(t.Context(), o, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	soaked := (&soak{opts: SoakOptions{Load: o}}).target()
	if text := fmt.Sprint(*r, soaked); strings.Contains(text, "SECRET") || !strings.Contains(r.Target, "username=joe") || soaked != r.Target {
		t.Errorf("%s, of a soak %s", r.Target, soaked)
	}
}
