package edge

import (
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"tasman/configs"
	"tasman/sms"
)

// mailSession is one SMTP conversation, used by its connection's goroutine only.
type mailSession struct {
	door    *mailDoor
	addr    netip.Addr
	mayAuth bool
	logins  int    // failed
	login   *login // nil before AUTH
	to      []string
}

var _ smtp.AuthSession = (*mailSession)(nil)

// AuthMechanisms implements smtp.AuthSession: none where a password would travel in the clear.
func (s *mailSession) AuthMechanisms() []string {
	if !s.mayAuth {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// Auth implements smtp.AuthSession.
func (s *mailSession) Auth(mechanism string) (sasl.Server, error) {
	if !s.mayAuth {
		return nil, errMailTLSFirst
	}
	switch mechanism {
	case sasl.Plain:
		return preciseSASL{sasl.NewPlainServer(func(identity, username, password string) error {
			if identity != "" && identity != username {
				return errMailIdentity
			}
			return s.authenticate(username, password)
		})}, nil
	case sasl.Login:
		return preciseSASL{&loginServer{authenticate: s.authenticate}}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// preciseSASL answers a malformed response with 501 (RFC 4954 4), where go-smtp would say that it is our fault.
type preciseSASL struct{ sasl.Server }

// Next implements sasl.Server.
func (p preciseSASL) Next(response []byte) ([]byte, bool, error) {
	challenge, done, err := p.Server.Next(response)
	if answer := (*smtp.SMTPError)(nil); err != nil && !errors.As(err, &answer) {
		err = errMailSASL
	}
	return challenge, done, err
}

func (s *mailSession) authenticate(username, password string) error {
	if s.logins >= maxLogins {
		return errMailLogins
	}
	who, err := s.door.authenticate(username, password, s.addr)
	if err != nil {
		s.logins++
		return err
	}
	s.login = &who
	return nil
}

// Mail implements smtp.Session. The sender of the e-mail says nothing: the mail user's source does.
func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if s.login == nil {
		return errMailAuthFirst
	}
	return nil
}

// Rcpt implements smtp.Session. Any domain will do.
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	local, _, _ := strings.Cut(to, "@")
	digits := strings.TrimPrefix(local, "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return errMailNumber
	}
	var wrong *sms.AddressError
	if _, err := sms.ParseDestination(local); errors.As(err, &wrong) && wrong.Reason != sms.AddressNational { // the account may have a country
		return errMailNumber
	}
	s.to = append(s.to, local)
	return nil
}

// Data implements smtp.Session: it returns nil, which is 250, when the messages are stored. The submission is whole or
// not at all: one bad recipient refuses the e-mail.
func (s *mailSession) Data(r io.Reader) error {
	err := s.submit(r)
	status := 250
	if answer := (*smtp.SMTPError)(nil); errors.As(err, &answer) {
		status = answer.Code
	}
	s.door.mails.WithLabelValues(strconv.Itoa(status)).Inc()
	return err
}

func (s *mailSession) submit(r io.Reader) error {
	raw, err := io.ReadAll(r) // bounded by the server's MaxMessageBytes
	if err != nil {
		if errors.Is(err, smtp.ErrDataTooLarge) {
			return smtp.ErrDataTooLarge
		}
		return errMailRead
	}
	text, reference, err := mailContent(raw)
	if err != nil {
		return err
	}
	user, account, err := s.current()
	if err != nil {
		return err
	}
	msgs := make([]*sms.Message, len(s.to))
	for i, to := range s.to {
		msgs[i], err = s.door.funnel.Prepare(Submission{
			Account: account, Integration: user.Name, Door: doorEmail, Lane: user.Lane, Source: user.Source, Destination: to,
			Text: text, WantReceipt: account.Receipts, Reference: shortReference(reference),
		})
		if err != nil {
			return s.door.refused(err)
		}
	}
	stored := make(chan error, 1)
	s.door.funnel.Accept(s.door.ctx, msgs, func(err error) { stored <- err })
	if err := <-stored; err != nil {
		return s.door.refused(err)
	}
	return queuedAs(msgs)
}

// maxTold is how many ids fit into a reply of one line, which has at most 512 octets (RFC 5321 4.5.3.1.5).
const maxTold = 15

// queuedAs is the answer to a mail whose messages are stored. The library takes its text from an error, whatever the code.
func queuedAs(msgs []*sms.Message) error {
	text := "OK: queued as"
	for _, m := range msgs[:min(len(msgs), maxTold)] {
		text += " " + m.ID.String()
	}
	if more := len(msgs) - maxTold; more > 0 {
		text += " and " + strconv.Itoa(more) + " more"
	}
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: text}
}

// current returns the user as it is configured now: a session may outlive a change.
func (s *mailSession) current() (*configs.MailUser, *configs.Account, error) {
	user, account, ok := s.door.live.Load().MailUser(s.login.user.Username)
	if !ok || user.PasswordHash != s.login.user.PasswordHash {
		return nil, nil, errMailAuthFirst
	}
	return user, account, nil
}

// refused returns the SMTP answer of an error of the funnel; nil stays nil.
func (d *mailDoor) refused(err error) error {
	var r *Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &r):
		return mailRefusal(r)
	}
	d.log.Error("e-mail failed", "err", err)
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Failed for a reason of our own"}
}

// shortReference leaves a Message-ID out that cannot be a reference.
func shortReference(s string) string {
	if len(s) > maxReference || !utf8.ValidString(s) {
		return ""
	}
	return s
}

// Reset implements smtp.Session.
func (s *mailSession) Reset() { s.to = nil }

// Logout implements smtp.Session.
func (s *mailSession) Logout() error { return nil }
