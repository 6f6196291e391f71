package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
)

// doorEmail names the door in messages.
const doorEmail = "email"

// mailOptions are the limits of the mail door.
type mailOptions struct {
	node          string        // how the door greets
	tls           *tls.Config   // for STARTTLS; nil: not offered
	plainAuth     bool          // AUTH without TLS from anywhere, not only from this machine
	maxMail       int           // octets of one e-mail
	maxRecipients int           // of one e-mail
	maxConns      int           // at a time
	drain         time.Duration // how long e-mails being stored may take once the door closes
}

const (
	mailRead  = 2 * time.Minute // a command, or the whole of an e-mail
	mailWrite = 30 * time.Second
)

// mailDoor takes e-mails to NUMBER@any.domain as submissions, after AUTH. 250 is the acknowledgement: it means stored.
type mailDoor struct {
	server *smtp.Server
	ln     *cutListener
	funnel funnel
	live   *configs.Live
	log    *slog.Logger
	opts   mailOptions

	guesses *guesses

	ctx    context.Context // of acceptance; ends when the door's drain time does
	cancel context.CancelFunc

	mails *prometheus.CounterVec
}

// newMailDoor returns a door that will serve on ln, which it then owns. reg may be nil.
func newMailDoor(ln net.Listener, f funnel, live *configs.Live, opts mailOptions, log *slog.Logger, reg prometheus.Registerer) (*mailDoor, error) {
	d := &mailDoor{
		ln: newCutListener(ln, opts.maxConns), funnel: f, live: live, log: log, opts: opts, guesses: newGuesses(),
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tasman_edge_mails_total", Help: "E-mails by the SMTP status that answered them.",
		}, []string{"status"}),
	}
	if err := registerAll(reg, d.mails); err != nil {
		return nil, fmt.Errorf("metrics of the mail door: %w", err)
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.server = smtp.NewServer(smtp.BackendFunc(d.newSession))
	d.server.Domain = opts.node
	d.server.TLSConfig = opts.tls
	d.server.MaxMessageBytes = int64(opts.maxMail)
	d.server.MaxRecipients = opts.maxRecipients
	d.server.ReadTimeout, d.server.WriteTimeout = mailRead, mailWrite
	d.server.AllowInsecureAuth = true // the session decides, by where the client is
	d.server.ErrorLog = mailLog{log}
	return d, nil
}

// run serves until ctx ends. Then it takes no more connections and no more commands; an e-mail that is being stored is
// still answered, for a bounded time.
func (d *mailDoor) run(ctx context.Context) error {
	defer d.cancel()
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(d.ln) }()
	select {
	case err := <-served:
		return fmt.Errorf("mail door: %w", errors.Join(err, d.ln.Close()))
	case <-ctx.Done():
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.opts.drain)
	defer cancel()
	closed := d.ln.Close()
	d.ln.cutReads()
	err := d.server.Shutdown(bound)
	if errors.Is(err, net.ErrClosed) { // we closed the listener ourselves
		err = nil
	}
	if err != nil {
		d.cancel()
		d.ln.cutAll()
	}
	<-served //nolint:errcheck // ended by the closed listener, whose error says nothing
	if err = errors.Join(err, closed); err != nil {
		return fmt.Errorf("close mail door: %w", err)
	}
	return nil
}

// newSession is called at the first EHLO of a connection, and again at the first one after STARTTLS.
func (d *mailDoor) newSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	addr := remoteAddr(c.Conn().RemoteAddr())
	return &mailSession{door: d, addr: addr, mayAuth: secure || d.opts.plainAuth || addr.IsLoopback()}, nil
}

// mailLog hands what go-smtp reports of broken connections to the node's log.
type mailLog struct{ log *slog.Logger }

// Printf implements smtp.Logger. What it is given is an address and an error, or a panic with its stack.
func (l mailLog) Printf(format string, v ...any) {
	l.log.Debug("mail connection", "err", fmt.Sprintf(format, v...))
}

// Println implements smtp.Logger.
func (l mailLog) Println(v ...any) { l.log.Debug("mail connection", "err", fmt.Sprint(v...)) }

var _ smtp.Logger = mailLog{}

// login is who an e-mail comes from.
type login struct {
	user    *configs.MailUser
	account *configs.Account
}

// authenticate checks a password and where it comes from. The errors tell the client no more than it must know.
func (d *mailDoor) authenticate(username, password string, addr netip.Addr) (login, error) {
	snapshot := d.live.Load()
	user, account, ok := snapshot.MailUser(username)
	right, paused := d.guesses.check(guesserAt(addr, username), time.Now, func() bool {
		return ok && snapshot.CheckPassword(user.PasswordHash, password)
	})
	if paused {
		d.log.Warn("mail login refused", "addr", addr.String(), "err", "too many wrong passwords before")
		return login{}, errMailPaused
	}
	if !right {
		d.log.Warn("mail login refused", "addr", addr.String(), "err", "unknown user or wrong password")
		return login{}, errMailLogin
	}
	if !configs.AllowedAddress(user, account, addr) {
		d.log.Warn("mail login refused", "account", account.Name, "addr", addr.String(), "err", "address not allowed")
		return login{}, errMailAddress
	}
	if account.Suspended {
		return login{}, errMailSuspended
	}
	return login{user, account}, nil
}
