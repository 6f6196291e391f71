package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tasman/bench/results"
	"tasman/sms"
	"tasman/streams/streamstest/ports"
)

// otherGateway plays the HTTP API of another gateway: it checks a request as the original does, answers, and reports each
// message as delivered.
type otherGateway struct {
	t      *testing.T
	answer func(n int, r *http.Request) (status int, body string, report func()) // n counts from 1

	mu    sync.Mutex
	n     int
	texts map[string]bool
	wg    sync.WaitGroup
}

func (g *otherGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.n++
	n := g.n
	g.mu.Unlock()
	status, body, report := g.answer(n, r)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
	if report != nil {
		g.wg.Go(report)
	}
}

func (g *otherGateway) see(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.texts[text] = true
}

func startOther(t *testing.T, answer func(g *otherGateway, n int, r *http.Request) (int, string, func())) (*otherGateway, string) {
	t.Helper()
	g := &otherGateway{t: t, texts: make(map[string]bool)}
	g.answer = func(n int, r *http.Request) (int, string, func()) { return answer(g, n, r) }
	server := httptest.NewServer(g)
	t.Cleanup(func() { server.Close(); g.wg.Wait() })
	return g, server.URL
}

func freeAddr(t *testing.T) string {
	t.Helper()
	return ports.Free(t, 1)[0]
}

// want fails unless every parameter has its value.
func want(t *testing.T, got url.Values, pairs map[string]string) {
	t.Helper()
	for name, v := range pairs {
		if got.Get(name) != v {
			t.Errorf("%s is %q, not %q", name, got.Get(name), v)
		}
	}
}

const awkward = "50% off & more = #1 {deal}"

func TestPresetKannel(t *testing.T) {
	g, target := startOther(t, func(g *otherGateway, n int, r *http.Request) (int, string, func()) {
		q := r.URL.Query()
		want(g.t, q, map[string]string{"username": "u&1", "password": "p w", "from": "TASMAN", "dlr-mask": "31", "coding": "0"})
		if r.Method != http.MethodGet || r.URL.Path != "/cgi-bin/sendsms" || !strings.HasPrefix(q.Get("to"), "+64") {
			g.t.Errorf("%s %s", r.Method, r.URL)
		}
		g.see(q.Get("text"))
		if n%10 == 0 {
			return http.StatusServiceUnavailable, "Temporal failure, try again later.", nil
		}
		return http.StatusAccepted, "0: Accepted for delivery", func() {
			for _, report := range []string{"8", "1"} { // taken by the operator, delivered
				call := strings.Replace(q.Get("dlr-url"), "%d", report, 1)
				resp, err := http.Get(call)
				if err != nil {
					g.t.Errorf("report: %v", err)
					return
				}
				resp.Body.Close()
			}
		}
	})
	r := otherLoad(t, LoadOptions{HTTP: target, Call: HTTPCall{Preset: presetKannel}, SystemID: "u&1", Password: "p w", To: []string{"+6421"}})
	errs := map[string]uint64{"503 Service Unavailable: Temporal failure, try again later.": 4}
	checkOther(t, g, r, errs, 36)
}

func TestPresetJasmin(t *testing.T) {
	g, target := startOther(t, func(g *otherGateway, n int, r *http.Request) (int, string, func()) {
		q := r.URL.Query()
		want(g.t, q, map[string]string{"username": "u", "password": "p", "from": "TASMAN", "dlr": "yes", "dlr-level": "3", "dlr-method": "POST"})
		if r.URL.Path != "/send" {
			g.t.Errorf("%s", r.URL)
		}
		g.see(q.Get("content"))
		if n%10 == 0 {
			return http.StatusForbidden, `Error "Authentication failure for username:u"`, nil
		}
		id := fmt.Sprintf("07033084-5cfd-4812-90a4-%012d", n)
		return http.StatusOK, `Success "` + id + `"`, func() {
			for _, report := range []url.Values{
				{"id": {id}, "level": {"1"}, "message_status": {"ESME_ROK"}},
				{"id": {id}, "level": {"2"}, "message_status": {"DELIVRD"}, "err": {"000"}},
			} {
				resp, err := http.PostForm(q.Get("dlr-url"), report)
				if err != nil {
					g.t.Errorf("report: %v", err)
					return
				}
				ack, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(ack) != "ACK/Jasmin" {
					g.t.Errorf("answer to a report: %q", ack)
				}
			}
		}
	})
	r := otherLoad(t, LoadOptions{HTTP: target, Call: HTTPCall{Preset: presetJasmin}, SystemID: "u", Password: "p"})
	checkOther(t, g, r, map[string]uint64{"403 Forbidden: Authentication failure for username:u": 4}, 36)
}

