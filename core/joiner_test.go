package core

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tasman/smpp"
	"tasman/sms"
)

// piece makes a segment of which only the content matters.
func piece(ids *sms.IDs, seq uint8, octets string) *segment {
	m := &sms.Message{ID: ids.Next(), Data: []byte(octets), UDH: smpp.AppendConcat8(nil, 1, 3, seq)}
	return &segment{id: m.ID, seq: seq, encoding: sms.GSM7, octets: m.Data, udh: m.UDH, at: time.Unix(1000, 0), rec: &sms.Record{Message: m, Dispatch: &sms.Dispatch{}}}
}

// TestJoinerTells which segments belong together.
func TestJoinerTells(t *testing.T) {
	ids, now := sms.NewIDs(nil), time.Unix(1000, 0)
	key := setKey{owner: "acme", ref: 1, total: 3}
	j := newJoiner(time.Time{}, 0)
	a, b, c := piece(ids, 1, "a"), piece(ids, 2, "b"), piece(ids, 3, "c")
	again, other := piece(ids, 1, "a"), piece(ids, 1, "x")
	for _, g := range []*segment{c, c, a, again} {
		if ready := j.add(key, g, time.Minute, now); len(ready) > 0 {
			t.Fatalf("%d sets went on early", len(ready))
		}
	}
	foreign := key
	foreign.owner = "other"
	if ready := j.add(foreign, b, time.Minute, now); len(ready) > 0 || len(j.sets) != 2 {
		t.Errorf("another account's segment completed the set")
	}
	j.forget(b.id)
	if len(j.sets) != 1 || len(j.waiting) != 3 {
		t.Errorf("%d sets, %d waiting", len(j.sets), len(j.waiting))
	}
	ready := j.add(key, other, time.Minute, now)
	if len(ready) != 1 || len(ready[0].segments) != 3 || ready[0].complete() {
		t.Fatalf("a segment with another content displaced %v", ready)
	}
	if ready = j.add(key, b, time.Minute, now); len(ready) > 0 {
		t.Error("a set went on early")
	}
	ready = j.add(key, piece(ids, 3, "z"), time.Minute, now)
	if len(ready) != 1 {
		t.Fatal("the set is not complete")
	}
	if parts, repeats := ready[0].inOrder(); len(parts) != 3 || parts[0].id != other.id || len(repeats) != 0 {
		t.Errorf("%d parts, %d repeats", len(parts), len(repeats))
	}
	if len(j.sets)+len(j.waiting)+j.ages.Len()+j.size != 0 {
		t.Errorf("left over: %d sets, %d waiting, %d octets", len(j.sets), len(j.waiting), j.size)
	}
}

// TestJoinerDeadlines: a set waits its time from its first segment on, an overdue one a short round, and none before the joiner
// has had patience.
func TestJoinerDeadlines(t *testing.T) {
	ids, now := sms.NewIDs(nil), time.Unix(2000, 0)
	for label, c := range map[string]struct {
		at, began   time.Time
		patience    time.Duration
		until, want time.Time
	}{
		"in time":      {now.Add(-time.Second), time.Time{}, 60 * time.Second, now.Add(15 * time.Second), now.Add(59 * time.Second)},
		"overdue":      {now.Add(-time.Hour), time.Time{}, 60 * time.Second, now.Add(joinGrace), now.Add(joinGrace)},
		"after a kill": {now.Add(-time.Hour), now, 200 * time.Second, now.Add(50 * time.Second), now.Add(200 * time.Second)},
	} {
		j := newJoiner(c.began, c.patience)
		g := piece(ids, 1, "a")
		g.at = c.at
		j.add(setKey{total: 2}, g, time.Minute, now)
		if got := j.waiting[g.id].deadline; !got.Equal(c.want) {
			t.Errorf("%s: until %s, want %s", label, got, c.want)
		}
		if got := j.until(j.waiting[g.id], now); !got.Equal(c.until) {
			t.Errorf("%s: due at %s, want %s", label, got, c.until)
		}
	}
}

// TestJoinerIsBounded takes the oldest out when there is too much.
func TestJoinerIsBounded(t *testing.T) {
	ids, now := sms.NewIDs(nil), time.Unix(1000, 0)
	j := newJoiner(time.Time{}, 0)
	var first *segment
	for i := range maxSets + 1 {
		g := piece(ids, 1, "a")
		if first == nil {
			first = g
		}
		j.add(setKey{total: 3, ref: uint16(i)}, g, time.Minute, now)
	}
	if s := j.surplus(); s == nil || s.segments[0].id != first.id {
		t.Fatal("the oldest set does not go")
	}
	if s := j.surplus(); s != nil || len(j.sets) != maxSets || j.waiting[first.id] != nil {
		t.Error("too many or too few went")
	}
	large := newJoiner(time.Time{}, 0)
	large.add(setKey{total: 3}, piece(ids, 1, string(make([]byte, maxSetOctets))), time.Minute, now)
	if large.surplus() == nil || large.size != 0 {
		t.Errorf("%d octets are kept", large.size)
	}
}

