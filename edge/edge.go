package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
	"tasman/sms"
	"tasman/streams"
)

// Config is what an edge needs to start. Zero fields but Node and the addresses mean their defaults.
type Config struct {
	Node string // this node's name, in every message it accepts

	// Listen addresses of the doors, host:port; "" closes a door.
	HTTP, SMPP, SMPPTLS, SMTP string
	// TLS is the certificate of SMPPTLS, which needs it, and of STARTTLS on SMTP; nil: no TLS.
	TLS *TLS

	AcceptTimeout time.Duration // how long a submission may wait to be stored before it is refused; 8 s
	MaxPending    int           // messages waiting to be stored, over all doors; 50,000
	Drain         time.Duration // how long what was started may take once Run's context ends; 10 s
	MaxConns      int           // connections of each door; 10,000
	MaxRecipients int           // of one HTTP request or e-mail; 1,000
	MaxBody       int           // octets of an HTTP request; 1 MiB
	MaxMail       int           // octets of an e-mail; 256 KiB
	MailPlainAuth bool          // SMTP AUTH without TLS from anywhere; otherwise only from this machine

	BindTimeout   time.Duration // until a connection must be bound; 10 s
	EnquireLink   time.Duration // silence of a customer after which we ask; 30 s
	Inactivity    time.Duration // without traffic until a session is ended; 0 = never
	DeliverWindow int           // unanswered deliver_sm of a session; 100
	// AnswerTimeout is how long a customer may take for the answer to a deliver_sm, and before a session that does not answer
	// enquire_link is ended; 30 s. WriteTimeout is how long one may read nothing while we have something for him; 10 s.
	AnswerTimeout, WriteTimeout time.Duration

	Shards int // of DELIVER, as the streams have it; 16
}

func (c Config) withDefaults() Config {
	set(&c.AcceptTimeout, 8*time.Second)
	set(&c.MaxPending, 50_000)
	set(&c.Drain, 10*time.Second)
	set(&c.MaxConns, 10_000)
	set(&c.MaxRecipients, 1000)
	set(&c.MaxBody, 1<<20)
	set(&c.MaxMail, 256<<10)
	set(&c.BindTimeout, 10*time.Second)
	set(&c.EnquireLink, 30*time.Second)
	set(&c.DeliverWindow, 100)
	set(&c.AnswerTimeout, 30*time.Second)
	set(&c.WriteTimeout, 10*time.Second)
	set(&c.Shards, 16)
	return c
}

