package edge

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// problemBase leads the types of our problems: they are names, not addresses (RFC 9457 3.1.1).
const problemBase = "urn:tasman:problem:"

// problem is an HTTP error as RFC 9457 writes it. Handlers return it as an error; the door's error handler sends it.
type problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Errors []fieldError `json:"errors,omitempty"`

	header     string // one more header of the answer and its value
	value      string
	retryAfter time.Duration
}

// fieldError says what is wrong with one field of a request, by its path such as "to[3]".
type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error implements error.
func (p *problem) Error() string { return p.Title }

// problemContentType is the media type of a problem (RFC 9457 6.1).
const problemContentType = "application/problem+json"

// body returns the problem as JSON.
func (p *problem) body() []byte {
	b, err := json.Marshal(p)
	if err != nil { // it holds nothing that cannot be written
		return []byte(`{"type":"` + problemBase + `internal","status":500}`)
	}
	return b
}

// headers calls set for each header that belongs to the problem.
func (p *problem) headers(set func(key, value string)) {
	if p.header != "" {
		set(p.header, p.value)
	}
	if p.retryAfter > 0 {
		seconds := (p.retryAfter + time.Second - 1) / time.Second
		set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
}

// newProblem returns a problem with the given name.
func newProblem(status int, name, title, detail string) *problem {
	return &problem{Type: problemBase + name, Title: title, Status: status, Detail: detail}
}

// statusProblem is for errors that need no more words than their status has, as the router finds them.
func statusProblem(status int) *problem {
	title := http.StatusText(status)
	if title == "" || status < 400 {
		status, title = http.StatusInternalServerError, "Internal Server Error"
	}
	p := newProblem(status, "status_"+strconv.Itoa(status), title, "")
	switch status {
	case http.StatusNotFound:
		p.Type, p.Detail = problemBase+"not_found", "There is nothing at this address."
	case http.StatusMethodNotAllowed:
		p.Type, p.Detail = problemBase+"method_not_allowed", "The Allow header lists the methods of this address."
	case http.StatusRequestEntityTooLarge:
		p.Type, p.Detail = problemBase+"body_too_large", "The body is longer than this node takes."
	}
	return p
}

func internalProblem() *problem {
	return newProblem(http.StatusInternalServerError, "internal", "Internal error", "The request failed for a reason of our own.")
}

func unauthorized(detail string) *problem {
	p := newProblem(http.StatusUnauthorized, "unauthorized", "Not authenticated", detail)
	p.header, p.value = "WWW-Authenticate", `Bearer realm="tasman"`
	return p
}

func addressRefused() *problem {
	return newProblem(http.StatusForbidden, "address_not_allowed", "Address not allowed", "This key may not be used from your address.")
}

func accountSuspended() *problem {
	return newProblem(http.StatusForbidden, "suspended", "Account suspended", "The account is suspended.")
}

func messageNotFound() *problem {
	return newProblem(http.StatusNotFound, "not_found", "No such message", "The account has no message with this id, or it is too old.")
}

func wrongMediaType(detail string) *problem {
	p := newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "Unsupported media type", detail)
	p.header, p.value = "Accept-Post", "application/json"
	return p
}

func badJSON(detail string) *problem {
	return newProblem(http.StatusBadRequest, "bad_json", "The body is not valid JSON", detail)
}

// invalidFields is the problem of a request that can be read and yet not be done.
func invalidFields(errs ...fieldError) *problem {
	p := newProblem(http.StatusUnprocessableEntity, "invalid_fields", "Invalid fields", "Nothing was accepted.")
	p.Errors = slices.Clone(errs)
	return p
}

func keyInFlight() *problem {
	p := newProblem(http.StatusConflict, "key_in_flight", "Idempotency-Key in use", "A request with this key is being accepted now.")
	p.retryAfter = time.Second
	return p
}

func keyConflict() *problem {
	return newProblem(http.StatusUnprocessableEntity, "key_conflict", "Idempotency-Key used before",
		"This key was used before with another body. Nothing was accepted.")
}

// unavailable is the problem of a question that nobody answers at the moment.
func unavailable(detail string) *problem {
	p := newProblem(http.StatusServiceUnavailable, "unavailable", "Not available now", detail)
	p.retryAfter = unavailableRetry
	return p
}

// unavailableRetry is how long a client is asked to wait when storage or core does not answer: as long as a stream needs
// to elect a leader, 4 to 9 s.
const unavailableRetry = 5 * time.Second
