package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/sms"
	"tasman/streams"
)

// TestKillWhileJoining kills core at random moments while segments come, in any order: every segment reaches
// the operator, in one message with the others.
func TestKillWhileJoining(t *testing.T) {
	const messages, total = 150, 3
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	m := newMesh(t)
	op := newOperator(t, "A")
	m.apply(t, fmt.Sprintf("kind: Carrier\nname: a\nspec: {addresses: [\"%s\"], system_id: x, password: x, window: 50}\n---\n"+
		"kind: Account\nname: acme\nspec: {smpp: {join: true, join_timeout: 10s}}\n---\n"+
		"kind: Route\nname: all\nspec: {prefixes: [\"\"], tiers: [[{carrier: a}]]}\n", op.addr))
	core := m.child(t, "core")
	m.child(t, "carriers")

	ids := sms.NewIDs(nil)
	want := map[string]bool{}
	for n := range messages {
		text := ""
		var segments []*sms.Message
		for seq := range uint8(total) {
			part := fmt.Sprintf("%04d/%d ", n, seq+1)
			text += part
			segments = append(segments, &sms.Message{ID: ids.Next(), Account: "acme", Integration: "test", Door: "test", Node: "producer", Lane: sms.Normal,
				Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}, Destination: sms.Address{Kind: sms.MSISDN, Value: fmt.Sprintf("6421%07d", n)},
				Encoding: sms.GSM7, Data: []byte(part), UDH: smpp.AppendConcat8(nil, 1, total, seq+1), Segments: 1, Join: true,
				Accepted: time.Now(), Validity: time.Now().Add(time.Hour)})
		}
		want[text] = true
		rand.Shuffle(len(segments), func(i, k int) { segments[i], segments[k] = segments[k], segments[i] })
		for _, s := range segments {
			if err := m.bus.Store(ctx, streams.MTSubject(0, s.Lane), &sms.Record{Message: s}); err != nil {
				t.Fatal(err)
			}
		}
		if n%15 == 14 {
			pauseFor(ctx, time.Duration(rand.IntN(600))*time.Millisecond)
			core.restart(t)
		}
	}
	eventually(t, "every message reaches the operator", 90*time.Second, func() error {
		seen := op.submits()
		missing := 0
		for text := range want {
			if seen[text] == 0 {
				missing++
			}
		}
		if missing > 0 {
			return fmt.Errorf("%d of %d messages are missing, %d texts came", missing, len(want), len(seen))
		}
		return nil
	})
	for text := range op.submits() {
		if !want[text] {
			t.Errorf("the operator got %q", text)
		}
	}
}
