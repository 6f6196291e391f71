package edge

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/configs"
	"tasman/index"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// serveCore has a fake core answer a subject until the test ends.
func serveCore(t *testing.T, e *testEdge, core *fakeCore, subjects ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, len(subjects))
	for _, subject := range subjects {
		go func() {
			ended <- e.bus.Serve(ctx, subject, func(ctx context.Context, req []byte) ([]byte, error) { return core.Ask(ctx, subject, req) })
		}()
	}
	t.Cleanup(func() {
		cancel()
		for range subjects {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
	for _, subject := range subjects {
		waitFor(t, "core to answer", func() bool {
			_, err := e.bus.Ask(deadline(t), subject, []byte("{}"))
			return err == nil
		})
	}
}

var taxi = smpp.Address{TON: 5, Addr: "TAXI"}

// storyOfTaxi is what core tells in these tests, about one message.
func storyOfTaxi(id sms.ID) index.Story {
	return index.Story{State: sms.StateAccepted, Message: sms.Message{ID: id, Account: "acme", Encoding: sms.GSM7, Segments: 1,
		Source: sms.Address{Kind: sms.Alphanumeric, Value: "TAXI"}, Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}}}
}

// TestQuery asks for messages in several states (SMPP 3.4 4.8).
func TestQuery(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	id, later, sent, done, foreign := e.ids.Next(), e.ids.Next(), e.ids.Next(), e.ids.Next(), e.ids.Next()
	at := time.Date(2026, 7, 1, 10, 20, 30, 0, time.UTC)
	core := &fakeCore{status: func(q index.StatusRequest) (index.StatusReply, error) {
		if q.ID == foreign || q.ID.IsZero() || q.Account != "acme" {
			return index.StatusReply{}, nil
		}
		s := storyOfTaxi(q.ID)
		switch q.ID {
		case later:
			s.Message.NotBefore = time.Now().Add(time.Hour)
		case sent:
			s.State = sms.StateEnroute
		case done:
			s.State, s.Final = sms.StateUndeliverable, true
			s.Events = []sms.Event{{Kind: sms.EventSent, State: sms.StateEnroute, Time: at.Add(-time.Minute)},
				{Kind: sms.EventDelivered, State: sms.StateUndeliverable, Time: at, Error: "027"}}
		}
		return index.StatusReply{Found: true, Story: s}, nil
	}}
	serveCore(t, e, core, index.StatusSubject)
	cases := map[string]struct {
		id      string
		source  smpp.Address
		version uint8
		status  smpp.Status
		want    smpp.QuerySMResp
	}{
		"accepted":               {id: id.String(), source: taxi, want: smpp.QuerySMResp{State: smpp.StateEnroute}},
		"scheduled":              {id: later.String(), source: taxi, want: smpp.QuerySMResp{State: smpp.StateEnroute}},
		"scheduled, to a 5.0":    {id: later.String(), source: taxi, version: smpp.Version50, want: smpp.QuerySMResp{State: smpp.StateScheduled}},
		"sent":                   {id: sent.String(), source: taxi, want: smpp.QuerySMResp{State: smpp.StateEnroute}},
		"ended":                  {id: done.String(), source: taxi, want: smpp.QuerySMResp{State: smpp.StateUndeliverable, FinalDate: "260701102030000+", ErrorCode: 27}},
		"of a 3.3 client":        {id: done.String(), source: taxi, version: smpp.Version33, want: smpp.QuerySMResp{State: smpp.StateUndeliverable, FinalDate: "260701102030000+", ErrorCode: 27}},
		"another source":         {id: id.String(), source: smpp.Address{TON: 5, Addr: "OTHER"}, status: smpp.StatusQueryFailed},
		"no source":              {id: id.String(), status: smpp.StatusQueryFailed},
		"of another account":     {id: foreign.String(), source: taxi, status: smpp.StatusInvalidMessageID},
		"an id that is not ours": {id: "4711", source: taxi, status: smpp.StatusInvalidMessageID},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			esme := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{InterfaceVersion: c.version}})
			resp, status := exchange(t, esme, &smpp.QuerySM{MessageID: c.id, Source: c.source})
			if status != c.status {
				t.Fatalf("status %v, want %v", status, c.status)
			}
			if status != smpp.StatusOK {
				return
			}
			got := resp.(*smpp.QuerySMResp)
			if got.MessageID != c.id || got.State != c.want.State || got.FinalDate != c.want.FinalDate || got.ErrorCode != c.want.ErrorCode {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestQueryDoesNotHoldTheReader has core silent: what the session submits meanwhile is accepted, and the query then fails
// with RSYSERR.
func TestQueryDoesNotHoldTheReader(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	release := make(chan struct{})
	core := &fakeCore{status: func(q index.StatusRequest) (index.StatusReply, error) {
		if !q.ID.IsZero() {
			<-release
		}
		return index.StatusReply{}, errors.New("not now")
	}}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- e.bus.Serve(ctx, index.StatusSubject, func(ctx context.Context, req []byte) ([]byte, error) {
			return core.Ask(ctx, index.StatusSubject, req)
		})
	}()
	t.Cleanup(func() { cancel(); <-served })
	waitFor(t, "core to answer", func() bool {
		var answered interface{ Error() string }
		_, err := e.bus.Ask(deadline(t), index.StatusSubject, []byte("{}"))
		answered = err
		return answered.Error() == "not now"
	})
	esme := e.bind(t, smpptest.ESMEConfig{})
	outcome := make(chan smpp.Outcome, 1)
	if err := esme.Send(deadline(t), &smpp.QuerySM{MessageID: e.ids.Next().String(), Source: taxi}, nil, func(o smpp.Outcome) { outcome <- o }); err != nil {
		t.Fatal(err)
	}
	if _, err := esme.SubmitText(deadline(t), "TASMAN", "64211234567", "a"); err != nil {
		t.Fatal(err)
	}
	close(release)
	if o := <-outcome; o.Status != smpp.StatusSystemError {
		t.Errorf("status %v", o.Status)
	}
}

// TestCancel asks core as a cancel_sm says, and tells what it answers (SMPP 3.4 4.9).
func TestCancel(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	id := e.ids.Next()
	asked := make(chan index.CancelRequest, 10)
	var verdict atomic.Value
	verdict.Store(index.VerdictDone)
	serveCore(t, e, &fakeCore{cancel: func(q index.CancelRequest) (index.CancelReply, error) {
		if q.Account == "" {
			return index.CancelReply{}, nil
		}
		asked <- q
		if v := verdict.Load().(index.Verdict); v != "" {
			return index.CancelReply{Verdict: v}, nil
		}
		return index.CancelReply{}, errors.New("not known")
	}}, index.CancelSubject)
	esme := e.bind(t, smpptest.ESMEConfig{})
	to := smpp.Address{TON: 2, NPI: 1, Addr: "412345678"} // completed with the account's country
	source, destination := sms.Address{Kind: sms.Alphanumeric, Value: "TAXI"}, sms.Address{Kind: sms.MSISDN, Value: "61412345678"}
	byID := smpp.CancelSM{MessageID: id.String(), Source: taxi}
	alike := smpp.CancelSM{ServiceType: "CMT", Source: taxi, Destination: to}
	for _, c := range []struct {
		label   string
		m       smpp.CancelSM
		verdict index.Verdict
		want    smpp.Status
		asks    *index.CancelRequest
	}{
		{"by id", byID, index.VerdictDone, smpp.StatusOK, &index.CancelRequest{ID: id, Account: "acme", Source: source, Group: true}},
		{"by addresses", alike, index.VerdictDone, smpp.StatusOK,
			&index.CancelRequest{Account: "acme", Source: source, Destination: destination, ServiceType: "CMT", Group: true}},
		{"too late", byID, index.VerdictLate, smpp.StatusCancelFailed, nil},
		{"under way", byID, index.VerdictBusy, smpp.StatusCancelFailed, nil},
		{"another source", byID, index.VerdictSource, smpp.StatusCancelFailed, nil},
		{"unknown", byID, index.VerdictUnknown, smpp.StatusInvalidMessageID, nil},
		{"fate not known", byID, "", smpp.StatusSystemError, nil},
		{"an id that is not ours", smpp.CancelSM{MessageID: "4711", Source: taxi}, index.VerdictDone, smpp.StatusInvalidMessageID, nil},
		{"no source", smpp.CancelSM{MessageID: id.String()}, index.VerdictDone, smpp.StatusCancelFailed, nil},
		{"neither id nor destination", smpp.CancelSM{Source: taxi}, index.VerdictDone, smpp.StatusCancelFailed, nil},
	} {
		verdict.Store(c.verdict)
		if _, status := exchange(t, esme, &c.m); status != c.want {
			t.Errorf("%s: %v, want %v", c.label, status, c.want)
		}
		if c.asks == nil {
			continue
		}
		if got := <-asked; got != *c.asks {
			t.Errorf("%s: asked %+v, want %+v", c.label, got, *c.asks)
		}
	}
}

// TestReplacement reads what a replace_sm changes (SMPP 3.4 4.10).
func TestReplacement(t *testing.T) {
	now := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	account := &configs.Account{Validity: time.Hour}
	gsm := sms.Message{Encoding: sms.GSM7, Validity: now.Add(2 * time.Hour), NotBefore: now.Add(time.Hour)}
	as := func(e sms.Encoding, udh ...byte) sms.Message {
		m := gsm
		m.Encoding, m.UDH = e, udh
		return m
	}
	header := []byte{5, 0, 3, 1, 2, 1}
	in := func(coding uint16, e sms.Encoding) sms.Message {
		m := as(e)
		m.Coding = coding + 1
		return m
	}
	cases := map[string]struct {
		in   smpp.ReplaceSM
		old  sms.Message
		want index.Replacement
		err  smpp.Status
	}{
		"text":             {in: smpp.ReplaceSM{ShortMessage: []byte("a\x00")}, old: gsm, want: index.Replacement{Content: true, Text: "a@", Encoding: sms.GSM7, Segments: 1}},
		"two segments":     {in: smpp.ReplaceSM{ShortMessage: bytes.Repeat([]byte("a"), 161)}, old: gsm, want: index.Replacement{Content: true, Text: strings.Repeat("a", 161), Encoding: sms.GSM7, Segments: 2}},
		"Latin-1":          {in: smpp.ReplaceSM{ShortMessage: []byte("\xe9")}, old: as(sms.Latin1), want: index.Replacement{Content: true, Text: "é", Encoding: sms.Latin1, Segments: 1}},
		"UCS2":             {in: smpp.ReplaceSM{ShortMessage: []byte{1, 1}}, old: as(sms.UCS2), want: index.Replacement{Content: true, Text: "ā", Encoding: sms.UCS2, Segments: 1}},
		"ASCII":            {in: smpp.ReplaceSM{ShortMessage: []byte("a@_")}, old: in(1, sms.GSM7), want: index.Replacement{Content: true, Text: "a@_", Encoding: sms.GSM7, Segments: 1}},
		"UCS2 made plain":  {in: smpp.ReplaceSM{ShortMessage: []byte{1, 1}}, old: in(8, sms.GSM7), want: index.Replacement{Content: true, Text: "ā", Encoding: sms.UCS2, Segments: 1}},
		"odd UCS2":         {in: smpp.ReplaceSM{ShortMessage: []byte{1}}, old: as(sms.UCS2), err: smpp.StatusInvalidMessageLength},
		"binary":           {in: smpp.ReplaceSM{ShortMessage: []byte{1, 2}}, old: as(sms.Binary), want: index.Replacement{Content: true, Data: []byte{1, 2}, Encoding: sms.Binary, Segments: 1}},
		"message_payload":  {in: smpp.ReplaceSM{TLVs: payloadTLV([]byte("long"))}, old: gsm, want: index.Replacement{Content: true, Text: "long", Encoding: sms.GSM7, Segments: 1}},
		"with its header":  {in: smpp.ReplaceSM{ShortMessage: []byte("a")}, old: as(sms.GSM7, header...), want: index.Replacement{Content: true, Text: "a", Encoding: sms.GSM7, Segments: 1}},
		"beyond a segment": {in: smpp.ReplaceSM{ShortMessage: bytes.Repeat([]byte("a"), 154)}, old: as(sms.GSM7, header...), err: smpp.StatusInvalidMessageLength},
		"receipt bits": {in: smpp.ReplaceSM{RegisteredDelivery: 0x1E}, old: gsm,
			want: index.Replacement{WantReceipt: sms.FailureReceipt, Intermediate: true, Acks: 0x0C}},
		"times": {in: smpp.ReplaceSM{ScheduleDeliveryTime: "000000003000000R", ValidityPeriod: "260701120000000+"}, old: gsm,
			want: index.Replacement{NotBefore: now.Add(30 * time.Minute), Validity: now.Add(2 * time.Hour)}},
		"past the kept validity":     {in: smpp.ReplaceSM{ScheduleDeliveryTime: "260701130000000+"}, old: gsm, err: smpp.StatusInvalidExpiry},
		"valid before the kept time": {in: smpp.ReplaceSM{ValidityPeriod: "260701103000000+"}, old: gsm, err: smpp.StatusInvalidExpiry},
		"no time":                    {in: smpp.ReplaceSM{ScheduleDeliveryTime: "soon"}, old: gsm, err: smpp.StatusInvalidSchedule},
		"too far ahead":              {in: smpp.ReplaceSM{ScheduleDeliveryTime: "260801130000000+"}, old: gsm, err: smpp.StatusInvalidSchedule},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := replacement(&c.in, &c.old, account, now)
			if status := statusOf(err); status != c.err {
				t.Fatalf("status %v, want %v", status, c.err)
			}
			if c.err != 0 {
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestReplace asks core as a replace_sm says, and tells what it answers.
func TestReplace(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	waits, sent, foreign := e.ids.Next(), e.ids.Next(), e.ids.Next()
	asked := make(chan index.ReplaceRequest, 20)
	var verdict atomic.Value
	verdict.Store(index.VerdictDone)
	serveCore(t, e, &fakeCore{
		status: func(q index.StatusRequest) (index.StatusReply, error) {
			s := storyOfTaxi(q.ID)
			s.Message.Validity = time.Now().Add(time.Hour)
			if q.ID == sent {
				s.State = sms.StateEnroute
			}
			return index.StatusReply{Found: q.ID != foreign, Story: s}, nil
		},
		replace: func(q index.ReplaceRequest) (index.ReplaceReply, error) {
			if q.Account != "" {
				asked <- q
			}
			if v := verdict.Load().(index.Verdict); v != "" {
				return index.ReplaceReply{Verdict: v}, nil
			}
			return index.ReplaceReply{}, errors.New("not known")
		},
	}, index.StatusSubject, index.ReplaceSubject)
	esme := e.bind(t, smpptest.ESMEConfig{})
	text := smpp.ReplaceSM{MessageID: waits.String(), Source: taxi, RegisteredDelivery: 1, ShortMessage: []byte("new")}
	change := func(fn func(*smpp.ReplaceSM)) smpp.ReplaceSM {
		m := text
		fn(&m)
		return m
	}
	for _, c := range []struct {
		label   string
		m       smpp.ReplaceSM
		verdict index.Verdict
		want    smpp.Status
		asks    bool
	}{
		{"text", text, index.VerdictDone, smpp.StatusOK, true},
		{"too late", text, index.VerdictLate, smpp.StatusReplaceFailed, true},
		{"under way", text, index.VerdictBusy, smpp.StatusReplaceFailed, true},
		{"fate not known", text, "", smpp.StatusSystemError, true},
		{"sent", change(func(m *smpp.ReplaceSM) { m.MessageID = sent.String() }), index.VerdictDone, smpp.StatusReplaceFailed, false},
		{"another account's", change(func(m *smpp.ReplaceSM) { m.MessageID = foreign.String() }), index.VerdictDone, smpp.StatusInvalidMessageID, false},
		{"an id that is not ours", change(func(m *smpp.ReplaceSM) { m.MessageID = "4711" }), index.VerdictDone, smpp.StatusInvalidMessageID, false},
		{"another source", change(func(m *smpp.ReplaceSM) { m.Source.Addr = "OTHER" }), index.VerdictDone, smpp.StatusReplaceFailed, false},
		{"a canned message", change(func(m *smpp.ReplaceSM) { m.DefaultMessageID = 1 }), index.VerdictDone, smpp.StatusInvalidDefaultMessage, false},
		{"a bad time", change(func(m *smpp.ReplaceSM) { m.ValidityPeriod = "never" }), index.VerdictDone, smpp.StatusInvalidExpiry, false},
	} {
		verdict.Store(c.verdict)
		if _, status := exchange(t, esme, &c.m); status != c.want {
			t.Errorf("%s: %v, want %v", c.label, status, c.want)
		}
		if !c.asks {
			continue
		}
		if q := <-asked; q.ID != waits || q.Account != "acme" || q.Source.Value != "TAXI" || q.With.Text != "new" || q.With.WantReceipt != sms.FinalReceipt {
			t.Errorf("%s: asked %+v", c.label, q)
		}
	}
	if len(asked) > 0 {
		t.Errorf("core was asked %d times more", len(asked))
	}
}

// TestOperationsAreBounded refuses an operation for now when too many wait for core.
func TestOperationsAreBounded(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	for range maxOperations {
		e.smpp.operations <- struct{}{}
	}
	esme := e.bind(t, smpptest.ESMEConfig{})
	query := &smpp.QuerySM{MessageID: "4711", Source: taxi}
	if _, status := exchange(t, esme, query); status != smpp.StatusThrottled {
		t.Errorf("status %v", status)
	}
	<-e.smpp.operations
	if _, status := exchange(t, esme, query); status != smpp.StatusInvalidMessageID {
		t.Errorf("status %v", status)
	}
}

// TestCodingIsKept: a text that replaces another is in its data_coding, which is stored where the encoding does not tell it.
func TestCodingIsKept(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	for coding, want := range map[uint8]uint16{0: 0, 1: 2, 3: 0, 8: 0, 0xF1: 0xF2} {
		m := aSubmit()
		m.DataCoding, m.ShortMessage = coding, []byte("ab")
		id, err := esme.Submit(deadline(t), m)
		if err != nil {
			t.Fatal(err)
		}
		for _, stored := range e.accepted(t) {
			if stored.ID.String() == id && stored.Coding != want {
				t.Errorf("data_coding %d: stored %d", coding, stored.Coding)
			}
		}
	}
}