func otherLoad(t *testing.T, o LoadOptions) *results.Result {
	t.Helper()
	o.Count, o.Conns, o.Receipts, o.Drain, o.Webhook, o.Text = 40, 4, true, testTime, freeAddr(t), awkward
	r, err := Load(t.Context(), o, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func checkOther(t *testing.T, g *otherGateway, r *results.Result, errs map[string]uint64, accepted uint64) {
	t.Helper()
	wanted := &results.ReceiptCounts{Expected: accepted, Received: accepted, ByStat: map[string]uint64{"DELIVRD": accepted}}
	r.Receipts.Intermediate = 0 // the last of them may come after the last receipt that is waited for
	if diff := cmp.Diff(wanted, r.Receipts); diff != "" || r.Accepted != accepted {
		t.Errorf("%d accepted; receipts (-want +got):\n%s", r.Accepted, diff)
	}
	if diff := cmp.Diff(errs, r.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for text := range g.texts {
		if text[markerLen:] != " "+awkward || text[0] != markerSign {
			t.Errorf("text %q", text)
		}
	}
	if len(g.texts) != 40 {
		t.Errorf("%d different texts", len(g.texts))
	}
}

func TestPresetJSONWithAFormOfOnesOwn(t *testing.T) {
	g, target := startOther(t, func(g *otherGateway, n int, r *http.Request) (int, string, func()) {
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPut || r.Header.Get("X-Lane") != "bulk" || r.URL.Path != "/api/u" {
			g.t.Errorf("%s %s %v, %v", r.Method, r.URL, r.Header, err)
		}
		g.see(r.PostForm.Get("msg"))
		call := r.PostForm.Get("cb")
		return 299, fmt.Sprintf(`{"result":[{"ref":%d}]}`, n), func() {
			resp, err := http.Post(call+"?ref="+fmt.Sprint(n), "application/json", strings.NewReader(`{"status":{"code":2}}`))
			if err != nil {
				g.t.Errorf("report: %v", err)
				return
			}
			resp.Body.Close()
		}
	})
	r := otherLoad(t, LoadOptions{HTTP: target + "/api/{user}", SystemID: "u", Lane: sms.Bulk,
		Call: HTTPCall{Method: "put", Body: "msg={text}&to={number}&cb={dlr_url}", Headers: []string{"X-Lane: {lane}"}, AcceptStatus: []int{299}, IDFrom: "json:result.0.ref"},
		Hook: HookForm{IDFrom: "query:ref", StateFrom: "json:status.code"}})
	checkOther(t, g, r, map[string]uint64{}, 40)
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	o := LoadOptions{Text: "a\"b ā", From: "Ünï", HTTP: "http://x", Count: 1, Receipts: true, Accounts: []Account{{SystemID: "u", Password: "p/?"}}}.withDefaults()
	o.From = "TASMAN"
	g := mustGenerator(t, &o)
	c := &httpConn{t: &httpTarget{opts: &o, hookURL: "http://me/"}, texts: g}
	for _, k := range []struct {
		text, want string
		esc        escaping
	}{
		{"{text}", "#0000000007 a\"b ā", asIs},
		{"{text}", "%230000000007%20a%22b%20%C4%81", asURL},
		{`{"t":"{text}"}`, `{"t":"#0000000007 a\"b ā"}`, asJSON},
		{"<t>{text}</t>", "<t>#0000000007 a&#34;b ā</t>", asXML},
		{"{marker|hex}", "00230030003000300030003000300030003000300037", asIs},
		{"{text|hex}", "002300300030003000300030003000300030003000370020006100220062002" + "00101", asIs},
		{"{password|url} {n} {} {X} {", "p%2F%3F 7 {} {X} {", asIs},
		{"{receipt} {coding} {data_coding} {lane} {dlr_url|json}", "final 2 8 normal http://me/", asIs},
	} {
		tpl, err := parseTemplate(k.text, k.esc)
		if err != nil {
			t.Fatal(err)
		}
		if err := tpl.prepare(g.blend); err != nil {
			t.Fatal(err)
		}
		m := g.choose(7)
		if got := string(tpl.render(nil, c, &m, httpJob{first: 7, n: 1})); got != k.want {
			t.Errorf("%s: %s, not %s", k.text, got, k.want)
		}
	}
	for _, bad := range []string{"{nobody}", "{text|rot}"} {
		if _, err := parseTemplate(bad, asIs); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestPicks(t *testing.T) {
	t.Parallel()
	f := &places{body: []byte(` {"messages":[{"id":"a","n":5},{"id":"b"}]} `), header: http.Header{"X-Id": {"h"}}, form: url.Values{"id": {"f"}}}
	for where, want := range map[string]string{
		"json:messages.1.id": "b", "json:messages.*.id": "a,b", "json:messages.0.n": "5", "json:nothing": "", "regex:\"n\":(\\d)": "5",
		"header:X-Id": "h", "form:id": "f", "query:id": "f", "body": `{"messages":[{"id":"a","n":5},{"id":"b"}]}`,
	} {
		p, err := newPick(where)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		p.each(f, func(s string) { got = append(got, s) })
		if strings.Join(got, ",") != want {
			t.Errorf("%s: %q, not %q", where, got, want)
		}
	}
	p, err := newPick("json:messages.*.id")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	p.each(&places{body: []byte(`{"id":"r1","messages":[{"id":7,"part":{"id":"p1"}},{"id":"a\"b"},{"id":12345678901234567890}]}`)}, func(s string) { got = append(got, s) })
	if diff := cmp.Diff([]string{"7", `a"b`, "12345678901234567890"}, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"jason:x", "regex:no group", "regex:(", "json:", "header:"} {
		if _, err := newPick(bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// TestPresetsKeepTheirQuery has parameters of the user stand beside those of the preset, or in their place.
func TestPresetsKeepTheirQuery(t *testing.T) {
	t.Parallel()
	const rest = "&username={user}&password={password}&to={to}&text={text}&charset=UTF-8&coding={coding}"
	for target, want := range map[string]string{
		"http://gw:13013":                               "/cgi-bin/sendsms?username={user}&password={password}&from={from}&to={to}&text={text}&charset=UTF-8&coding={coding}",
		"http://gw/cgi-bin/sendsms?smsc=a&from=x":       "/cgi-bin/sendsms?smsc=a&from=x" + rest,
		"http://gw/cgi-bin/sendsms/?from=x":             "/cgi-bin/sendsms?from=x" + rest,
		"http://gw/cgi-bin/sendsms?to={to}&text={text}": "/cgi-bin/sendsms?to={to}&text={text}",
	} {
		got := target
		h := HTTPCall{Preset: presetKannel}
		if err := h.complete(&got, &LoadOptions{}, nil); err != nil || strings.TrimPrefix(strings.TrimPrefix(got, "http://gw"), ":13013") != want {
			t.Errorf("%s: %s, %v", target, got, err)
		}
	}
}

// TestRequestsWithoutTheText are told: nothing of what is sent would be seen in them.
func TestRequestsWithoutTheText(t *testing.T) {
	t.Parallel()
	for label, c := range map[string]struct {
		o    LoadOptions
		told bool
	}{
		"a body without":   {LoadOptions{HTTP: "http://gw/foo", Call: HTTPCall{Body: "hello"}}, true},
		"a body":           {LoadOptions{HTTP: "http://gw/foo", Call: HTTPCall{Body: "hello {text}"}}, false},
		"the URL":          {LoadOptions{HTTP: "http://gw/foo?t={text}"}, false},
		"a header":         {LoadOptions{HTTP: "http://gw/foo", Call: HTTPCall{Body: "x", Headers: []string{"X-Text: {text|hex}"}}}, false},
		"a preset's query": {LoadOptions{HTTP: "http://gw/cgi-bin/sendsms?smsc=a", Call: HTTPCall{Preset: presetKannel}}, false},
	} {
		if got := len(aConn(t, c.o).t.notes(nil, 0)) > 0; got != c.told {
			t.Errorf("%s: told %t", label, got)
		}
	}
}
