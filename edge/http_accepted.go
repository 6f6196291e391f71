package edge

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"tasman/sms"
)

// submitReply is the answer to an accepted submission; acceptedBody writes it.
type submitReply struct {
	Messages []acceptedView `json:"messages"`
}

// acceptedView is one accepted message.
type acceptedView struct {
	ID       sms.ID `json:"id"`
	To       string `json:"to"`
	State    string `json:"state"`
	Segments int    `json:"segments"`
}

// sendAccepted answers 202.
func sendAccepted(c *fiber.Ctx, msgs []*sms.Message) error {
	return sendJSON(c, fiber.StatusAccepted, acceptedBody(msgs))
}

// acceptedBody returns a submitReply as JSON. It is written by hand since every request needs one, and cannot fail since the messages
// are accepted already.
func acceptedBody(msgs []*sms.Message) []byte {
	const most = len(`{"id":"01234567890123456789012345","to":"+123456789012345","state":"accepted","segments":255},`)
	body := make([]byte, 0, len(`{"messages":[]}`)+most*len(msgs))
	body = append(body, `{"messages":[`...)
	for i, m := range msgs {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"id":"`...)
		body = append(body, m.ID.String()...)
		body = append(body, `","to":`...)
		body, _ = jsontext.AppendQuote(body, m.Destination.String()) // its error is what is not UTF-8, which becomes U+FFFD
		body = append(body, `,"state":"accepted","segments":`...)
		body = strconv.AppendInt(body, int64(m.Segments), 10)
		body = append(body, '}')
	}
	return append(body, `]}`...)
}
