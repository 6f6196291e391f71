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
	// restoreAhead is how many chunks are on the way: one at a time would take a round trip between regions each.
	restoreAhead = 16
	// restoreTries is how often a stream is made room for, that another node may have made anew meanwhile.
	restoreTries = 5
	// heardTries is how often the first chunk is sent: for four seconds.
	heardTries = 20
	// codeRestoreExists is the servers' error when a stream that is to be restored exists.
	codeRestoreExists = 10130
)

// restoreStream puts the files of one stream in place of the empty one.
func (b *Bus) restoreStream(ctx context.Context, config jetstream.StreamConfig, parts []Saved, open func(string) (io.ReadCloser, error)) (err error) {
	var sources []*archiveReader
	var want Saved
	for _, p := range parts {
		f, err := open(p.Name())
		if err != nil {
			return err
		}
		defer f.Close()
		src, err := openArchive(f)
		if err != nil {
			return err
		}
		sources = append(sources, src)
	}
	state := stateOf(sources)
	target, err := b.beginRestore(ctx, config, state)
	if err != nil {
		return err
	}
	from, to := io.Pipe()
	written := make(chan error, 1)
	go func() {
		var err error
		want, err = writeArchive(to, sources[0].readers, sources...)
		_ = to.CloseWithError(err) // never fails
		written <- err
	}()
	got, err := b.upload(ctx, target, from)
	_ = from.CloseWithError(errors.New("the restore has ended")) // never fails
	if werr := <-written; err == nil {
		err = werr
	}
	if err != nil {
		return err
	}
	if got.LastSeq != want.Last || got.Msgs != want.Batches {
		return fmt.Errorf("the servers have %d batches up to %d, the backup %d up to %d", got.Msgs, got.LastSeq, want.Batches, want.Last)
	}
	return nil
}

// beginRestore removes the empty stream and asks for a restore; it returns where the octets are to be sent.
func (b *Bus) beginRestore(ctx context.Context, config jetstream.StreamConfig, state any) (string, error) {
	for try := 1; ; try++ {
		if err := b.js.DeleteStream(ctx, config.Name); err != nil && !isGone(err) {
			return "", err
		}
		var answer struct {
			answered
			Target string `json:"deliver_subject"`
		}
		err := b.api(ctx, "STREAM.RESTORE."+config.Name, map[string]any{"config": config, "state": state}, &answer)
		if err == nil {
			return answer.Target, nil
		}
		var api *jetstream.APIError
		if !errors.As(err, &api) || api.ErrorCode != codeRestoreExists || try == restoreTries {
			return "", err
		}
		if err := pause(ctx, time.Duration(try)*200*time.Millisecond); err != nil {
			return "", err
		}
	}
}

// untilHeard repeats what was sent to nobody, until it is acknowledged.
func (b *Bus) untilHeard(ctx context.Context, m *nats.Msg, acknowledged func() error) error {
	for try := 1; ; try++ {
		err := acknowledged()
		if !errors.Is(err, nats.ErrNoResponders) || try == heardTries {
			return err
		}
		if err := pause(ctx, time.Duration(try)*20*time.Millisecond); err != nil {
			return err
		}
		if err := b.nc.PublishMsg(m); err != nil {
			return err
		}
	}
}

// upload sends the octets of an archive to where a restore takes them, and returns what the stream has then.
func (b *Bus) upload(ctx context.Context, target string, r io.Reader) (state jetstream.StreamState, err error) {
	inbox := b.nc.NewInbox()
	sub, err := b.nc.SubscribeSync(inbox)
	if err != nil {
		return state, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed already
	var answer struct {
		answered
		State jetstream.StreamState `json:"state"`
	}
	// acknowledged waits for the word about one chunk; only the last and bad ones have a text.
	acknowledged := func() error {
		m, err := b.nextOf(ctx, sub)
		if err != nil || len(m.Data) == 0 {
			return err
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return err
		}
		return answer.failure()
	}
	ahead := 0
	chunk := make([]byte, backupChunk)
	for first := true; ; first = false {
		n, err := io.ReadFull(r, chunk)
		if n == 0 && errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return state, err
		}
		// The connection copies what it is given.
		m := &nats.Msg{Subject: target, Reply: inbox, Data: chunk[:n]}
		if err := b.nc.PublishMsg(m); err != nil {
			return state, err
		}
		if first { // our server may not have heard yet that another one listens there
			if err := b.untilHeard(ctx, m, acknowledged); err != nil {
				return state, err
			}
			continue
		}
		if ahead++; ahead == restoreAhead {
			if err := acknowledged(); err != nil {
				return state, err
			}
			ahead--
		}
	}
	if err := b.nc.PublishMsg(&nats.Msg{Subject: target, Reply: inbox}); err != nil {
		return state, err
	}
	for ; ahead >= 0; ahead-- {
		if err := acknowledged(); err != nil {
			return state, err
		}
	}
	return answer.State, nil
}
