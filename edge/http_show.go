package edge

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"tasman/index"
	"tasman/sms"
)

// messageView is a message as the API shows it. Its text is not kept where this comes from.
type messageView struct {
	ID                sms.ID      `json:"id"`
	Direction         string      `json:"direction"` // mt, or mo for a message from a handset
	From              string      `json:"from"`
	To                string      `json:"to"`
	Lane              string      `json:"lane,omitempty"`
	State             string      `json:"state,omitempty"` // none of an MO
	Final             bool        `json:"final"`
	Carrier           string      `json:"carrier,omitempty"`
	Segments          int         `json:"segments"`
	Encoding          string      `json:"encoding,omitempty"`
	Reference         string      `json:"reference,omitempty"`
	Accepted          *time.Time  `json:"accepted,omitempty"`
	NotBefore         *time.Time  `json:"not_before,omitempty"`
	Validity          *time.Time  `json:"validity,omitempty"`
	Updated           *time.Time  `json:"updated,omitempty"`
	PossibleDuplicate bool        `json:"possible_duplicate,omitempty"`
	Events            []eventView `json:"events"`
}

// eventView is one fact of a message's story.
type eventView struct {
	Event   string     `json:"event"`
	Time    *time.Time `json:"time,omitempty"`
	State   string     `json:"state,omitempty"`
	Carrier string     `json:"carrier,omitempty"`
	Node    string     `json:"node,omitempty"`
	Attempt int        `json:"attempt,omitempty"`
	Segment int        `json:"segment,omitempty"`
	Status  uint32     `json:"status,omitempty"` // SMPP command_status of the carrier
	Error   string     `json:"error,omitempty"`
	Reason  string     `json:"reason,omitempty"`
}

// listView is the answer of GET /v1/messages.
type listView struct {
	Messages []messageView `json:"messages"`
	Next     *sms.ID       `json:"next,omitempty"` // "before" of the next page, if there may be one
}

const (
	defaultLimit = 50
	maxLimit     = 200 // as index.RecentRequest has it
)

// show answers GET /v1/messages/ID.
func (d *httpDoor) show(c *fiber.Ctx) error {
	who, err := d.authenticate(c)
	if err != nil {
		return err
	}
	id, err := sms.ParseAnyID(c.Params("id"))
	if err != nil {
		return messageNotFound()
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), askTime)
	defer cancel()
	reply, err := index.AskStatus(ctx, d.core, index.StatusRequest{ID: id, Account: who.account.Name})
	if err != nil {
		d.log.Warn("status question failed", "id", id, "account", who.account.Name, "err", err)
		return unavailable("No core node answers.")
	}
	if !reply.Found {
		return messageNotFound()
	}
	body, err := json.Marshal(viewOf(&reply.Story))
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, body)
}

// list answers GET /v1/messages?limit=N&before=ID.
func (d *httpDoor) list(c *fiber.Ctx) error {
	who, err := d.authenticate(c)
	if err != nil {
		return err
	}
	req, err := readList(c.Query("limit"), c.Query("before"))
	if err != nil {
		return err
	}
	req.Account = who.account.Name
	ctx, cancel := context.WithTimeout(c.UserContext(), askTime)
	defer cancel()
	reply, err := index.AskRecent(ctx, d.core, req)
	if err != nil {
		d.log.Warn("question for recent messages failed", "account", who.account.Name, "err", err)
		return unavailable("No core node answers.")
	}
	view := listView{Messages: make([]messageView, len(reply.Stories))}
	for i := range reply.Stories {
		view.Messages[i] = viewOf(&reply.Stories[i])
	}
	if n := len(view.Messages); n > 0 && n == req.Limit {
		view.Next = &view.Messages[n-1].ID
	}
	body, err := json.Marshal(view)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, body)
}

// readList reads the query of a list; both values may be empty.
func readList(limit, before string) (index.RecentRequest, error) {
	req := index.RecentRequest{Limit: defaultLimit}
	var wrong []fieldError
	if limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 || n > maxLimit {
			wrong = append(wrong, fieldError{"limit", "must be a number from 1 to " + strconv.Itoa(maxLimit)})
		}
		req.Limit = n
	}
	if before != "" {
		id, err := sms.ParseID(before)
		if err != nil {
			wrong = append(wrong, fieldError{"before", "must be a message id"})
		}
		req.Before = id
	}
	if len(wrong) > 0 {
		return req, invalidFields(wrong...)
	}
	return req, nil
}

func viewOf(s *index.Story) messageView {
	m := &s.Message
	v := messageView{
		ID: m.ID, Direction: direction(s.MO), From: m.Source.String(), To: m.Destination.String(), Lane: m.Lane.String(), State: s.State.String(), Final: s.Final,
		Carrier: s.Carrier, Segments: m.Segments, Reference: m.Reference, Accepted: instant(m.Accepted),
		NotBefore: instant(m.NotBefore), Validity: instant(m.Validity), Updated: instant(s.Updated), PossibleDuplicate: s.PossibleDuplicate,
		Events: make([]eventView, len(s.Events)),
	}
	if m.Encoding != 0 {
		v.Encoding = m.Encoding.String()
	}
	for i := range s.Events {
		e := &s.Events[i]
		v.Events[i] = eventView{
			Event: e.Kind.String(), Time: instant(e.Time), State: e.State.String(), Carrier: e.Carrier, Node: e.Node, Attempt: e.Attempt,
			Segment: e.Segment, Status: e.Status, Error: e.Error, Reason: e.Reason,
		}
	}
	return v
}

func direction(mo bool) string {
	if mo {
		return "mo"
	}
	return "mt"
}
