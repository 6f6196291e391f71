package edge

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tasman/index"
	"tasman/sms"
)

// Headers of idempotent requests, and how long a key may be.
const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotent-Replayed"
	maxKey         = 255
)

// submit answers POST /v1/messages. 202 is the acknowledgement: every message of the request is stored. Any refusal means
// that none of them is accepted.
func (d *httpDoor) submit(c *fiber.Ctx) error {
	who, err := d.authenticate(c)
	if err != nil {
		return err
	}
	if err := checkMediaType(c); err != nil {
		return err
	}
	key, err := readKey(c.Get(keyHeader))
	if err != nil {
		return err
	}
	body := c.Request().Body() // not c.Body(), which would unpack what checkMediaType refused
	req, err := readSubmit(body)
	if err != nil {
		return err
	}
	if err := req.check(d.opts.maxRecipients); err != nil {
		return err
	}
	if key == "" {
		return d.acceptRequest(c, who, req, nil)
	}
	hash := sha256.Sum256(body)
	return d.acceptOnce(c, who, req, &index.KeyRequest{Account: who.account.Name, Key: key, Hash: hash[:], By: d.ids.Next().String()})
}

// acceptOnce accepts a request that has an idempotency key, unless it was accepted before. A claimed key is given back when
// the request is refused.
func (d *httpDoor) acceptOnce(c *fiber.Ctx, who caller, req *submitRequest, key *index.KeyRequest) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), keyTime)
	defer cancel()
	reply, err := index.AskKey(ctx, patient{d.core}, *key)
	if err != nil {
		d.log.Warn("idempotency question failed", "account", who.account.Name, "err", err)
		return unavailable("The Idempotency-Key cannot be checked now. Nothing was accepted.")
	}
	switch reply.Verdict {
	case index.KeyGo:
	case index.KeyKnown:
		c.Set(replayedHeader, "true")
		msgs := make([]*sms.Message, len(reply.Messages))
		for i := range reply.Messages {
			msgs[i] = &reply.Messages[i]
		}
		return sendAccepted(c, msgs)
	case index.KeyConflict:
		return keyConflict()
	case index.KeyInFlight:
		return keyInFlight()
	default:
		return fmt.Errorf("verdict %q about an idempotency key", reply.Verdict)
	}
	if err := d.acceptRequest(c, who, req, key); err != nil {
		d.release(c, *key)
		return err
	}
	return nil
}

// release gives back the claim on a key. When that fails the claim ends by itself a little later.
func (d *httpDoor) release(c *fiber.Ctx, key index.KeyRequest) {
	key.Release = true
	ctx, cancel := context.WithTimeout(c.UserContext(), askTime)
	defer cancel()
	if _, err := index.AskKey(ctx, patient{d.core}, key); err != nil {
		d.log.Warn("idempotency key not given back", "account", key.Account, "err", err)
	}
}

// acceptRequest has every message of a request prepared and stored, and answers. key may be nil.
func (d *httpDoor) acceptRequest(c *fiber.Ctx, who caller, req *submitRequest, key *index.KeyRequest) error {
	msgs, err := d.prepare(who, req, key)
	if err != nil {
		return err
	}
	stored := make(chan error, 1)
	d.funnel.Accept(c.UserContext(), msgs, func(err error) { stored <- err })
	if err := <-stored; err != nil {
		return err
	}
	return sendAccepted(c, msgs)
}

// prepare makes the messages of a request. When recipients are at fault the problem lists them, others only the first
// fault.
func (d *httpDoor) prepare(who caller, req *submitRequest, key *index.KeyRequest) ([]*sms.Message, error) {
	sub := req.submission(who, time.Now())
	if key != nil {
		sub.Key, sub.KeyHash, sub.KeyCount = key.Key, key.Hash, len(req.to)
	}
	msgs := make([]*sms.Message, 0, len(req.to))
	var first *problem
	for i, to := range req.to {
		sub.Destination, sub.KeyIndex = to, i
		msg, err := d.funnel.Prepare(sub)
		var r *Refusal
		switch {
		case err == nil:
			msgs = append(msgs, msg)
		case errors.As(err, &r) && r.Field == destinationField:
			if first == nil {
				first = refusalProblem(r, req.recipient(i))
			} else if len(first.Errors) < maxFieldErrors {
				first.Errors = append(first.Errors, fieldError{req.recipient(i), r.Msg})
			}
		default: // the same for every recipient
			return nil, err
		}
	}
	if first != nil {
		return nil, first
	}
	return msgs, nil
}

// recipient returns the path of a recipient.
func (r *submitRequest) recipient(i int) string {
	if !r.toList {
		return "to"
	}
	return fmt.Sprintf("to[%d]", i)
}

// check finds what the funnel cannot see.
func (r *submitRequest) check(maxRecipients int) error {
	var wrong []fieldError
	add := func(field, detail string) { wrong = append(wrong, fieldError{field, detail}) }
	if r.from == "" {
		add("from", "is required")
	}
	switch n := len(r.to); {
	case n == 0:
		add("to", "is required")
	case n > maxRecipients:
		add("to", fmt.Sprintf("must have at most %d recipients", maxRecipients))
	}
	switch {
	case r.text == "" && len(r.data) == 0:
		add("text", "text or data is required")
	case r.text != "" && len(r.data) > 0:
		add("data", "must not be given together with text")
	case len(r.data) > 0 && r.encoding != 0 && r.encoding != sms.Binary:
		add("encoding", "must be binary for data")
	case r.text != "" && r.encoding == sms.Binary:
		add("encoding", "must not be binary for text")
	}
	if len(wrong) > 0 {
		return invalidFields(wrong...)
	}
	return nil
}

// submission returns what the messages of a request have in common.
func (r *submitRequest) submission(who caller, now time.Time) Submission {
	s := Submission{
		Account: who.account, Integration: who.key.Name, Door: doorHTTP, Lane: r.lane, Source: r.from, Text: r.text, Data: r.data, UDH: r.udh,
		Encoding: r.encoding, Class: r.class, WantReceipt: who.account.Receipts, Reference: r.reference,
		Validity: r.validity.after(now), NotBefore: r.notBefore.after(now),
	}
	if s.Lane == sms.LaneUnset {
		s.Lane = who.key.Lane
	}
	if len(r.data) > 0 {
		s.Encoding = sms.Binary
	}
	if r.receipt != nil {
		s.WantReceipt = *r.receipt
	}
	return s
}

// checkMediaType wants plain JSON: a compressed body could be a thousand times its length.
func checkMediaType(c *fiber.Ctx) error {
	kind := c.Get(fiber.HeaderContentType)
	if kind != fiber.MIMEApplicationJSON {
		media, params, err := mime.ParseMediaType(kind)
		if charset := params["charset"]; err != nil || media != fiber.MIMEApplicationJSON || charset != "" && !strings.EqualFold(charset, "utf-8") {
			return wrongMediaType("The body must be application/json in UTF-8.")
		}
	}
	if enc := c.Get(fiber.HeaderContentEncoding); enc != "" && !strings.EqualFold(enc, "identity") {
		return wrongMediaType("The body must not be compressed.")
	}
	return nil
}

// readKey checks an idempotency key and copies it out of the request. "" = none given.
func readKey(s string) (string, error) {
	if len(s) > maxKey {
		return "", badKey(fmt.Sprintf("must have at most %d characters", maxKey))
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return "", badKey("must be printable ASCII")
		}
	}
	return strings.Clone(s), nil
}

func badKey(detail string) error {
	return newProblem(fiber.StatusBadRequest, "bad_key", "Invalid Idempotency-Key", "The Idempotency-Key "+detail+".")
}
