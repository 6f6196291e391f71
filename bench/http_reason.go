package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// closedEarly is told of a request on a connection that had served others and ended before any octet of an answer: the
// target may have closed it just when the request was sent.
const closedEarly = "connection closed before the answer"

// unconnected names why there is no connection.
func unconnected(err error) string {
	if kind := kindOf(err); kind != "" {
		return "no connection: " + kind
	}
	return "no connection: the TLS handshake failed"
}

// unanswered names why a request has no answer.
func (c *httpConn) unanswered(err error) string {
	if c.limit.N <= 0 {
		return "no answer: its head is too long"
	}
	kind := kindOf(err)
	switch {
	case kind == "":
		kind = "not HTTP"
	case c.kept && c.limit.N == maxAnswer && (kind == kindClosed || kind == kindReset):
		return closedEarly
	}
	return "no answer: " + kind
}

const (
	kindTimedOut = "timed out"

	kindClosed = "connection closed"
	kindReset  = "connection reset"
)

// kindOf names what happened to a connection; it is empty for what came over a connection that works.
func kindOf(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var alert tls.AlertError
	var no syscall.Errno
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return kindTimedOut
	case errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed):
		return "the load was stopped"
	case errors.As(err, &dns):
		return "the host's name could not be looked up"
	case errors.As(err, &cert):
		return "certificate not trusted"
	case errors.As(err, &header):
		return "not TLS"
	case errors.As(err, &alert):
		return alert.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET):
		return kindReset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE):
		return kindClosed
	case errors.As(err, &no):
		return no.Error()
	}
	return ""
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
