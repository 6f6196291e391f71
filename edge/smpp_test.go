package edge

import (
	"errors"
	"testing"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams/streamstest"
)

func TestBindRefusals(t *testing.T) {
	live := liveYAML(t, acme+`---
kind: SMPPUser
name: far
spec: {account: acme, password: `+testPassword+`, addresses: [192.0.2.0/24]}
---
kind: SMPPUser
name: sender
spec: {account: acme, password: `+testPassword+`, bind_modes: [transmitter], binds: 1}
---
kind: Account
name: closed
spec: {suspended: true}
---
kind: SMPPUser
name: closed
spec: {account: closed, password: `+testPassword+`}
`)
	e := runEdge(t, live, nil)
	cases := map[string]struct {
		bind smpp.BindRequest
		want smpp.Status
	}{
		"unknown":         {smpp.BindRequest{SystemID: "nobody"}, smpp.StatusInvalidSystemID},
		"wrong password":  {smpp.BindRequest{SystemID: "acme", Password: "wrong"}, smpp.StatusInvalidPassword},
		"address":         {smpp.BindRequest{SystemID: "far"}, smpp.StatusBindFailed},
		"suspended":       {smpp.BindRequest{SystemID: "closed"}, smpp.StatusBindFailed},
		"mode":            {smpp.BindRequest{SystemID: "sender", Mode: smpp.BindReceiver}, smpp.StatusBindFailed},
		"allowed mode":    {smpp.BindRequest{SystemID: "sender", Mode: smpp.BindTransmitter}, smpp.StatusOK},
		"allowed address": {smpp.BindRequest{SystemID: "acme"}, smpp.StatusOK},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := e.tryBind(t, smpptest.ESMEConfig{Bind: c.bind})
			var status smpp.Status
			if errors.As(err, &status); status != c.want {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestBindLimits(t *testing.T) {
	live := liveYAML(t, `
kind: Account
name: acme
spec: {binds: 3}
---
kind: SMPPUser
name: one
spec: {account: acme, password: `+testPassword+`, binds: 2}
---
kind: SMPPUser
name: two
spec: {account: acme, password: `+testPassword+`, binds: 2}
`)
	e := runEdge(t, live, nil)
	bind := func(user string) (*smpptest.ESME, error) {
		return e.tryBind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{SystemID: user}})
	}
	first, err := bind("one")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		user string
		want error
	}{{"one", nil}, {"one", smpp.StatusAlreadyBound}, {"two", nil}, {"two", smpp.StatusAlreadyBound}} {
		if _, err := bind(step.user); !errors.Is(err, step.want) {
			t.Fatalf("bind of %s: %v, want %v", step.user, err, step.want)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the place of a closed session", func() bool { _, err := bind("two"); return err == nil })
}

func TestSubmit(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	id, err := esme.Submit(deadline(t), &smpp.SubmitSM{
		ServiceType: "CMT", Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 2, NPI: 1, Addr: "412345678"},
		PriorityFlag: 2, RegisteredDelivery: 2, ProtocolID: 0x41, ShortMessage: []byte("G'day"),
	})
	if err != nil {
		t.Fatal(err)
	}
	msgs := e.accepted(t)
	if len(msgs) != 1 {
		t.Fatalf("%d messages", len(msgs))
	}
	m := msgs[0]
	if m.ID.String() != id || m.Account != "acme" || m.Integration != "acme-smpp" || m.Door != "smpp" || m.Lane != sms.Alert || m.Text != "G'day" ||
		m.Destination.Value != "61412345678" || m.WantReceipt != sms.FailureReceipt || m.ServiceType != "CMT" || m.ProtocolID != 0x41 {
		t.Errorf("message %+v", m)
	}
}

func TestSubmitRefusals(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	cases := map[string]struct {
		change func(*smpp.SubmitSM)
		want   smpp.Status
	}{
		"destination":     {func(m *smpp.SubmitSM) { m.Destination.Addr = "bob" }, smpp.StatusInvalidDestination},
		"destination TON": {func(m *smpp.SubmitSM) { m.Destination.TON = 7 }, smpp.StatusInvalidDestinationTON},
		"source":          {func(m *smpp.SubmitSM) { m.Source.Addr = "TWELVE CHARS" }, smpp.StatusInvalidSource},
		"no source":       {func(m *smpp.SubmitSM) { m.Source = smpp.Address{} }, smpp.StatusInvalidSource},
		"no text":         {func(m *smpp.SubmitSM) { m.ShortMessage = nil }, smpp.StatusInvalidMessageLength},
		"not GSM 03.38":   {func(m *smpp.SubmitSM) { m.ShortMessage = []byte{0xE9} }, smpp.StatusSubmitFailed},
		"data coding":     {func(m *smpp.SubmitSM) { m.DataCoding = 5 }, smpp.StatusSubmitFailed},
		"validity":        {func(m *smpp.SubmitSM) { m.ValidityPeriod = "200101000000000+" }, smpp.StatusInvalidExpiry},
		"schedule":        {func(m *smpp.SubmitSM) { m.ScheduleDeliveryTime = "000008000000000R" }, smpp.StatusInvalidSchedule},
		"esm_class":       {func(m *smpp.SubmitSM) { m.ESMClass = 4 }, smpp.StatusInvalidESMClass},
		"priority":        {func(m *smpp.SubmitSM) { m.PriorityFlag = 9 }, smpp.StatusInvalidPriority},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("a")}
			c.change(m)
			if _, err := esme.Submit(deadline(t), m); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if msgs := e.accepted(t); len(msgs) != 0 {
		t.Errorf("%d refused messages were stored", len(msgs))
	}
}

func TestDataSM(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	answers := make(chan smpp.Outcome, 1)
	err := esme.Send(deadline(t), &smpp.DataSM{
		Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, TLVs: payloadTLV([]byte("hi")),
	}, nil, func(o smpp.Outcome) { answers <- o })
	if err != nil {
		t.Fatal(err)
	}
	o := <-answers
	resp, ok := o.Resp.(*smpp.DataSMResp)
	msgs := e.accepted(t)
	if !ok || o.Status != smpp.StatusOK || len(msgs) != 1 || msgs[0].ID.String() != resp.MessageID || msgs[0].Text != "hi" {
		t.Errorf("outcome %+v, stored %v", o, msgs)
	}
}

func TestSubmitIsNotAcknowledgedWithoutStorage(t *testing.T) {
	bus := streamstest.New(t)
	e := runEdgeOn(t, bus, liveYAML(t, acme), func(c *Config) { c.AcceptTimeout = time.Second })
	esme := e.bind(t, smpptest.ESMEConfig{})
	if err := bus.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := esme.SubmitText(deadline(t), "TASMAN", "64211234567", "a"); !errors.Is(err, smpp.StatusThrottled) {
		t.Errorf("got %v, want throttled", err)
	}
	if e.Ready() == nil {
		t.Error("ready without storage")
	}
}

func TestSubmitRate(t *testing.T) {
	live := liveYAML(t, `
kind: Account
name: acme
spec: {rate: 2, burst: 1}
---
kind: SMPPUser
name: acme
spec: {account: acme, password: `+testPassword+`}
`)
	e := runEdge(t, live, nil)
	esme := e.bind(t, smpptest.ESMEConfig{Options: smpp.Options{Window: 10}})
	// One passes at once, two are held for half a second and a second, the rest would have to wait longer.
	answers := make(chan error, 6)
	for range 6 {
		err := esme.Send(deadline(t), &smpp.SubmitSM{
			Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("a"),
		}, nil, func(o smpp.Outcome) { answers <- o.Status })
		if err != nil {
			t.Fatal(err)
		}
	}
	count := map[error]int{}
	for range 6 {
		count[awaitAnswer(t, answers)]++
	}
	if count[smpp.StatusOK] < 2 || count[smpp.StatusThrottled] < 1 || count[smpp.StatusOK]+count[smpp.StatusThrottled] != 6 {
		t.Errorf("answers %v", count)
	}
	if got := len(e.accepted(t)); got != count[smpp.StatusOK] {
		t.Errorf("%d stored, %d acknowledged", got, count[smpp.StatusOK])
	}
}

func TestConfigEndsSessions(t *testing.T) {
	other := func(password string) string {
		return `
kind: Account
name: acme
spec: {}
---
kind: SMPPUser
name: stays
spec: {account: acme, password: ` + testPassword + `}
---
kind: SMPPUser
name: changes
spec: {account: acme, password: ` + password + `}
` + anyRoute[1:]
	}
	goes := `---
kind: SMPPUser
name: goes
spec: {account: acme, password: ` + testPassword + `}
`
	seal := func(yaml string) []configs.Resource {
		resources, err := configs.Parse("test.yaml", []byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		if resources, err = configs.Seal(resources); err != nil {
			t.Fatal(err)
		}
		return resources
	}
	before := seal(other(testPassword) + goes)
	live := configs.NewLive()
	swap := func(revision uint64, resources []configs.Resource) {
		snapshot, err := configs.NewSnapshot(revision, resources)
		if err != nil {
			t.Fatal(err)
		}
		if err := live.Swap(snapshot); err != nil {
			t.Fatal(err)
		}
	}
	swap(1, before)
	e := runEdge(t, live, nil)
	sessions := map[string]*smpptest.ESME{}
	for _, user := range []string{"stays", "changes", "goes"} {
		sessions[user] = e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{SystemID: user}})
	}
	after := seal(other("another"))
	for i, r := range after { // sealing salts anew, so what does not change must stay as it was
		for _, old := range before {
			if old.Kind == r.Kind && old.Name == r.Name && old.Name != "changes" {
				after[i] = old
			}
		}
	}
	swap(2, after)
	for _, user := range []string{"changes", "goes"} {
		select {
		case <-sessions[user].Done():
			if err := sessions[user].Err(); !errors.Is(err, smpp.ErrUnbound) {
				t.Errorf("session of %s ended with %v", user, err)
			}
		case <-deadline(t).Done():
			t.Fatalf("session of %s goes on", user)
		}
	}
	if _, err := sessions["stays"].SubmitText(deadline(t), "TASMAN", "64211234567", "a"); err != nil {
		t.Errorf("the session that stays: %v", err)
	}
}

func TestShutdownAnswersOutstandingSubmits(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{Options: smpp.Options{Window: 100}})
	const n = 100
	answers := make(chan smpp.Outcome, n)
	for range n {
		err := esme.Send(deadline(t), &smpp.SubmitSM{
			Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("a"),
		}, nil, func(o smpp.Outcome) { answers <- o })
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := e.stop(); err != nil {
		t.Fatal(err)
	}
	ok := 0
	for range n {
		o := <-answers
		if o.Kind == smpp.Unknown {
			t.Errorf("an outcome is unknown: %v", o.Err)
		}
		if o.Kind == smpp.Answered && o.Status == smpp.StatusOK {
			ok++
		}
	}
	if stored := len(e.accepted(t)); stored != ok {
		t.Errorf("%d stored, %d acknowledged", stored, ok)
	}
}
