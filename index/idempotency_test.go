package index

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
)

// request returns the messages of one request with a key.
func request(at time.Time, key, body string, count int) []*sms.Message {
	out := make([]*sms.Message, count)
	for i := range out {
		m := messageAt(at.Add(time.Duration(i) * time.Millisecond))
		m.Key, m.KeyHash, m.KeyIndex, m.KeyCount = key, []byte(body), i, count
		out[i] = m
	}
	return out
}

func idsOf(messages []*sms.Message) []sms.ID {
	out := make([]sms.ID, len(messages))
	for i, m := range messages {
		out[i] = m.ID
	}
	return out
}

func TestKey(t *testing.T) {
	now := start()
	first, second := request(now, "k", "body", 3), request(now.Add(time.Second), "k", "body", 3)
	other, old := request(now.Add(-time.Second), "k", "other body", 2), request(now.Add(-25*time.Hour), "k", "body", 3)
	withdrawn := func(m *sms.Message) sms.Record { return sms.Record{Event: eventOf(m, sms.EventWithdrawn, 0)} }
	accept := func(messages ...*sms.Message) (out []sms.Record) {
		for i := len(messages) - 1; i >= 0; i-- { // order of arrival must not matter
			out = append(out, sms.Record{Message: messages[i]})
		}
		return out
	}
	join := func(parts ...[]sms.Record) (out []sms.Record) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	whole := KeyEntry{IDs: idsOf(first), Hash: []byte("body"), Count: 3, At: first[0].Accepted}
	tests := map[string]struct {
		recs []sms.Record
		want *KeyEntry
	}{
		"unknown":         {nil, nil},
		"complete":        {accept(first...), &whole},
		"not yet whole":   {accept(first[0], first[2]), &KeyEntry{IDs: []sms.ID{first[0].ID, first[2].ID}, Hash: []byte("body"), Count: 3, At: first[0].Accepted}},
		"accepted twice":  {join(accept(second...), accept(first...)), &whole},
		"half of another": {join(accept(other[0]), accept(first...)), &whole},
		"too old":         {accept(old...), nil},
		"old and new":     {join(accept(old...), accept(first...)), &whole},
		"withdrawn":       {join(accept(first...), []sms.Record{withdrawn(first[0]), withdrawn(first[1]), withdrawn(first[2])}), nil},
		"withdrawn and repeated": {join(accept(first...), accept(second...), []sms.Record{withdrawn(first[0]), withdrawn(first[1]), withdrawn(first[2])}),
			&KeyEntry{IDs: idsOf(second), Hash: []byte("body"), Count: 3, At: second[0].Accepted}},
		"withdrawn too late": {join(accept(first...), []sms.Record{withdrawn(first[0]), withdrawn(first[1]), withdrawn(first[2]),
			{Message: first[1], Dispatch: dispatchOf(first[1], 1, "one")}}), &whole},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			x := open(t, "", Options{})
			note(t, x, test.recs...)
			got, found, err := x.Key("acme", "k")
			if err != nil || found != (test.want != nil) {
				t.Fatalf("found %v, %v: %+v", found, err, got)
			}
			if found {
				if d := cmp.Diff(*test.want, got); d != "" {
					t.Error(d)
				}
			}
			if _, found, _ := x.Key("beta", "k"); found {
				t.Error("found for another account")
			}
			if _, found, _ := x.Key("acme", "k2"); found {
				t.Error("found for another key")
			}
		})
	}
}