// TestJoinerRemembersWhatWentOn for a while, and not for ever.
func TestJoinerRemembersWhatWentOn(t *testing.T) {
	j, now, id := newJoiner(time.Time{}, 0), time.Unix(1000, 0), sms.ID{1}
	j.wentOn(id, now)
	if !j.went(id, now.Add(leftFor)) || j.went(sms.ID{2}, now) {
		t.Error("forgotten, or another remembered")
	}
	j.wentOn(sms.ID{2}, now.Add(leftFor+1))
	if !j.went(id, now.Add(leftFor+1)) {
		t.Error("forgotten when another came")
	}
	if j.went(id, now.Add(4*leftFor)) {
		t.Error("remembered for ever")
	}
}

// TestContent cuts encoded texts anywhere, even within a character: joined they are what they were.
func TestContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		enc := rapid.SampledFrom([]sms.Encoding{sms.GSM7, sms.UCS2, sms.Latin1}).Draw(t, "encoding")
		alphabet := map[sms.Encoding][]rune{sms.GSM7: []rune("aé€{}@Ω"), sms.UCS2: []rune("a日\U0001F600"), sms.Latin1: []rune("aéÿ")}[enc]
		text := rapid.StringOfN(rapid.SampledFrom(alphabet), 1, 300, -1).Draw(t, "text")
		octets, err := sms.AppendText(nil, text, enc)
		if err != nil {
			t.Fatal(err)
		}
		var parts []*segment
		for seq := uint8(1); len(octets) > 0; seq++ {
			n := rapid.IntRange(1, min(134, len(octets))).Draw(t, "cut")
			if enc == sms.UCS2 {
				n += n % 2
			}
			if seq > 100 {
				n = len(octets)
			}
			parts, octets = append(parts, &segment{seq: seq, encoding: enc, octets: octets[:n]}), octets[n:]
		}
		if got := content(parts, false); got.Encoding != enc || got.Text != text || got.Data != nil {
			t.Fatalf("%s %q became %+v", enc, text, got)
		}
	})
}

// TestContentOfSeveralKinds joins texts of different encodings, and octets.
func TestContentOfSeveralKinds(t *testing.T) {
	g := func(seq uint8, enc sms.Encoding, octets string) *segment {
		return &segment{seq: seq, encoding: enc, octets: []byte(octets)}
	}
	for label, c := range map[string]struct {
		parts []*segment
		enc   sms.Encoding
		text  string
	}{
		"GSM and UCS2":             {[]*segment{g(1, sms.GSM7, "a\x1b\x65"), g(2, sms.UCS2, "\x65\xe5")}, sms.UCS2, "a€日"},
		"GSM and Latin-1":          {[]*segment{g(1, sms.GSM7, "a"), g(2, sms.Latin1, "\xe9")}, sms.GSM7, "aé"},
		"half a character missing": {[]*segment{g(1, sms.GSM7, "a\x1b"), g(3, sms.GSM7, "\x65")}, sms.GSM7, "a e"},
	} {
		if got := content(c.parts, false); got.Encoding != c.enc || got.Text != c.text || !got.Shift.IsZero() {
			t.Errorf("%s: %+v", label, got)
		}
	}
	if got := content([]*segment{g(1, sms.Binary, "\x01"), g(2, sms.Binary, "\x02")}, true); got.Encoding != sms.Binary || got.Text != "" || string(got.Data) != "\x01\x02" {
		t.Errorf("binary: %+v", got)
	}
	turkish := []*segment{g(1, sms.GSM7, "a\x1b"), g(2, sms.GSM7, "g")} // the escape of a table is in one, its character in the other
	for _, p := range turkish {
		p.shift.Single = 1
	}
	if got := content(turkish, false); got.Encoding != sms.GSM7 || got.Text != "ağ" || got.Shift != turkish[0].shift || got.Elements != 3 {
		t.Errorf("shift table: %+v", got)
	}
	turkish[1].shift = sms.Shift{}
	if got := content(turkish, false); got.Text != "a g" || !got.Shift.IsZero() {
		t.Errorf("tables that differ: %+v", got)
	}
}

// FuzzContent: whatever operators send as segments, it can be read.
func FuzzContent(f *testing.F) {
	f.Add([]byte("a\x1b"), []byte("\x65"), uint8(1), uint8(1))
	f.Add([]byte("\xd8\x3d"), []byte("\xde"), uint8(2), uint8(2))
	f.Fuzz(func(t *testing.T, a, b []byte, x, y uint8) {
		parts := []*segment{{seq: 1, encoding: sms.Encoding(x), octets: a}, {seq: 2, encoding: sms.Encoding(y), octets: b}}
		whole := content(parts, false)
		if n, _ := whole.Count(); whole.Encoding == sms.GSM7 && n < 1 {
			t.Errorf("%q counts %d segments", whole.Text, n)
		}
	})
}
