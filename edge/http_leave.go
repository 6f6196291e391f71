package edge

import (
	"context"
	"time"
)

// httpLast is how long connections that are kept may still bring a request when the door closes, which is answered and ends
// them. One that is closed while its request is on its way leaves the client without an answer, and few clients send a POST
// again by themselves.
const httpLast = time.Second

// awaitLast waits until no connection is left, at most for httpLast. New ones are taken meanwhile.
func (d *httpDoor) awaitLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, min(httpLast, d.opts.drain/4))
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for d.app.Server().GetOpenConnectionsCount() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}
