package interop

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"tasman/smpp"
)

// bareSMSC is a listener to which sessions of ours bind.
type bareSMSC struct {
	t *testing.T
	l net.Listener
}

func newBareSMSC(t *testing.T) *bareSMSC {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &bareSMSC{t, l}
}

// dial binds a session whose handler accepts all, and returns it with the operator's end of its connection.
func (b *bareSMSC) dial(v uint8, m smpp.Bind) (*smpp.Session, *wire) {
	b.t.Helper()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := b.l.Accept()
		if err != nil {
			close(accepted)
			return
		}
		w := &wire{b.t, conn}
		h, _, err := w.read()
		resp := &smpp.BindResp{Mode: m, SystemID: "bare"}
		if v >= smpp.Version34 {
			resp.TLVs.AddByte(smpp.TagSCInterfaceVersion, v)
		}
		out, err2 := smpp.AppendPDU(nil, smpp.StatusOK, h.Sequence, resp)
		if _, err3 := conn.Write(out); errors.Join(err, err2, err3) != nil {
			close(accepted)
			return
		}
		accepted <- conn
	}()
	s, err := smpp.Dial(within(b.t, answerTime), b.l.Addr().String(), *bindRequest(v, m), smpp.Options{
		Handler: smpp.HandlerFunc(func(r *smpp.Request) { r.Reply(smpp.StatusOK, nil) })})
	conn := <-accepted
	if err != nil || conn == nil {
		b.t.Fatalf("bind to a bare operator: %v", err)
	}
	b.t.Cleanup(func() { conn.Close(); s.Close(); <-s.Done() })
	return s, &wire{b.t, conn}
}

// sendRows has sessions send each request to an operator that answers it with a bare header.
func sendRows(smsc *bareSMSC) []row {
	var rows []row
	for _, q := range requests() {
		rows = append(rows, byMode(q.name, modes, func(v uint8, m smpp.Bind) string { return smsc.send(v, m, q.pdu) })...)
	}
	return rows
}

// send has a new session send a request and says in words whether it went out.
func (b *bareSMSC) send(v uint8, m smpp.Bind, pdu smpp.PDU) string {
	b.t.Helper()
	s, w := b.dial(v, m)
	defer w.conn.Close()
	outcome := make(chan smpp.Outcome, 1)
	ctx, cancel := context.WithTimeout(b.t.Context(), answerTime)
	defer cancel()
	if err := s.Send(ctx, pdu, nil, func(o smpp.Outcome) { outcome <- o }); err != nil {
		var status smpp.Status
		if errors.As(err, &status) {
			return "not sent: " + statusName(status)
		}
		if errors.Is(err, smpp.ErrNeedsTLVs) {
			return "not sent: needs TLVs"
		}
		b.t.Fatal(err)
	}
	h, frame, err := w.read()
	if err != nil || h.Command != pdu.Command() {
		b.t.Fatalf("the operator got %v, %v", h, err)
	}
	w.write(append([]byte{0, 0, 0, 16, byte(h.Command.Response() >> 24)}, append(frame[5:8:8], 0, 0, 0, 0, frame[12], frame[13], frame[14], frame[15])...))
	select {
	case o := <-outcome:
		if o.Kind == smpp.Answered {
			return "sent"
		}
		return "sent, " + o.Kind.String()
	case <-time.After(answerTime):
		return "sent, no outcome"
	}
}
