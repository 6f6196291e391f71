package edge

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"tasman/index"
)

// cancel answers DELETE /v1/messages/ID: 200 with the message when it is cancelled, now or before, 409 when it is too late.
func (d *httpDoor) cancel(c *fiber.Ctx) error {
	who, id, err := d.asked(c)
	if err != nil {
		return err
	}
	ctx, done := context.WithTimeout(c.UserContext(), operationTime)
	defer done()
	reply, err := index.AskCancel(ctx, d.core, index.CancelRequest{ID: id, Account: who.account.Name, Tell: true})
	if err != nil {
		d.log.Warn("cancel failed", "id", id, "account", who.account.Name, "err", err)
		return unavailable("No core node answers. It is not known whether the message is cancelled.")
	}
	switch reply.Verdict {
	case index.VerdictDone:
	case index.VerdictUnknown:
		return messageNotFound()
	case index.VerdictLate:
		return newProblem(fiber.StatusConflict, "too_late", "Too late", "An operator has the message or may have it, or it has ended. Nothing was changed.")
	case index.VerdictBusy:
		return unavailable("The message is just being passed on. Nothing was changed.")
	default:
		return fmt.Errorf("verdict %q about a cancel", reply.Verdict)
	}
	if reply.Story == nil {
		return fmt.Errorf("no story of cancelled message %s", id)
	}
	body, err := json.Marshal(viewOf(reply.Story))
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, body)
}
