package edge

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
)

// Every reason that the funnel knows is answered with its status, its type and, when waiting helps, Retry-After; by mail
// with 4xx exactly when waiting helps.
func TestRefusalsByReason(t *testing.T) {
	f := newFakeFunnel()
	var reason string
	f.refuse = func(Submission) error { return refuse(reason, "", "no") }
	url, _ := startHTTP(t, f, &fakeCore{})
	for reason = range refusals {
		r := refuse(reason, "", "no")
		resp, body := post(hello).do(t, url)
		p := problemOf(t, resp, body)
		if p.Status != r.HTTPStatus() || p.Type != reason || p.Detail != "no" || len(p.Errors) != 0 {
			t.Errorf("%s: %+v", reason, p)
		}
		if waits := resp.Header.Get("Retry-After") != ""; waits != (r.RetryAfter() > 0) {
			t.Errorf("%s: Retry-After %q", reason, resp.Header.Get("Retry-After"))
		}
		if temporary := mailRefusal(r).Temporary(); temporary != (r.RetryAfter() > 0) {
			t.Errorf("%s: by mail %v", reason, mailRefusal(r))
		}
	}
	if len(refusalTitles) != len(refusals) {
		t.Errorf("%d titles for %d reasons", len(refusalTitles), len(refusals))
	}
}

func TestRefusalFields(t *testing.T) {
	cases := []struct {
		name, to string
		refuse   func(Submission) error
		want     []fieldError
	}{
		{"source", `"1"`, func(Submission) error { return refuse(ReasonSource, "source", "bad") }, []fieldError{{"from", "bad"}}},
		{"one recipient", `"1"`, func(Submission) error { return refuse(ReasonDestination, "destination", "bad") }, []fieldError{{"to", "bad"}}},
		{"recipients of several", `["1","2","3"]`, func(s Submission) error {
			if s.Destination == "1" {
				return nil
			}
			return refuse(ReasonDestination, "destination", "bad "+s.Destination)
		}, []fieldError{{"to[1]", "bad 2"}, {"to[2]", "bad 3"}}},
		{"text once for all", `["1","2"]`, func(Submission) error { return refuse(ReasonTooLong, "text", "long") }, []fieldError{{"text", "long"}}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			f := newFakeFunnel()
			f.refuse = tc.refuse
			url, _ := startHTTP(t, f, &fakeCore{})
			resp, body := post(`{"from":"A","text":"x","to":`+tc.to+`}`).do(t, url)
			p := problemOf(t, resp, body)
			if diff := cmp.Diff(tc.want, p.Errors); p.Status != 422 || diff != "" {
				t.Errorf("%s (-want +got):\n%s", body, diff)
			}
			if n := len(f.all()); n != 0 {
				t.Errorf("%d messages accepted", n)
			}
		})
	}
}

// What the funnel refuses when it comes to storing is answered like any refusal.
func TestRefusedAtStorage(t *testing.T) {
	f := newFakeFunnel()
	f.accept = func(_ []*sms.Message, done func(error)) { done(errUnavailable()) }
	url, _ := startHTTP(t, f, &fakeCore{})
	resp, body := post(hello).do(t, url)
	if p := problemOf(t, resp, body); p.Status != http.StatusServiceUnavailable || p.Type != ReasonUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%+v", p)
	}
	c := loggedIn(t, startMail(t, f, nil).addr)
	if err := c.SendMail("me@x", []string{"64211234567@x"}, strings.NewReader(simpleMail)); code(err) != 451 {
		t.Errorf("by mail: %v", err)
	}
}
