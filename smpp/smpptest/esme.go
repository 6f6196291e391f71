package smpptest

import (
	"context"
	"net"

	"tasman/smpp"
)

// ESMEConfig is what an ESME does. The zero value binds as a transceiver and
// accepts every deliver_sm.
type ESMEConfig struct {
	Bind smpp.BindRequest // Mode 0 means BindTransceiver, an empty SystemID "esme"
	// Script decides on deliver_sm and data_sm, and sees alert_notification; nil
	// accepts all. Receipts of an Answer are ignored.
	Script  Script
	Keep    int          // as Config.Keep
	Options smpp.Options // Handler is ignored
}

// ESME is a scripted client. The Session is its own: Submit, Send and Unbind are
// there.
type ESME struct {
	*smpp.Session
	peer *peer
}

// DialESME connects to an SMSC or an edge and binds. Close ends it.
func DialESME(ctx context.Context, addr string, c ESMEConfig) (*ESME, error) {
	if c.Bind.Mode == 0 {
		c.Bind.Mode = smpp.BindTransceiver
	}
	if c.Bind.SystemID == "" {
		c.Bind.SystemID = "esme"
	}
	p := newPeer(c.Script, c.Keep)
	o := c.Options
	o.Handler = p
	dial := o.Dialer
	o.Dialer = func(ctx context.Context, addr string) (net.Conn, error) {
		var conn net.Conn
		var err error
		if dial != nil {
			conn, err = dial(ctx, addr)
		} else {
			conn, err = new(net.Dialer).DialContext(ctx, "tcp", addr)
		}
		if err != nil {
			return nil, err
		}
		return p.remember(conn), nil
	}
	s, err := smpp.Dial(ctx, addr, c.Bind, o)
	if err != nil {
		return nil, err
	}
	return &ESME{Session: s, peer: p}, nil
}

// Next returns the next deliver_sm, data_sm or alert_notification in the order of their coming, and
// waits for it as long as ctx lives.
func (e *ESME) Next(ctx context.Context) (Received, error) { return e.peer.inbox.next(ctx) }

// Count returns how many requests came.
func (e *ESME) Count() int { return int(e.peer.count.Load()) }

// Release gives the n oldest answers held by Answer.Hold, all when n < 0, and
// returns how many they were.
func (e *ESME) Release(n int) int { return e.peer.release(n) }

// WriteRaw writes bytes into the stream.
func (e *ESME) WriteRaw(b []byte) error { return e.peer.writeRaw(e.Session, b) }

// SubmitText submits a short text in the SMSC's default alphabet and asks for a
// receipt; destination is an international number without '+'.
func (e *ESME) SubmitText(ctx context.Context, source, destination, text string) (id string, err error) {
	return e.Submit(ctx, &smpp.SubmitSM{
		Source:       smpp.Address{TON: 5, Addr: source},
		Destination:  smpp.Address{TON: 1, NPI: 1, Addr: destination},
		ShortMessage: []byte(text), RegisteredDelivery: 1,
	})
}

// Close ends the session without unbind and waits for everything.
func (e *ESME) Close() error {
	err := e.Session.Close()
	<-e.Done()
	e.peer.wg.Wait()
	return err
}
