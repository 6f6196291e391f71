package edge

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/index"
	"tasman/sms"
)

const hello = `{"from":"TASMAN","to":"+64211234567","text":"Kia ora"}`

func TestSubmitHTTP(t *testing.T) {
	f := newFakeFunnel()
	url, _ := startHTTP(t, f, &fakeCore{})
	resp, body := post(`{"from":"TASMAN","to":["+64211234567","+64211234568"],"text":"Kia ora","reference":"r-1","class":0}`).do(t, url)
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	var got submitReply
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	msgs := f.all()
	want := submitReply{Messages: []acceptedView{{msgs[0].ID, "+64211234567", "accepted", 1}, {msgs[1].ID, "+64211234568", "accepted", 1}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m := msgs[1]
	if m.Account != "acme" || m.Integration != "acme-key" || m.Door != "http" || m.Lane != sms.Bulk || m.WantReceipt != sms.FailureReceipt || m.Reference != "r-1" ||
		m.Class != 1 || m.Text != "Kia ora" {
		t.Errorf("message %+v", m)
	}
}

func TestSubmitHTTPBinary(t *testing.T) {
	f := newFakeFunnel()
	url, _ := startHTTP(t, f, &fakeCore{})
	if resp, body := post(`{"from":"8080","to":"+64211234567","data":"CAFE","udh":"0605040B8423F0","receipt":"none","lane":"alert"}`).do(t, url); resp.StatusCode != 202 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	m := f.all()[0]
	if m.Encoding != sms.Binary || string(m.Data) != "\xCA\xFE" || len(m.UDH) != 7 || m.WantReceipt != sms.NoReceipt || m.Lane != sms.Alert {
		t.Errorf("message %+v", m)
	}
}

func TestHTTPRefusals(t *testing.T) {
	with := func(r request, change func(*request)) request { change(&r); return r }
	header := func(k, v string) request {
		return with(post(hello), func(r *request) { r.header = map[string]string{k: v} })
	}
	key := func(k string) request { return with(post(hello), func(r *request) { r.key = k }) }
	get := func(path string) request { return request{method: "GET", path: path, key: acmeKey} }
	cases := []struct {
		name   string
		req    request
		status int
		typ    string
		fields string
		header string // that must be there
	}{
		{"no key", key(""), 401, "unauthorized", "", "WWW-Authenticate"},
		{"unknown key", key("nobody-has-this-key"), 401, "unauthorized", "", "WWW-Authenticate"},
		{"basic", header("Authorization", "Basic "+acmeKey), 401, "unauthorized", "", "WWW-Authenticate"},
		{"unknown key reading", with(get("/v1/messages"), func(r *request) { r.key = "x" }), 401, "unauthorized", "", "WWW-Authenticate"},
		{"address", key(farKey), 403, "address_not_allowed", "", ""},
		{"suspended", key(suspendedKey), 403, "suspended", "", ""},
		{"no such address", get("/v1/nothing"), 404, "not_found", "", ""},
		{"no such id", get("/v1/messages/1"), 404, "not_found", "", ""},
		{"method", request{method: "DELETE", path: "/v1/messages", key: acmeKey}, 405, "method_not_allowed", "", "Allow"},
		{"not JSON", post("{"), 400, "bad_json", "", ""},
		{"body too long", post(`{"text":"` + strings.Repeat("a", 64<<10) + `"}`), 413, "body_too_large", "", ""},
		{"media type", header("Content-Type", "text/plain"), 415, "unsupported_media_type", "", "Accept-Post"},
		{"charset", header("Content-Type", "application/json; charset=latin1"), 415, "unsupported_media_type", "", "Accept-Post"},
		{"compressed", header("Content-Encoding", "gzip"), 415, "unsupported_media_type", "", "Accept-Post"},
		{"long key", header(keyHeader, strings.Repeat("k", maxKey+1)), 400, "bad_key", "", ""},
		{"nothing", post(`{}`), 422, "invalid_fields", "from to text", ""},
		{"no recipients", post(`{"from":"A","to":[],"text":"x"}`), 422, "invalid_fields", "to", ""},
		{"too many recipients", post(`{"from":"A","to":["1","2","3","4","5","6"],"text":"x"}`), 422, "invalid_fields", "to", ""},
		{"text and data", post(`{"from":"A","to":"1","text":"x","data":"00"}`), 422, "invalid_fields", "data", ""},
		{"binary text", post(`{"from":"A","to":"1","text":"x","encoding":"binary"}`), 422, "invalid_fields", "encoding", ""},
		{"data as text", post(`{"from":"A","to":"1","data":"00","encoding":"ucs2"}`), 422, "invalid_fields", "encoding", ""},
		{"unknown field", post(`{"from":"A","to":"1","message":"x"}`), 422, "invalid_fields", "message", ""},
		{"limit", get("/v1/messages?limit=0&before=x"), 422, "invalid_fields", "limit before", ""},
		{"limit too high", get("/v1/messages?limit=201"), 422, "invalid_fields", "limit", ""},
	}
	f := newFakeFunnel()
	url, _ := startHTTP(t, f, &fakeCore{})
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			resp, body := tc.req.do(t, url)
			p := problemOf(t, resp, body)
			var fields []string
			for _, e := range p.Errors {
				fields = append(fields, e.Field)
			}
			if resp.StatusCode != tc.status || p.Type != tc.typ || strings.Join(fields, " ") != tc.fields {
				t.Errorf("got %d %s", resp.StatusCode, body)
			}
			if tc.header != "" && resp.Header.Get(tc.header) == "" {
				t.Errorf("no header %s in %v", tc.header, resp.Header)
			}
		})
	}
	if n := len(f.all()); n != 0 {
		t.Errorf("%d messages accepted", n)
	}
}

