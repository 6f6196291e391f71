package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	backupChunk  = 256 << 10
	backupWindow = 4 << 20          // on the way; the connection's buffers take ten times that
	backupWait   = 30 * time.Second // for the next word of the server
)

// errNotTransferred is returned when the servers gave up on a stream that is read from or written to them.
var errNotTransferred = errors.New("the servers gave up")

// download writes the server's archive of a stream to w.
func (b *Bus) download(ctx context.Context, stream string, w io.Writer) error {
	inbox := b.nc.NewInbox()
	sub, err := b.nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed already
	var answer struct{ answered }
	err = b.api(ctx, "STREAM.SNAPSHOT."+stream, map[string]any{"deliver_subject": inbox, "no_consumers": true, "chunk_size": backupChunk,
		"window_size": backupWindow}, &answer)
	if err != nil {
		return err
	}
	for {
		m, err := b.nextOf(ctx, sub)
		if err != nil {
			return err
		}
		if len(m.Data) == 0 { // the end, good or bad
			if status := m.Header.Get("Status"); status != "" && status != "204" {
				return fmt.Errorf("%w: %s %s", errNotTransferred, status, m.Header.Get("Description"))
			}
			return nil
		}
		if _, err := w.Write(m.Data); err != nil {
			return err
		}
		if m.Reply != "" {
			if err := b.nc.Publish(m.Reply, nil); err != nil {
				return err
			}
		}
	}
}

// nextOf waits for the next message of a transfer.
func (b *Bus) nextOf(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	wait, cancel := context.WithTimeout(ctx, backupWait)
	defer cancel()
	m, err := sub.NextMsgWithContext(wait)
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w: no word for %v: %w", errNotTransferred, backupWait, err)
	}
	if err == nil {
		b.hear()
	}
	return m, err
}

// answered is the part that all answers of the servers' API have.
type answered struct {
	Error *jetstream.APIError `json:"error"`
}

func (a *answered) failure() error {
	if a.Error == nil {
		return nil
	}
	return a.Error
}

// api asks the servers what the library has no call for.
func (b *Bus) api(ctx context.Context, what string, request any, into interface{ failure() error }) error {
	raw, err := json.Marshal(request)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, backupWait)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, "$JS.API."+what, raw)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(m.Data, into); err != nil {
		return err
	}
	return into.failure()
}
