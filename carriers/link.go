package carriers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"

	"tasman/configs"
	"tasman/smpp"
)

// link is one supervised connection to the carrier: it binds, and binds again with growing pauses until its context ends.
// The worker's mutex guards session, since and used.
type link struct {
	w       *worker
	name    string
	mode    smpp.Bind
	addr    string
	session *smpp.Session // nil while down
	since   time.Time     // of the present state
	used    int           // window slots taken: also those whose outcome is not yet stored
}

func newLink(w *worker, i int, mode smpp.Bind, suffix string) *link {
	addresses := w.spec().Addresses
	l := &link{w: w, name: linkName(w.name, i, suffix), mode: mode, addr: addresses[i%len(addresses)], since: time.Now()}
	return l
}

// current returns the session, nil while the link is down.
func (l *link) current() *smpp.Session {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.session
}

// run keeps the link bound until ctx ends; then it unbinds.
func (l *link) run(ctx context.Context) {
	l.w.metrics.up.WithLabelValues(l.w.name, l.name).Set(0) // alarms need a series for a link that never binds, but none of a node that another one stands in for
	defer l.w.metrics.up.DeleteLabelValues(l.w.name, l.name)
	spec := l.w.spec()
	again := newReconnect(spec.ReconnectMin, spec.ReconnectMax)
	for ctx.Err() == nil {
		session, err := l.bind(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			wait := again.refused()
			l.w.log.Warn("link did not bind", "link", l.name, "peer", l.addr, "err", err, "retry_in", wait.String())
			pause(ctx, wait)
			continue
		}
		bound := time.Now()
		l.up(session)
		select {
		case <-session.Done():
		case <-ctx.Done():
			l.unbind(session)
		}
		l.down(session)
		if ctx.Err() == nil {
			pause(ctx, again.ended(time.Since(bound)))
		}
	}
}

func (l *link) bind(ctx context.Context) (*smpp.Session, error) {
	spec := l.w.spec()
	password, err := spec.ReadPassword()
	if err != nil {
		return nil, err
	}
	secure, err := tlsConfig(spec, l.addr)
	if err != nil {
		return nil, err
	}
	binding, cancel := context.WithTimeout(ctx, spec.ConnectTimeout)
	defer cancel()
	return smpp.Dial(binding, l.addr, smpp.BindRequest{
		Mode: l.mode, SystemID: spec.SystemID, Password: password, SystemType: spec.SystemType,
		InterfaceVersion: spec.InterfaceVersion,
	}, smpp.Options{
		Window: spec.Window, MaxPending: max(500, spec.Window), ResponseTimeout: spec.ResponseTimeout, EnquireInterval: spec.EnquireLink, BindTimeout: spec.ConnectTimeout,
		Dialer: l.w.dial, TLS: secure, Handler: &inbound{w: l.w, link: l.name, ctx: ctx}, Late: l.late,
		Congestion: l.w.congestion.hear,
	})
}

func (l *link) unbind(s *smpp.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.Unbind(ctx); err != nil {
		s.Close()
	}
}

func (l *link) up(s *smpp.Session) {
	w := l.w
	w.mu.Lock()
	l.session, l.since = s, time.Now()
	for _, q := range w.lanes {
		q.rouse()
	}
	if l.mode.CanSubmit() && !w.downSince.IsZero() {
		w.downSince, w.upSince = time.Time{}, l.since
		w.downAt.Store(0)
	}
	w.mu.Unlock()
	w.metrics.up.WithLabelValues(w.name, l.name).Set(1)
	w.log.Info("link bound", "link", l.name, "peer", l.addr)
	w.kick()
}

func (l *link) down(s *smpp.Session) {
	w := l.w
	w.mu.Lock()
	l.session, l.since = nil, time.Now()
	any := false
	for _, other := range w.links {
		any = any || other.session != nil
	}
	if !any && w.downSince.IsZero() {
		w.downSince = l.since
		w.downAt.Store(l.since.UnixNano())
	}
	w.mu.Unlock()
	w.metrics.up.WithLabelValues(w.name, l.name).Set(0)
	w.log.Info("link closed", "link", l.name, "err", s.Err())
	w.kick()
}

// lost takes a session that refuses requests out of use before its end is noticed.
func (l *link) lost(s *smpp.Session) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if l.session == s {
		l.session, l.since = nil, time.Now()
	}
}

// late takes the answer to a submit that was given up: its id may still come in a receipt.
func (l *link) late(tok any, resp smpp.PDU, status smpp.Status) {
	t, ok := tok.(*token)
	if !ok || status != smpp.StatusOK {
		return
	}
	t.flight.lateAnswer(t.segment, messageID(resp))
}

// tlsConfig returns the TLS of a carrier's links, nil for none. The files are read at each bind, so that new ones need no
// restart.
func tlsConfig(spec *configs.Carrier, addr string) (*tls.Config, error) {
	if !spec.TLS.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: spec.TLS.ServerName}
	if c.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, fmt.Errorf("address of carrier %s: %w", spec.Name, err)
		}
		c.ServerName = host
	}
	if spec.TLS.CertFile != "" {
		own, err := tls.LoadX509KeyPair(spec.TLS.CertFile, spec.TLS.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certificate for carrier %s: %w", spec.Name, err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	if spec.TLS.CAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(spec.TLS.CAFile)
	if err != nil {
		return nil, fmt.Errorf("certificates to trust for carrier %s: %w", spec.Name, err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s, ca_file of carrier %s", spec.TLS.CAFile, spec.Name)
	}
	return c, nil
}