func TestShow(t *testing.T) {
	id := sms.IDAt(hookTime)
	core := &fakeCore{status: func(q index.StatusRequest) (index.StatusReply, error) {
		if q.Account != "acme" || q.ID != id {
			return index.StatusReply{}, nil
		}
		return index.StatusReply{Found: true, Story: index.Story{
			Message: sms.Message{
				ID: id, Lane: sms.Normal, Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}, Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"},
				Encoding: sms.GSM7, Segments: 1, Accepted: hookTime, Reference: "r-1",
			},
			State: sms.StateDelivered, Carrier: "one", Final: true, Updated: hookTime.Add(2 * time.Second),
			Events: []sms.Event{{Kind: sms.EventAccepted, Time: hookTime, Node: "n1", State: sms.StateAccepted},
				{Kind: sms.EventDelivered, Time: hookTime.Add(2 * time.Second), Carrier: "one", State: sms.StateDelivered}},
		}}, nil
	}}
	url, _ := startHTTP(t, newFakeFunnel(), core)
	for _, form := range []string{id.Hex(), id.Decimal()} { // as an SMPP client of the account may have been told
		if resp, _ := (request{method: "GET", path: "/v1/messages/" + form, key: acmeKey}).do(t, url); resp.StatusCode != 200 {
			t.Errorf("%s: %d", form, resp.StatusCode)
		}
	}
	resp, body := request{method: "GET", path: "/v1/messages/" + strings.ToLower(id.String()), key: acmeKey}.do(t, url)
	want := `{"id":"` + id.String() + `","direction":"mt","from":"TASMAN","to":"+64211234567","lane":"normal","state":"delivered","final":true,"carrier":"one","segments":1,` +
		`"encoding":"gsm7","reference":"r-1","accepted":"2026-11-21T05:30:00Z","updated":"2026-11-21T05:30:02Z","events":[` +
		`{"event":"accepted","time":"2026-11-21T05:30:00Z","state":"accepted","node":"n1"},{"event":"delivered","time":"2026-11-21T05:30:02Z","state":"delivered","carrier":"one"}]}`
	if diff := cmp.Diff(want, body); resp.StatusCode != 200 || diff != "" {
		t.Errorf("%d (-want +got):\n%s", resp.StatusCode, diff)
	}
	resp, body = request{method: "GET", path: "/v1/messages/" + sms.NewIDs(nil).Next().String(), key: acmeKey}.do(t, url)
	if p := problemOf(t, resp, body); p.Status != 404 {
		t.Errorf("got %+v", p)
	}
}

