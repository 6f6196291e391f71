package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// Dial connects to an SMSC at addr (host:port), binds and returns the running
// session. A refusal is a *BindError. bind.InterfaceVersion 0 means 0x34; the
// session speaks the lower of that and the sc_interface_version of the response,
// and bind's own where the response has none, as many 3.4 peers leave it out.
// There is no reconnecting: that is policy, and belongs to the caller.
func Dial(ctx context.Context, addr string, bind BindRequest, o Options) (*Session, error) {
	o = o.withDefaults()
	if bind.InterfaceVersion == 0 {
		bind.InterfaceVersion = Version34
	}
	if err := Validate(&bind); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.BindTimeout)
	defer cancel()
	conn, err := dialConn(ctx, addr, &o)
	if err != nil {
		return nil, err
	}
	s, err := bindConn(ctx, conn, &bind, o)
	if err != nil {
		conn.Close()
		return nil, err
	}
	s.start()
	go s.readAll() // ends with the session; Done is closed when it has
	return s, nil
}

// dialConn opens the connection, with TLS if so configured.
func dialConn(ctx context.Context, addr string, o *Options) (net.Conn, error) {
	dial := o.Dialer
	if dial == nil {
		dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}
	}
	conn, err := dial(ctx, addr)
	if err != nil || o.TLS == nil {
		return conn, err
	}
	cfg := o.TLS
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		if cfg.ServerName, _, err = net.SplitHostPort(addr); err != nil {
			conn.Close()
			return nil, err
		}
	}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// bindConn sends the bind and reads until its response. ctx must have a deadline.
func bindConn(ctx context.Context, conn net.Conn, bind *BindRequest, o Options) (*Session, error) {
	// A past deadline ends blocked reads and writes when ctx does.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	s, err := exchangeBind(conn, bind, o)
	if !stop() && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s, err
}

func exchangeBind(conn net.Conn, bind *BindRequest, o Options) (*Session, error) {
	const bindSeq = 1
	frame, err := AppendPDU(nil, StatusOK, bindSeq, bind)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(frame); err != nil {
		return nil, err
	}
	frames := newFrameReader(conn, o.MaxPDU, new(atomic.Uint64))
	for {
		frame, err := frames.next()
		if err != nil {
			return nil, errors.Join(ErrPeerClosed, err)
		}
		h, _ := DecodeHeader(frame)
		switch {
		case h.Command == bind.Command().Response() && h.Status == StatusOK:
			return boundSession(conn, frames, frame[headerSize:], bind, o)
		case h.Command == bind.Command().Response(), h.Command == CommandGenericNack:
			return nil, &BindError{Status: h.Status}
		}
		if err := answerUnbound(conn, h); err != nil {
			return nil, err
		}
	}
}

// boundSession makes the session that a bind response describes.
func boundSession(conn net.Conn, frames *frameReader, body []byte, bind *BindRequest, o Options) (*Session, error) {
	resp := BindResp{Mode: bind.Mode}
	if err := resp.DecodeBody(body); err != nil {
		return nil, err
	}
	version := bind.InterfaceVersion
	if v, ok := resp.TLVs.GetByte(TagSCInterfaceVersion); ok {
		version = min(version, v)
	}
	s := newSession(conn, frames, o, RoleESME, bind.Mode, spoken(version))
	s.window.last = 1 // the bind's
	s.systemID = resp.SystemID
	return s, nil
}

// answerUnbound answers a PDU that comes before the bind is done.
func answerUnbound(conn net.Conn, h Header) error {
	c, st := h.Command.Response(), StatusInvalidBindStatus
	switch {
	case h.Command.IsResponse():
		return nil
	case h.Command == CommandEnquireLink:
		st = StatusOK
	case h.Command == CommandOutbind:
		c = CommandGenericNack
	case newPDU(h.Command) == nil:
		c, st = CommandGenericNack, StatusInvalidCommandID
	}
	_, err := conn.Write(appendFrame(nil, c, st, h.Sequence, nil, false))
	return err
}
