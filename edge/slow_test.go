//go:build unix

package edge

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// A client that sends and sends but reads nothing is cut when what waits for it is too much. What it had not answered goes to
// another session; nothing is lost.
func TestClientThatReadsNothingIsCut(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), func(c *Config) { c.DeliverWindow = 20 })
	// The system's buffers on both sides fill first. They are megabytes, hundreds of thousands of answers, where segments and the
	// reader's window are large, so both are small here.
	slow := rawBy(t, &net.Dialer{Control: func(_, _ string, conn syscall.RawConn) (err error) {
		if e := conn.Control(func(fd uintptr) {
			err = errors.Join(syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536),
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10))
		}); e != nil {
			return e
		}
		return err
	}}, e.SMPPAddr())
	slow.bind(smpp.BindTransceiver, smpp.Version34)
	const n = 20
	for range n {
		publish(t, e.bus, receiptFor("acme", "acme-smpp", sms.Normal))
	}
	waitFor(t, "its window to be full", func() bool { return e.smpp.sessions.all()[0].conn.InFlight() == n })
	seen := newTally(n)
	e.bind(t, smpptest.ESMEConfig{Script: seen.take, Keep: -1})
	if err := slow.conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	var flood []byte
	for range 4096 {
		flood, _ = smpp.AppendPDU(flood, smpp.StatusOK, 1, smpp.EnquireLink{}) // has no body that could be wrong
	}
	for {
		if _, err := slow.conn.Write(flood); err == nil {
			continue
		} else if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
			t.Fatal("the session goes on")
		}
		break
	}
	seen.wait(t)
	wantNothingLeft(t, e, "acme")
}

// A connection that is never bound, whether it says nothing, half a PDU or no word of TLS, is closed after the bind time-out.
func TestConnectionThatIsNotBoundIsCut(t *testing.T) {
	files := tlsFiles(t, newCertificate(t, "edge", nil))
	e := runEdge(t, liveYAML(t, acme), func(c *Config) {
		c.BindTimeout, c.SMPPTLS, c.TLS = 100*time.Millisecond, "127.0.0.1:0", files.load(t, "")
	})
	silent, half := e.raw(t), e.raw(t)
	if _, err := half.conn.Write([]byte{0, 0, 0, 40, 0, 0, 0, 9, 0}); err != nil {
		t.Fatal(err)
	}
	silent.wantClosed()
	half.wantClosed()
	rawTo(t, e.SMPPTLSAddr()).wantClosed()
}

// A client that is gone without a word, as when its machine or the network dies, does not answer enquire_link: its session
// ends, and what it was sent comes again to its successor.
func TestClientThatDiedIsCut(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), func(c *Config) { c.EnquireLink, c.AnswerTimeout = 200*time.Millisecond, time.Second })
	dead, _ := e.rawBind(t, smpp.BindTransceiver, smpp.Version34)
	const n = 10
	for range n {
		publish(t, e.bus, receiptFor("acme", "acme-smpp", sms.Normal))
	}
	waitFor(t, "the receipts on their way", func() bool { return e.smpp.sessions.all()[0].conn.InFlight() == n })
	asked := false
	for {
		frame, err := dead.frame()
		if err != nil {
			break
		}
		if h, _ := smpp.DecodeHeader(frame); h.Command == smpp.CommandEnquireLink {
			asked = true
		}
	}
	if !asked {
		t.Error("the session ended without an enquire_link")
	}
	waitFor(t, "the end of the session", func() bool { return len(e.smpp.sessions.all()) == 0 })
	seen := newTally(n)
	e.bind(t, smpptest.ESMEConfig{Script: seen.take, Keep: -1})
	seen.wait(t)
	wantNothingLeft(t, e, "acme")
}
