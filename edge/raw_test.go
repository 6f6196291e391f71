package edge

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// rawClient is a client that does only what its test says: it answers nothing by itself and reads when it is told to.
type rawClient struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	seq  uint32
}

// raw connects to the SMPP door.
func (e *testEdge) raw(t testing.TB) *rawClient {
	t.Helper()
	return rawTo(t, e.SMPPAddr())
}

func rawTo(t testing.TB, addr net.Addr) *rawClient {
	t.Helper()
	return rawBy(t, &net.Dialer{}, addr)
}

func rawBy(t testing.TB, dialer *net.Dialer, addr net.Addr) *rawClient {
	t.Helper()
	conn, err := dialer.DialContext(t.Context(), "tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // often closed before
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &rawClient{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// rawBind connects and binds as acme.
func (e *testEdge) rawBind(t testing.TB, mode smpp.Bind, version uint8) (*rawClient, *smpp.BindResp) {
	t.Helper()
	c := e.raw(t)
	return c, c.bind(mode, version)
}

// bind binds as acme.
func (c *rawClient) bind(mode smpp.Bind, version uint8) *smpp.BindResp {
	c.t.Helper()
	c.send(&smpp.BindRequest{Mode: mode, SystemID: "acme", Password: testPassword, InterfaceVersion: version})
	h, pdu, _ := c.read()
	resp, ok := pdu.(*smpp.BindResp)
	if !ok || h.Status != smpp.StatusOK {
		c.t.Fatalf("bind was answered with %v %v", h, pdu)
	}
	return resp
}

// send writes requests in one piece.
func (c *rawClient) send(pdus ...smpp.PDU) {
	c.t.Helper()
	var out []byte
	for _, p := range pdus {
		c.seq++
		var err error
		if out, err = smpp.AppendPDU(out, smpp.StatusOK, c.seq, p); err != nil {
			c.t.Fatal(err)
		}
	}
	if _, err := c.conn.Write(out); err != nil {
		c.t.Fatal(err)
	}
}

// answer writes the answer to a request.
func (c *rawClient) answer(to smpp.Header, resp smpp.PDU) {
	c.t.Helper()
	out, err := smpp.AppendPDU(nil, smpp.StatusOK, to.Sequence, resp)
	if err == nil {
		_, err = c.conn.Write(out)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// frame reads the next PDU as it is.
func (c *rawClient) frame() ([]byte, error) {
	frame := make([]byte, 16)
	if _, err := io.ReadFull(c.in, frame); err != nil {
		return nil, err
	}
	frame = append(frame, make([]byte, int(binary.BigEndian.Uint32(frame))-16)...)
	_, err := io.ReadFull(c.in, frame[16:])
	return frame, err
}

func (c *rawClient) read() (smpp.Header, smpp.PDU, []byte) {
	c.t.Helper()
	frame, err := c.frame()
	if err != nil {
		c.t.Fatal(err)
	}
	h, pdu, err := smpp.Decode(frame)
	if err != nil && h.Length > 16 {
		c.t.Fatal(err)
	}
	return h, pdu, frame
}

// wantStatus reads an answer to a command.
func (c *rawClient) wantStatus(command smpp.CommandID, want smpp.Status) {
	c.t.Helper()
	if h, _, _ := c.read(); h.Command != command.Response() || h.Status != want {
		c.t.Fatalf("%v was answered with %v, %v; want %v", command, h.Command, h.Status, want)
	}
}

// wantClosed fails unless the edge closes the connection; what it sends before is passed over.
func (c *rawClient) wantClosed() {
	c.t.Helper()
	for {
		_, err := c.frame()
		if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
			c.t.Fatal("the connection was not closed")
		}
		if err != nil {
			return
		}
	}
}

// aSubmit is a submit_sm that is accepted.
func aSubmit() *smpp.SubmitSM {
	return &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("a")}
}

// runHeldEdge starts an edge whose storage of messages answers only when the test does.
func runHeldEdge(t *testing.T, live *configs.Live, fake *fakeStorage, change func(*Config)) *testEdge {
	t.Helper()
	cfg := Config{Node: "e1", SMPP: "127.0.0.1:0", Shards: 2, Drain: 5 * time.Second}
	if change != nil {
		change(&cfg)
	}
	bus := streamstest.New(t)
	e, err := New(cfg, bus, live, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	e.acceptor.bus = fake
	te := &testEdge{Edge: e, bus: bus, live: live, stop: runDoor(t, e.Run)}
	waitFor(t, "the edge to be ready", func() bool { return e.Ready() == nil })
	return te
}

var _ storage = (*fakeStorage)(nil)

// overlongMO is more than a short_message holds: it needs message_payload.
func overlongMO(account string) *sms.Delivery {
	mo := &sms.MO{
		Source: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}, Destination: sms.Address{Kind: sms.ShortCode, Value: "4321"},
		Encoding: sms.Binary, Data: make([]byte, smpp.MaxShortMessage+1),
	}
	return &sms.Delivery{ID: sms.NewIDs(nil).Next(), Account: account, Lane: sms.Normal, Time: time.Now(), MO: mo}
}

// handedOver returns the events about deliveries that a customer will never take.
func (e *testEdge) handedOver(t testing.TB) (events []*sms.Event) {
	t.Helper()
	for _, r := range e.stored(t, streams.Events, streams.EventSubject("edge")) {
		if r.Event != nil && r.Event.Kind == sms.EventHandedOver {
			events = append(events, r.Event)
		}
	}
	return events
}