func TestList(t *testing.T) {
	ids := sms.NewIDs(nil)
	a, b := ids.Next(), ids.Next()
	var asked []index.RecentRequest
	core := &fakeCore{recent: func(q index.RecentRequest) (index.RecentReply, error) {
		asked = append(asked, q)
		return index.RecentReply{Stories: []index.Story{{Message: sms.Message{ID: b}}, {Message: sms.Message{ID: a}}}}, nil
	}}
	url, _ := startHTTP(t, newFakeFunnel(), core)
	var pages []listView
	for _, path := range []string{"/v1/messages", "/v1/messages?limit=2&before=" + b.String()} {
		resp, body := request{method: "GET", path: path, key: acmeKey}.do(t, url)
		var page listView
		if err := json.Unmarshal([]byte(body), &page); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%d %s: %v", resp.StatusCode, body, err)
		}
		pages = append(pages, page)
	}
	if diff := cmp.Diff([]index.RecentRequest{{Account: "acme", Limit: 50}, {Account: "acme", Limit: 2, Before: b}}, asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
	if len(pages[0].Messages) != 2 || pages[0].Next != nil || pages[1].Next == nil || *pages[1].Next != a {
		t.Errorf("pages %+v", pages)
	}
}

func TestCoreAway(t *testing.T) {
	away := errors.New("away")
	core := &fakeCore{
		status: func(index.StatusRequest) (index.StatusReply, error) { return index.StatusReply{}, away },
		key:    func(index.KeyRequest) (index.KeyReply, error) { return index.KeyReply{}, away },
		recent: func(index.RecentRequest) (index.RecentReply, error) { return index.RecentReply{}, away },
	}
	f := newFakeFunnel()
	url, _ := startHTTP(t, f, core)
	withKey := post(hello)
	withKey.header = map[string]string{keyHeader: "k"}
	for _, r := range []request{
		{method: "GET", path: "/v1/messages", key: acmeKey}, {method: "GET", path: "/v1/messages/" + sms.IDAt(hookTime).String(), key: acmeKey}, withKey,
	} {
		resp, body := r.do(t, url)
		if p := problemOf(t, resp, body); p.Status != 503 || resp.Header.Get("Retry-After") != "5" {
			t.Errorf("%s %s: %+v", r.method, r.path, p)
		}
	}
	if resp, _ := post(hello).do(t, url); resp.StatusCode != 202 {
		t.Errorf("without a key: %d", resp.StatusCode)
	}
	if n := len(f.all()); n != 1 {
		t.Errorf("%d messages accepted, want the one without a key", n)
	}
}

