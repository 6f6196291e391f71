package edge

import (
	"net/http"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// SMTP answers of the mail door that have no refusal behind them.
var (
	errMailAuthFirst = &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authenticate first"}
	errMailTLSFirst  = &smtp.SMTPError{Code: 538, EnhancedCode: smtp.EnhancedCode{5, 7, 11}, Message: "Start TLS before you authenticate"}
	errMailLogin     = &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Unknown user or wrong password"}
	errMailLogins    = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Too many failed logins"}
	errMailPaused    = &smtp.SMTPError{Code: 454, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Too many wrong passwords, try later"}
	errMailAddress   = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "This user may not log in from your address"}
	errMailSuspended = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "The account is suspended"}
	errMailSASL      = &smtp.SMTPError{Code: 501, EnhancedCode: smtp.EnhancedCode{5, 5, 2}, Message: "Malformed AUTH response"}
	errMailIdentity  = &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Authorization identities are not supported"}
	errMailNumber    = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 3}, Message: "The recipient must be NUMBER@domain"}
	errMailRead      = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "The e-mail did not arrive whole"}
	errMailMIME      = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "The e-mail cannot be read as MIME"}
	errMailCharset   = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 1}, Message: "The charset or encoding of the text is not supported"}
	errMailNoText    = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 1}, Message: "The e-mail has no text/plain part"}
	errMailEmpty     = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "The e-mail has neither text nor subject"}
)

// maxLogins bounds failed logins of one connection, since each costs milliseconds of CPU.
const maxLogins = 3

// loginServer is the LOGIN mechanism, obsolete and still what many mailers try first: it asks for one after the other.
type loginServer struct {
	authenticate func(username, password string) error
	username     string
	step         int
}

var _ sasl.Server = (*loginServer)(nil)

// Next implements sasl.Server.
func (s *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if s.step == 0 && response != nil { // the username came with the command
		s.step = 1
	}
	s.step++
	switch s.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		s.username = string(response)
		return []byte("Password:"), false, nil
	case 3:
		return nil, true, s.authenticate(s.username, string(response))
	}
	return nil, false, sasl.ErrUnexpectedClientResponse
}

// mailRefusal translates a refusal for SMTP: what may pass later is 4xx, so that the client's queue tries again.
func mailRefusal(r *Refusal) *smtp.SMTPError {
	e := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: r.Error()}
	switch status := r.HTTPStatus(); {
	case status == http.StatusTooManyRequests:
		e.Code, e.EnhancedCode = 450, smtp.EnhancedCode{4, 7, 1}
	case status >= 500:
		e.Code, e.EnhancedCode = 451, smtp.EnhancedCode{4, 3, 1}
	case status != http.StatusForbidden: // what was sent is at fault
		e.Code, e.EnhancedCode = 554, smtp.EnhancedCode{5, 6, 0}
	}
	return e
}
