package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
	"tasman/index"
	"tasman/sms"
)

// funnel is what the HTTP and mail doors need of the edge: see Edge.Prepare and Edge.Accept.
type funnel interface {
	Prepare(Submission) (*sms.Message, error)
	Accept(ctx context.Context, msgs []*sms.Message, done func(error))
}

// doorHTTP names the door in messages.
const doorHTTP = "http"

// httpOptions are the limits of the HTTP door.
type httpOptions struct {
	maxBody       int           // octets of a request's body
	maxRecipients int           // of one request
	maxConns      int           // at a time
	drain         time.Duration // how long requests under way may take once the door closes
	leaving       func() bool   // reports whether connections are to end with their next answer; nil: never
}

const (
	httpRead  = 30 * time.Second // the whole of a request
	httpWrite = 30 * time.Second // the whole of an answer
	httpIdle  = 90 * time.Second // between requests of a connection
	askTime   = 3 * time.Second  // how long core may take to answer a question
	keyTime   = 8 * time.Second  // the same, of an idempotency key: a submission waits while one core node takes over from another
)

// httpDoor is the HTTP API: submissions in, what became of them out.
type httpDoor struct {
	app    *fiber.App
	ln     net.Listener
	funnel funnel
	core   index.Asker
	ids    *sms.IDs // of requests
	live   *configs.Live
	log    *slog.Logger
	opts   httpOptions
	stats  *httpMetrics
}

// newHTTPDoor returns a door that will serve on ln, which it then owns. reg may be nil.
func newHTTPDoor(ln net.Listener, f funnel, core index.Asker, live *configs.Live, opts httpOptions, log *slog.Logger, reg prometheus.Registerer) (*httpDoor, error) {
	stats, err := newHTTPMetrics(reg)
	if err != nil {
		return nil, fmt.Errorf("metrics of the HTTP door: %w", err)
	}
	d := &httpDoor{ln: ln, funnel: f, core: core, ids: sms.NewIDs(nil), live: live, log: log, opts: opts, stats: stats}
	d.app = fiber.New(fiber.Config{
		AppName: "tasman", DisableStartupMessage: true, ErrorHandler: d.sendError, CaseSensitive: true, StrictRouting: true,
		BodyLimit: opts.maxBody, Concurrency: opts.maxConns, ReadTimeout: httpRead, WriteTimeout: httpWrite, IdleTimeout: httpIdle,
		DisablePreParseMultipartForm: true,
	})
	d.app.Post("/v1/messages", d.handle("submit", d.submit))
	d.app.Get("/v1/messages", d.handle("list", d.list))
	d.app.Get("/v1/messages/:id", d.handle("show", d.show))
	d.app.Delete("/v1/messages/:id", d.handle("cancel", d.cancel))
	d.app.Get("/openapi.json", d.handle("openapi", d.openAPI))
	return d, nil
}

// run serves until ctx ends, then closes the listener and lets requests under way be answered, for a bounded time.
func (d *httpDoor) run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- d.app.Listener(d.ln) }()
	select {
	case err := <-served:
		return fmt.Errorf("HTTP door: %w", errors.Join(err, d.ln.Close()))
	case <-ctx.Done():
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.opts.drain)
	defer cancel()
	d.awaitLast(bound)
	err := d.app.ShutdownWithContext(bound)
	// A server that had not begun to serve knows nothing of its listener yet.
	if cerr := d.ln.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	<-served //nolint:errcheck // ended by the closed listener, whose error says nothing
	if err != nil {
		return fmt.Errorf("close HTTP door: %w", err)
	}
	return nil
}

// handle wraps a handler: counts it, and turns a panic into an answer so that one request cannot end the process.
func (d *httpDoor) handle(operation string, next fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		start := time.Now()
		err := d.guard(c, next)
		if err != nil {
			err = d.sendError(c, err)
		}
		if d.opts.leaving != nil && d.opts.leaving() {
			c.Context().SetConnectionClose()
		}
		d.stats.observe(operation, c.Response().StatusCode(), start)
		return err
	}
}

func (d *httpDoor) guard(c *fiber.Ctx, next fiber.Handler) (err error) {
	defer func() {
		if v := recover(); v != nil {
			d.stats.panics.Inc()
			d.log.Error("HTTP request panicked", "err", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			err = internalProblem()
		}
	}()
	return next(c)
}

// sendError answers with the problem that err is or stands for.
func (d *httpDoor) sendError(c *fiber.Ctx, err error) error {
	var p *problem
	var status *fiber.Error
	var refusal *Refusal
	switch {
	case errors.As(err, &p):
	case errors.As(err, &refusal):
		p = refusalProblem(refusal, "to")
	case errors.As(err, &status):
		p = statusProblem(status.Code)
	default:
		d.log.Error("HTTP request failed", "err", err)
		p = internalProblem()
	}
	p.headers(func(k, v string) { c.Set(k, v) })
	c.Set(fiber.HeaderContentType, problemContentType)
	return c.Status(p.Status).Send(p.body())
}

// sendJSON answers with a body.
func sendJSON(c *fiber.Ctx, status int, body []byte) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Status(status).Send(body)
}

// caller is who a request comes from.
type caller struct {
	key     *configs.APIKey
	account *configs.Account
}

// authenticate finds the caller by the bearer key (RFC 6750 2.1) and checks that it may be used now and
// from there.
func (d *httpDoor) authenticate(c *fiber.Ctx) (caller, error) {
	scheme, key, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return caller{}, unauthorized("Send your API key as Authorization: Bearer KEY.")
	}
	apiKey, account, ok := d.live.Load().APIKey(strings.TrimSpace(key))
	if !ok {
		p := unauthorized("This API key is not known.")
		p.value += `, error="invalid_token"`
		return caller{}, p
	}
	if !configs.AllowedAddress(apiKey, account, remoteAddr(c.Context().RemoteAddr())) {
		return caller{}, addressRefused()
	}
	if account.Suspended {
		return caller{}, accountSuspended()
	}
	return caller{apiKey, account}, nil
}

// remoteAddr returns the IP address of a peer, the zero Addr when it has none.
func remoteAddr(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap()
}
