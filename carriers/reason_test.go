package carriers

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/sms"
)

func TestReasonOf(t *testing.T) {
	for _, c := range []struct {
		label string
		code  int
		text  string
		want  string
	}{
		{"nothing", -1, "", ""},
		{"code", 1, "", "destination address invalid"},
		{"code of no meaning", 9, "", "failure reason 9"},
		{"text", -1, "handset off", "handset off"},
		{"both", 3, "HLR error 34", "temporary network error: HLR error 34"},
		{"a number", -1, "+64 21 123-4567 is barred, as is 0211234567", "... is barred, as is ..."},
		{"a quotation", -1, `text "Kia ora" refused, and "Tena koe`, "text ... refused, and ..."},
		{"not printable", -1, "\x1b[31mred\nalert\x00\xff", "[31mredalert"},
		{"long", -1, strings.Repeat("ab ", 100), strings.TrimSpace(strings.Repeat("ab ", 27)[:80])},
	} {
		var tlvs smpp.TLVs
		if c.code >= 0 {
			tlvs.AddByte(smpp.TagDeliveryFailureReason, uint8(c.code))
		}
		if c.text != "" {
			tlvs.AddCString(smpp.TagAdditionalStatusInfoText, c.text)
		}
		if got := reasonOf(tlvs); got != c.want {
			t.Errorf("%s: %q, want %q", c.label, got, c.want)
		}
	}
}

// TestReasonsAreInTheStory has an operator refuse one message and report on another with words of its own.
func TestReasonsAreInTheStory(t *testing.T) {
	var tlvs smpp.TLVs
	tlvs.AddByte(smpp.TagDeliveryFailureReason, 2)
	tlvs.AddCString(smpp.TagAdditionalStatusInfoText, "no roaming")
	server := &smpp.Server{Bind: func(context.Context, *smpp.BindRequest, net.Addr) (smpp.Handler, error) {
		return smpp.HandlerFunc(func(r *smpp.Request) {
			if string(r.PDU().(*smpp.SubmitSM).ShortMessage) == "refused" {
				r.Reply(smpp.StatusInvalidDestination, &smpp.SubmitSMResp{TLVs: tlvs})
				return
			}
			r.Reply(smpp.StatusOK, &smpp.SubmitSMResp{MessageID: "77"})
		}), nil
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	bound := make(chan *smpp.Session, 1)
	server.OnSession = func(s *smpp.Session) { bound <- s }
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	r := newRig(t, carrier("a", l.Addr().String()))
	refused := r.dispatch(sms.Normal, "refused", "a")
	if d := r.awaitDelivery(refused); !strings.HasSuffix(d.Reason, ": permanent network error: no roaming") {
		t.Errorf("reason %q", d.Reason)
	}
	id := r.dispatch(sms.Normal, "taken", "a")
	r.awaitSent(id)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	receipt := &smpp.DeliverSM{ESMClass: smpp.ESMReceipt, Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("id:77 stat:UNDELIV"), TLVs: tlvs}
	if err := (<-bound).Deliver(ctx, receipt); err != nil {
		t.Fatal(err)
	}
	if d := r.awaitDelivery(id); d.Reason != "permanent network error: no roaming" {
		t.Errorf("reason %q", d.Reason)
	}
}