func TestIdempotencyKey(t *testing.T) {
	first := sms.Message{ID: sms.IDAt(hookTime), Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}, Segments: 2}
	cases := []struct {
		verdict  index.KeyVerdict
		status   int
		typ      string
		accepted int
	}{
		{index.KeyGo, 202, "", 1},
		{index.KeyKnown, 202, "", 0},
		{index.KeyConflict, 422, "key_conflict", 0},
		{index.KeyInFlight, 409, "key_in_flight", 0},
		{"?", 500, "internal", 0},
	}
	for _, tc := range cases {
		t.Run(string(tc.verdict), func(t *testing.T) {
			var asked []index.KeyRequest
			f := newFakeFunnel()
			url, _ := startHTTP(t, f, &fakeCore{key: func(q index.KeyRequest) (index.KeyReply, error) {
				asked = append(asked, q)
				return index.KeyReply{Verdict: tc.verdict, Messages: []sms.Message{first}}, nil
			}})
			r := post(hello)
			r.header = map[string]string{keyHeader: "order 17"}
			resp, body := r.do(t, url)
			if resp.StatusCode != tc.status || len(f.all()) != tc.accepted {
				t.Fatalf("%d %s, %d accepted", resp.StatusCode, body, len(f.all()))
			}
			if len(asked) != 1 || asked[0].Account != "acme" || asked[0].Key != "order 17" || len(asked[0].Hash) != 32 {
				t.Errorf("asked %+v", asked)
			}
			switch tc.verdict {
			case index.KeyGo:
				m := f.all()[0]
				if m.Key != "order 17" || m.KeyCount != 1 || !slices.Equal(m.KeyHash, asked[0].Hash) || resp.Header.Get(replayedHeader) != "" {
					t.Errorf("message %+v, header %v", m, resp.Header)
				}
			case index.KeyKnown:
				want := `{"messages":[{"id":"` + first.ID.String() + `","to":"+64211234567","state":"accepted","segments":2}]}`
				if body != want || resp.Header.Get(replayedHeader) != "true" {
					t.Errorf("got %s, header %v", body, resp.Header)
				}
			default:
				if p := problemOf(t, resp, body); p.Type != tc.typ {
					t.Errorf("got %+v", p)
				}
			}
		})
	}
}

// A request that is refused after its key was claimed gives the claim back.
func TestIdempotencyKeyReleased(t *testing.T) {
	var asked []index.KeyRequest
	f := newFakeFunnel()
	f.accept = func(_ []*sms.Message, done func(error)) { done(errors.New("refused")) }
	url, _ := startHTTP(t, f, &fakeCore{key: func(q index.KeyRequest) (index.KeyReply, error) {
		asked = append(asked, q)
		return index.KeyReply{Verdict: index.KeyGo}, nil
	}})
	r := post(hello)
	r.header = map[string]string{keyHeader: "k"}
	if resp, _ := r.do(t, url); resp.StatusCode != 500 {
		t.Errorf("got %d", resp.StatusCode)
	}
	if len(asked) != 2 || asked[0].Release || !asked[1].Release || asked[1].Key != "k" || !slices.Equal(asked[0].Hash, asked[1].Hash) {
		t.Errorf("asked %+v", asked)
	}
}

// 202 comes only after the messages are stored, also while the door closes.
func TestHTTPAcknowledgesAfterStorage(t *testing.T) {
	f := newFakeFunnel()
	pending := make(chan func(error), 1)
	f.accept = func(_ []*sms.Message, done func(error)) { pending <- done }
	url, stop := startHTTP(t, f, &fakeCore{})
	answered := make(chan int, 1)
	go func() {
		resp, _ := post(hello).do(t, url)
		answered <- resp.StatusCode
	}()
	done := <-pending
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	select {
	case status := <-answered:
		t.Fatalf("answered %d before storage", status)
	case err := <-stopped:
		t.Fatalf("closed with a request under way: %v", err)
	default:
	}
	done(nil)
	if status := <-answered; status != 202 {
		t.Errorf("got %d", status)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestHTTPPanicIsAnswered(t *testing.T) {
	f := newFakeFunnel()
	f.refuse = func(Submission) error { panic("broken") }
	url, _ := startHTTP(t, f, &fakeCore{})
	resp, body := post(hello).do(t, url)
	if p := problemOf(t, resp, body); p.Status != 500 || strings.Contains(body, "broken") {
		t.Errorf("got %+v", p)
	}
}

func TestHTTPDoorCloses(t *testing.T) {
	url, stop := startHTTP(t, newFakeFunnel(), &fakeCore{})
	if resp, _ := post(hello).do(t, url); resp.StatusCode != 202 { // leaves an idle connection
		t.Fatalf("got %d", resp.StatusCode)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if resp, err := http.Get(url + "/openapi.json"); err == nil {
		_ = resp.Body.Close()
		t.Error("still answers")
	}
}
