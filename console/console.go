// Package console shows what the gateway does, as web pages for operators on the loopback interface. It holds nothing
// itself: it asks core nodes over the bus. Only node starts it.
package console

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"

	"tasman/index"
	"tasman/sms"
)

//go:embed templates/*.html templates/*.css
var files embed.FS

// Link is the state of one link to a carrier, as the page shows it.
type Link struct {
	Carrier, Name string
	Up            bool
	Since         time.Time
	Used, Window  int
	IDForm        string // how the carrier writes message ids in receipts; empty = not known yet
}

// Config is what the console needs to know of its node.
type Config struct {
	Addr   string          // to listen on
	Node   string          // shown
	Links  func() []Link   // of this node's carriers; nil when it has none
	Alarms func() []string // what an operator must look after, one sentence each; nil for none
}

// Console is the role.
type Console struct {
	cfg      Config
	bus      index.Asker
	log      *slog.Logger
	listener net.Listener
	pages    *template.Template
	css      string
}

// New binds the listener. Nothing is served before Run.
func New(cfg Config, bus index.Asker, log *slog.Logger) (*Console, error) {
	pages, err := template.New("").Funcs(template.FuncMap{"clock": clock, "since": since, "sent": sentBy}).ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("page templates: %w", err)
	}
	css, err := files.ReadFile("templates/console.css")
	if err != nil {
		return nil, fmt.Errorf("style sheet: %w", err)
	}
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, err
	}
	return &Console{cfg: cfg, bus: bus, log: log, listener: l, pages: pages, css: string(css)}, nil
}

// Addr returns where the console listens.
func (c *Console) Addr() net.Addr { return c.listener.Addr() }

// Run serves until ctx ends.
func (c *Console) Run(ctx context.Context) error {
	app := fiber.New(fiber.Config{DisableStartupMessage: true, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, ErrorHandler: c.failed})
	app.Use(func(f *fiber.Ctx) error {
		f.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		f.Set("X-Content-Type-Options", "nosniff")
		f.Set("Referrer-Policy", "no-referrer")
		f.Set("Cache-Control", "no-store")
		return f.Next()
	})
	app.Get("/", c.recent)
	app.Get("/messages", c.find)
	app.Get("/messages/:id", c.message)
	app.Get("/console.css", func(f *fiber.Ctx) error { return f.Type("css").SendString(c.css) })
	served := make(chan error, 1)
	go func() { served <- app.Listener(c.listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	err := app.ShutdownWithTimeout(2 * time.Second)
	return errors.Join(err, <-served)
}

const pageSize = 50

type recentPage struct {
	Node    string
	Stories []index.Story
	Links   []Link
	Alarms  []string
	Older   string // id to page on from
}

// errorPage says what did not work, and what may be the cause.
type errorPage struct {
	Text   string
	Alarms []string
}

func (c *Console) alarms() []string {
	if c.cfg.Alarms == nil {
		return nil
	}
	return c.cfg.Alarms()
}

func (c *Console) recent(f *fiber.Ctx) error {
	var before sms.ID
	if q := f.Query("before"); q != "" {
		id, err := sms.ParseID(q)
		if err != nil {
			return fiber.NewError(fiber.StatusBadRequest, "before: "+err.Error())
		}
		before = id
	}
	ctx, cancel := context.WithTimeout(f.UserContext(), 5*time.Second)
	defer cancel()
	reply, err := index.AskRecent(ctx, c.bus, index.RecentRequest{Before: before, Limit: pageSize})
	if err != nil {
		return fiber.NewError(fiber.StatusServiceUnavailable, "no core node answers: "+err.Error())
	}
	page := recentPage{Node: c.cfg.Node, Stories: reply.Stories, Alarms: c.alarms()}
	if len(reply.Stories) == pageSize {
		page.Older = reply.Stories[pageSize-1].Message.ID.String()
	}
	if c.cfg.Links != nil {
		page.Links = c.cfg.Links()
	}
	return c.render(f, "recent.html", page)
}

// find leads the search field to the message's page.
func (c *Console) find(f *fiber.Ctx) error {
	id, err := sms.ParseAnyID(f.Query("id"))
	if err != nil {
		return fiber.NewError(fiber.StatusBadRequest, err.Error())
	}
	return f.Redirect("/messages/" + id.String())
}

func (c *Console) message(f *fiber.Ctx) error {
	id, err := sms.ParseAnyID(f.Params("id"))
	if err != nil {
		return fiber.NewError(fiber.StatusBadRequest, err.Error())
	}
	ctx, cancel := context.WithTimeout(f.UserContext(), 5*time.Second)
	defer cancel()
	reply, err := index.AskStatus(ctx, c.bus, index.StatusRequest{ID: id})
	if err != nil {
		return fiber.NewError(fiber.StatusServiceUnavailable, "no core node answers: "+err.Error())
	}
	if !reply.Found {
		return fiber.NewError(fiber.StatusNotFound, "no message has this id")
	}
	return c.render(f, "message.html", reply.Story)
}

func (c *Console) render(f *fiber.Ctx, name string, data any) error {
	f.Type("html", "utf-8")
	if err := c.pages.ExecuteTemplate(f.Response().BodyWriter(), name, data); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	return nil
}

// failed shows errors as a page; what is not meant for the reader is logged and shown as a plain 500.
func (c *Console) failed(f *fiber.Ctx, err error) error {
	status, text := fiber.StatusInternalServerError, "the page could not be made; the log says why"
	var known *fiber.Error
	if errors.As(err, &known) {
		status, text = known.Code, known.Message
	} else {
		c.log.Error("page failed", "path", f.Path(), "err", err)
	}
	f.Response().ResetBody()
	return c.render(f.Status(status), "error.html", errorPage{text, c.alarms()})
}

func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05.000")
}

func since(t time.Time) string { return time.Since(t).Round(time.Second).String() }

func sentBy(s index.Story) string {
	if s.Carrier == "" {
		return "–"
	}
	return s.Carrier
}
