package reporting

import (
	"flag"
	"os"
	"strings"
	"testing"

	"tasman/sms"
)

var update = flag.Bool("update", false, "write the generated part of docs/reporting.md anew")

const (
	statusBegin = "<!-- statuses: made from reporting/status.go by go generate -->\n"
	statusEnd   = "<!-- end of statuses -->"
)

func TestStatusDocIsFresh(t *testing.T) {
	const path = "../docs/reporting.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), statusBegin)
	table, after, ok2 := strings.Cut(rest, statusEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	if table == Statuses() {
		return
	}
	if !*update {
		t.Fatalf("%s is not what reporting/status.go says: go generate ./reporting", path)
	}
	if err := os.WriteFile(path, []byte(before+statusBegin+Statuses()+statusEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestStatusOfARow(t *testing.T) {
	us := func(s sms.State, class string) row { return row{end: outcome{state: s, error: class}} }
	theirs := func(s sms.State) row { return row{end: outcome{state: s, byCarrier: true}} }
	for _, c := range []struct {
		row  row
		want Status
	}{
		{us(sms.StateAccepted, ""), Submitted},
		{row{held: 5, rerouted: 4, end: outcome{state: sms.StateAccepted}}, Held},
		{row{held: 5, rerouted: 6, end: outcome{state: sms.StateAccepted}}, Submitted},
		{row{withdrawn: true}, Withdrawn},
		{row{withdrawn: true, end: outcome{state: sms.StateEnroute}}, Sent},
		{us(sms.StateEnroute, ""), Sent},
		{theirs(sms.StateDelivered), Delivered},
		{theirs(sms.StateUndeliverable), Undeliverable},
		{theirs(sms.StateRejected), TelcoError},
		{theirs(sms.StateExpired), Expired},
		{theirs(sms.StateDeleted), Deleted},
		{theirs(sms.StateUnknown), Unknown},
		{us(sms.StateExpired, sms.FailExpired), Expired},
		{us(sms.StateRejected, sms.FailNoRoute), NoRoute},
		{us(sms.StateUndeliverable, sms.FailInvalidDestination), InvalidNumber},
		{us(sms.StateRejected, sms.FailBlocked), UserBlocked},
		{us(sms.StateRejected, sms.FailWithdrawn), Withdrawn},
		{us(sms.StateRejected, sms.FailRefused), TelcoError},
		{us(sms.StateUndeliverable, sms.FailExhausted), TelcoError},
		{us(sms.StateUnknown, sms.FailUnknown), Unknown},
		{row{end: outcome{state: sms.StateRejected, commandStatus: 0x45}}, TelcoError},
		{us(sms.StateRejected, "other"), Failed},
		{us(sms.StateDeleted, errJoined), Joined},
	} {
		if got := c.row.status(); got != c.want {
			t.Errorf("%+v is %s, want %s", c.row.end, got, c.want)
		}
	}
}

// The shortcuts in status must not say anything else than the table.
func TestStatusShortcutsAgreeWithTable(t *testing.T) {
	for _, state := range []sms.State{sms.StateDelivered, sms.StateEnroute} {
		for _, byCarrier := range []bool{true, false} {
			r := row{withdrawn: true, held: 9, end: outcome{state: state, byCarrier: byCarrier, error: sms.FailExpired, commandStatus: 1}}
			for i := range rules {
				if rules[i].fits(&r) {
					if got := r.status(); got != rules[i].status {
						t.Errorf("%v: shortcut %s, table %s", state, got, rules[i].status)
					}
					break
				}
			}
		}
	}
}

func TestStatusesFitTheirColumn(t *testing.T) {
	for i := range rules {
		if len(rules[i].status) > 16 {
			t.Errorf("%s is longer than its column", rules[i].status)
		}
	}
}
