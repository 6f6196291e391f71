package edge

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/sms"
)

// bareEdge is an edge with storage that the test plays.
func bareEdge(t testing.TB, live *configs.Live, fake *fakeStorage) *Edge {
	t.Helper()
	e := &Edge{cfg: Config{Node: "e1"}.withDefaults(), live: live, log: quiet(), ids: sms.NewIDs(nil), plan: configs.NewNumberPlan(), now: time.Now, limits: newLimits()}
	var err error
	if e.stats, err = newMetrics(e, nil); err != nil {
		t.Fatal(err)
	}
	e.outbox = newOutbox(fake)
	e.acceptor = newAcceptor(e, fake)
	return e
}

func TestPrepare(t *testing.T) {
	e := bareEdge(t, liveYAML(t, acme), &fakeStorage{})
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	e.now = func() time.Time { return now }
	day := 24 * time.Hour
	account := &configs.Account{Name: "acme", Lane: sms.Normal, Lanes: []sms.Lane{sms.Normal, sms.Bulk}, Validity: day, Country: "AU"}
	long := strings.Repeat("x", 153*255+1)
	cases := map[string]struct {
		change func(*Submission)
		reason string // "" = accepted
		field  string
		check  func(*sms.Message) bool
	}{
		"plain": {change: func(*Submission) {}, check: func(m *sms.Message) bool {
			return m.Lane == sms.Normal && m.Encoding == sms.GSM7 && m.Segments == 1 && m.Validity.Equal(now.Add(day)) && m.Node == "e1" &&
				m.Destination == sms.Address{Kind: sms.MSISDN, Value: "64211234567"} && !m.ID.IsZero()
		}},
		"UCS2 by its text":    {change: func(s *Submission) { s.Text = "Tēnā koe" }, check: func(m *sms.Message) bool { return m.Encoding == sms.UCS2 }},
		"161 septets are two": {change: func(s *Submission) { s.Text = strings.Repeat("x", 161) }, check: func(m *sms.Message) bool { return m.Segments == 2 }},
		"national destination": {change: func(s *Submission) { s.Destination = "0412345678" }, check: func(m *sms.Message) bool {
			return m.Destination.Value == "61412345678"
		}},
		"national without country":  {func(s *Submission) { c := *account; c.Country = ""; s.Account, s.Destination = &c, "0412345678" }, ReasonDestination, "destination", nil},
		"other lane":                {change: func(s *Submission) { s.Lane = sms.Bulk }, check: func(m *sms.Message) bool { return m.Lane == sms.Bulk }},
		"lane not allowed":          {func(s *Submission) { s.Lane = sms.Alert }, ReasonLane, "lane", nil},
		"suspended":                 {func(s *Submission) { c := *account; c.Suspended = true; s.Account = &c }, ReasonSuspended, "", nil},
		"no source":                 {func(s *Submission) { s.Source = "" }, ReasonSource, "source", nil},
		"source too long":           {func(s *Submission) { s.Source = "TWELVE CHARS" }, ReasonSource, "source", nil},
		"destination in no plan":    {func(s *Submission) { s.Destination = "+999123456789" }, ReasonDestination, "destination", nil},
		"destination is a name":     {func(s *Submission) { s.Destination = "Bob" }, ReasonDestination, "destination", nil},
		"empty":                     {func(s *Submission) { s.Text = "" }, ReasonEmpty, "text", nil},
		"empty binary":              {func(s *Submission) { s.Text, s.Encoding = "", sms.Binary }, ReasonEmpty, "data", nil},
		"not UTF-8":                 {func(s *Submission) { s.Text = "\xff" }, ReasonEncoding, "text", nil},
		"does not fit GSM7":         {func(s *Submission) { s.Text, s.Encoding = "ā", sms.GSM7 }, ReasonEncoding, "encoding", nil},
		"does not fit Latin-1":      {func(s *Submission) { s.Text, s.Encoding = "ā", sms.Latin1 }, ReasonEncoding, "encoding", nil},
		"text as binary":            {func(s *Submission) { s.Encoding = sms.Binary }, ReasonEncoding, "encoding", nil},
		"unknown encoding":          {func(s *Submission) { s.Encoding = 99 }, ReasonEncoding, "encoding", nil},
		"class":                     {func(s *Submission) { s.Class = 5 }, ReasonClass, "class", nil},
		"256 segments":              {func(s *Submission) { s.Text = long }, ReasonTooLong, "text", nil},
		"255 segments":              {change: func(s *Submission) { s.Text = long[1:] }, check: func(m *sms.Message) bool { return m.Segments == 255 }},
		"own header":                {change: func(s *Submission) { s.UDH = []byte{5, 0, 3, 1, 2, 1}; s.Text = long[:153] }, check: func(m *sms.Message) bool { return m.Segments == 1 }},
		"own header and too much":   {func(s *Submission) { s.UDH = []byte{5, 0, 3, 1, 2, 1}; s.Text = long[:154] }, ReasonTooLong, "text", nil},
		"broken header":             {func(s *Submission) { s.UDH = []byte{9, 0} }, ReasonHeader, "udh", nil},
		"header fills the segment":  {func(s *Submission) { s.UDH = append([]byte{139}, make([]byte, 139)...) }, ReasonTooLong, "text", nil},
		"long reference":            {func(s *Submission) { s.Reference = long[:256] }, ReasonReference, "reference", nil},
		"expired":                   {func(s *Submission) { s.Validity = now }, ReasonValidity, "validity", nil},
		"validity too long":         {func(s *Submission) { s.Validity = now.Add(8 * day) }, ReasonValidity, "validity", nil},
		"expires before it is sent": {func(s *Submission) { s.NotBefore, s.Validity = now.Add(2*day), now.Add(day) }, ReasonValidity, "validity", nil},
		"too far ahead":             {func(s *Submission) { s.NotBefore = now.Add(7 * day) }, ReasonSchedule, "not_before", nil},
		"validity counts from delivery time": {change: func(s *Submission) { s.NotBefore = now.Add(day) }, check: func(m *sms.Message) bool {
			return m.Validity.Equal(now.Add(2*day)) && m.NotBefore.Equal(now.Add(day))
		}},
		"past delivery time is now": {change: func(s *Submission) { s.NotBefore = now.Add(-day) }, check: func(m *sms.Message) bool { return m.NotBefore.IsZero() }},
		"default validity is cut":   {change: func(s *Submission) { s.NotBefore = now.Add(7*day - time.Hour) }, check: func(m *sms.Message) bool { return m.Validity.Equal(now.Add(7 * day)) }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := Submission{Account: account, Integration: "k", Door: "http", Source: "TASMAN", Destination: "+64211234567", Text: "Kia ora"}
			c.change(&s)
			m, err := e.Prepare(s)
			var r *Refusal
			switch {
			case c.reason == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case c.reason == "":
				if c.check != nil && !c.check(m) {
					t.Errorf("message %+v", m)
				}
			case !errors.As(err, &r) || r.Reason != c.reason || r.Field != c.field:
				t.Errorf("got %#v, want %s in %s", err, c.reason, c.field)
			}
		})
	}
}

func TestRefusalsAreInTheTable(t *testing.T) {
	for reason, row := range refusals {
		r := refuse(reason, "", "")
		if r.HTTPStatus() < 400 || r.SMPPStatus() == 0 {
			t.Errorf("%s has no status", reason)
		}
		if later := row.retry > 0; later != r.SMPPStatus().Temporary() || later != (r.HTTPStatus() == 429 || r.HTTPStatus() == 503) {
			t.Errorf("%s: the doors do not agree on whether to try again", reason)
		}
	}
}

// TestNoRoute is refused at once, where core would end it later.
func TestNoRoute(t *testing.T) {
	e := bareEdge(t, configs.NewLive(), &fakeStorage{})
	account := &configs.Account{Name: "acme", Lane: sms.Normal, Lanes: []sms.Lane{sms.Normal}, Validity: time.Hour}
	_, err := e.Prepare(Submission{Account: account, Source: "TASMAN", Destination: "+64211234567", Text: "Kia ora"})
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != ReasonNoRoute || r.Field != "destination" {
		t.Errorf("error %v, want the reason %s", err, ReasonNoRoute)
	}
}
