package edge

import (
	"fmt"
	"testing"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
)

// exchange sends a request and returns its answer.
func exchange(t *testing.T, esme *smpptest.ESME, pdu smpp.PDU) (smpp.PDU, smpp.Status) {
	t.Helper()
	outcome := make(chan smpp.Outcome, 1)
	if err := esme.Send(deadline(t), pdu, nil, func(o smpp.Outcome) { outcome <- o }); err != nil {
		t.Fatal(err)
	}
	o := <-outcome
	if o.Kind != smpp.Answered {
		t.Fatalf("%s was not answered: %v", pdu.Command(), o.Err)
	}
	return o.Resp, o.Status
}

func multiTo(numbers ...string) *smpp.SubmitMulti {
	m := &smpp.SubmitMulti{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, RegisteredDelivery: 1, ShortMessage: []byte("Kia ora")}
	for _, n := range numbers {
		m.Destinations = append(m.Destinations, smpp.Destination{Address: smpp.Address{TON: 1, NPI: 1, Addr: n}})
	}
	return m
}

// TestSubmitMulti has each destination become a message of one group, and those that cannot are told with the status that
// submit_sm has for them (SMPP 3.4 4.5).
func TestSubmitMulti(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	m := multiTo("64211234567", "999999999999999", "64211234568")
	m.Destinations = append(m.Destinations, smpp.Destination{List: "friends"})
	resp, status := exchange(t, esme, m)
	if status != smpp.StatusOK {
		t.Fatal(status)
	}
	answer := resp.(*smpp.SubmitMultiResp)
	want := []smpp.Unsuccessful{
		{Address: smpp.Address{TON: 1, NPI: 1, Addr: "999999999999999"}, Status: smpp.StatusInvalidDestination},
		{Address: smpp.Address{Addr: "friends"}, Status: smpp.StatusInvalidDistributionList},
	}
	if fmt.Sprint(answer.Unsuccessful) != fmt.Sprint(want) {
		t.Errorf("unsuccessful %v, want %v", answer.Unsuccessful, want)
	}
	msgs := e.accepted(t)
	if len(msgs) != 2 {
		t.Fatalf("%d messages", len(msgs))
	}
	group := msgs[0].Group
	if group.String() != answer.MessageID {
		t.Errorf("answered with %s, the group is %s", answer.MessageID, group)
	}
	for i, got := range msgs {
		if got.Group != group || got.ID != group.Add(i) || got.Destination.Value != fmt.Sprintf("6421123456%d", 7+i) || got.Text != "Kia ora" {
			t.Errorf("message %d: %+v", i, got)
		}
	}
}

// TestSubmitMultiOfOne is a message like any other.
func TestSubmitMultiOfOne(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	resp, status := exchange(t, e.bind(t, smpptest.ESMEConfig{}), multiTo("64211234567"))
	msgs := e.accepted(t)
	if status != smpp.StatusOK || len(msgs) != 1 || !msgs[0].Group.IsZero() || resp.(*smpp.SubmitMultiResp).MessageID != msgs[0].ID.String() {
		t.Errorf("%v, %+v, %+v", status, resp, msgs)
	}
}

// TestSubmitMultiRefused stores nothing when no destination can be, or the rate does not allow all of them.
func TestSubmitMultiRefused(t *testing.T) {
	live := liveYAML(t, `
kind: Account
name: acme
spec: {rate: 1, burst: 2}
---
kind: SMPPUser
name: acme-smpp
spec: {account: acme, system_id: acme, password: `+testPassword+`}
`)
	e := runEdge(t, live, nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	empty := multiTo("64211234567")
	empty.ShortMessage = nil
	cases := []struct {
		name string
		m    *smpp.SubmitMulti
		want smpp.Status
	}{
		{"first is no number", multiTo("999999999999999", "999999999999998"), smpp.StatusInvalidDestination},
		{"no content", empty, smpp.StatusInvalidMessageLength},
		{"only a list", &smpp.SubmitMulti{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, ShortMessage: []byte("a"),
			Destinations: []smpp.Destination{{List: "friends"}}}, smpp.StatusInvalidDistributionList},
		{"within the rate", multiTo("64211234567", "64211234568"), smpp.StatusOK},
		{"each destination counts", multiTo("64211234567", "64211234568"), smpp.StatusThrottled},
	}
	for _, c := range cases {
		if _, status := exchange(t, esme, c.m); status != c.want {
			t.Errorf("%s: %v, want %v", c.name, status, c.want)
		}
	}
	if n := len(e.accepted(t)); n != 2 {
		t.Errorf("%d messages stored, want those within the rate", n)
	}
}

// TestSubmitMultiOfMany has the most destinations that there may be.
func TestSubmitMultiOfMany(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	var numbers []string
	for i := range 254 {
		numbers = append(numbers, fmt.Sprintf("64211234%03d", i))
	}
	if _, status := exchange(t, e.bind(t, smpptest.ESMEConfig{}), multiTo(numbers...)); status != smpp.StatusOK {
		t.Fatal(status)
	}
	msgs := e.accepted(t)
	ids := map[sms.ID]bool{}
	for _, m := range msgs {
		ids[m.ID] = true
	}
	if len(ids) != 254 {
		t.Errorf("%d messages of %d ids", len(msgs), len(ids))
	}
}

// TestReceiptOfGroup carries the id that the customer knows.
func TestReceiptOfGroup(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	d := receiptFor("acme", "acme-smpp", sms.Normal)
	d.Group = e.ids.Next()
	if err := e.bus.Store(deadline(t), streams.DeliverSubject(e.bus.Shard("acme"), sms.Normal), &sms.Record{Delivery: d}); err != nil {
		t.Fatal(err)
	}
	wantReceipt(t, esme, d.Group)
}