func set[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Edge is the part of a node that faces customers. New makes one; Run serves.
type Edge struct {
	cfg  Config
	bus  *streams.Bus
	live *configs.Live
	log  *slog.Logger
	ids  *sms.IDs
	plan *configs.NumberPlan
	now  func() time.Time

	stats    *metrics
	outbox   *outbox
	acceptor *acceptor
	limits   *limits
	doors    []door
	smpp     *smppDoor
	deliver  *deliverer
	hooks    *webhooks

	http, smppPlain, smppTLS, smtp net.Listener // nil when closed

	running atomic.Bool
	leaving atomic.Bool // HTTP connections are not kept
}

// door is a way in. run serves until ctx ends and then finishes within the drain time.
type door interface {
	run(ctx context.Context) error
}

// New binds all listeners and prepares the doors; nothing is served before Run. reg may be nil. A listener that cannot be
// bound is the usual error. An Edge whose Run is never called is ended with Close.
func New(cfg Config, bus *streams.Bus, live *configs.Live, log *slog.Logger, reg prometheus.Registerer) (*Edge, error) {
	e := &Edge{cfg: cfg.withDefaults(), bus: bus, live: live, log: log, ids: sms.NewIDs(nil), plan: configs.NewNumberPlan(), now: time.Now}
	if err := e.prepare(reg); err != nil {
		return nil, fmt.Errorf("edge: %w", errors.Join(err, e.Close()))
	}
	return e, nil
}

func (e *Edge) prepare(reg prometheus.Registerer) (err error) {
	if e.cfg.SMPPTLS != "" && e.cfg.TLS == nil {
		return errors.New("the SMPP door with TLS needs a certificate")
	}
	if e.stats, err = newMetrics(e, reg); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if e.hooks, err = newWebhooks(e.log, reg); err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	e.outbox = newOutbox(e.bus)
	e.acceptor = newAcceptor(e, e.bus)
	e.limits = newLimits()
	e.deliver = newDeliverer(e)
	e.smpp = newSMPPDoor(e)
	if err := e.listen(); err != nil {
		return err
	}
	return e.openDoors(reg)
}

func (e *Edge) listen() error {
	for _, l := range []struct {
		addr string
		to   *net.Listener
	}{{e.cfg.HTTP, &e.http}, {e.cfg.SMPP, &e.smppPlain}, {e.cfg.SMPPTLS, &e.smppTLS}, {e.cfg.SMTP, &e.smtp}} {
		if l.addr == "" {
			continue
		}
		ln, err := net.Listen("tcp", l.addr)
		if err != nil {
			return err
		}
		*l.to = ln
	}
	return nil
}

func (e *Edge) openDoors(reg prometheus.Registerer) error {
	if e.http != nil {
		d, err := newHTTPDoor(e.http, e, e.bus, e.live, httpOptions{
			maxBody: e.cfg.MaxBody, maxRecipients: e.cfg.MaxRecipients, maxConns: e.cfg.MaxConns, drain: e.cfg.Drain,
			leaving: e.leaving.Load,
		}, e.log, reg)
		if err != nil {
			return err
		}
		e.doors = append(e.doors, d)
	}
	if e.smtp != nil {
		d, err := newMailDoor(e.smtp, e, e.live, mailOptions{
			node: e.cfg.Node, tls: e.cfg.TLS.server(), plainAuth: e.cfg.MailPlainAuth, maxMail: e.cfg.MaxMail,
			maxRecipients: e.cfg.MaxRecipients, maxConns: e.cfg.MaxConns, drain: e.cfg.Drain,
		}, e.log, reg)
		if err != nil {
			return err
		}
		e.doors = append(e.doors, d)
	}
	e.doors = append(e.doors, e.smpp)
	return nil
}

// Close closes the listeners of an Edge that does not run.
func (e *Edge) Close() error {
	var errs []error
	for _, ln := range []net.Listener{e.http, e.smppPlain, e.smppTLS, e.smtp} {
		if ln == nil {
			continue
		}
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends or a door fails. Then it stops accepting, unbinds the sessions and finishes what was accepted
// and handed out, all within Config.Drain; what is not finished by then comes again after the next start. The bus must
// outlive it. It is called once.
func (e *Edge) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()

	e.acceptor.renew(life, time.Now())
	var back sync.WaitGroup // what serves the doors and ends after them
	back.Go(func() { e.outbox.run(life) })
	back.Go(func() { e.acceptor.run(life) })
	back.Go(func() { e.smpp.hold.run(life) })
	var front sync.WaitGroup
	errs := make(chan error, len(e.doors)+1)
	serve := func(run func(context.Context) error) {
		front.Go(func() {
			errs <- run(ctx)
			stop() // one door that cannot serve ends the others
		})
	}
	for _, d := range e.doors {
		serve(d.run)
	}
	serve(func(ctx context.Context) error { return e.deliver.run(ctx, life) })
	e.running.Store(true)

	<-ctx.Done()
	e.running.Store(false)
	e.Leave()
	front.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	bound, cancel := context.WithTimeout(life, e.cfg.Drain)
	defer cancel()
	all = append(all, e.acceptor.drain(bound), e.outbox.drain(bound))
	end()
	back.Wait()
	e.hooks.close()
	return errors.Join(all...)
}

// Leave announces that Run is about to end: HTTP connections end with their next answer, so that their clients go elsewhere
// in time. Nothing else changes.
func (e *Edge) Leave() { e.leaving.Store(true) }

// Ready returns nil while submissions are taken, else why not.
func (e *Edge) Ready() error {
	switch {
	case !e.running.Load():
		return errors.New("edge: not running")
	case !e.bus.Connected():
		return errors.New("edge: no connection to the streams")
	}
	if err := e.bus.Pressure(); err != nil {
		return fmt.Errorf("edge: %w", err)
	}
	return nil
}

// HTTPAddr returns where the HTTP API listens, nil when it is closed.
func (e *Edge) HTTPAddr() net.Addr { return addrOf(e.http) }

// SMPPAddr returns where the SMPP door without TLS listens, nil when it is closed.
func (e *Edge) SMPPAddr() net.Addr { return addrOf(e.smppPlain) }

// SMPPTLSAddr returns where the SMPP door with TLS listens, nil when it is closed.
func (e *Edge) SMPPTLSAddr() net.Addr { return addrOf(e.smppTLS) }

// SMTPAddr returns where the mail door listens, nil when it is closed.
func (e *Edge) SMTPAddr() net.Addr { return addrOf(e.smtp) }

func addrOf(ln net.Listener) net.Addr {
	if ln == nil {
		return nil
	}
	return ln.Addr()
}
