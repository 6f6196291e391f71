package edge

import (
	_ "embed"

	"github.com/gofiber/fiber/v2"
)

// openAPIDocument describes the HTTP API. It is written by hand; a test compares it with the routes and fields.
//
//go:embed openapi.json
var openAPIDocument []byte

// openAPI answers GET /openapi.json, to anyone.
func (d *httpDoor) openAPI(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(openAPIDocument)
}
