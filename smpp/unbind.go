package smpp

import (
	"context"
	"errors"
	"time"
)

// unbindGrace is how long a peer that sent unbind is given to answer what it
// still owes us. Most never do, and many give up on unbind_resp after seconds.
const unbindGrace = time.Second

// Unbind ends the session in order. New requests of ours are refused with ErrUnbound and those outstanding are waited for.
// Then those of the peer that the handler has are answered, unbind is sent, and what the peer sent before it read that
// is served as ever, so that nothing of a peer that goes on sending is refused, and little is open for one that closes at
// unbind. When the peer has answered unbind and has all its answers the connection is closed. When ctx ends first the
// session is closed at once and ctx's error returned; the rest of the window is then Unknown. Unbind returns
// when Done is closed, so it must not be called from a handler or a done callback.
func (s *Session) Unbind(ctx context.Context) error {
	s.mu.Lock()
	if s.phase == phaseOpen {
		s.enterLocked(phaseDraining)
	}
	s.mu.Unlock()

	err := s.waitFor(ctx, func() bool { return s.window.inFlight == 0 })
	if err == nil {
		s.hold(true)
		err = s.waitFor(ctx, func() bool { return s.unanswered == 0 })
	}
	if err == nil {
		err = s.exchangeUnbind(ctx)
	}
	if err != nil {
		s.shutdown(ErrClosed)
	}
	<-s.done
	if errors.Is(s.Err(), ErrUnbound) {
		return nil
	}
	if err == nil {
		err = s.Err()
	}
	return err
}

// hold keeps requests of the peer from the handler, or lets it have them again.
func (s *Session) hold(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = on
	s.wakeReadingLocked()
}

// waitFor waits until cond, which is called under the lock, holds; the error is
// ctx's. The end of the session ends the wait without an error.
func (s *Session) waitFor(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		ok, changed := cond(), s.changed
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-s.closing:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// exchangeUnbind sends unbind, once, and waits for its answer.
func (s *Session) exchangeUnbind(ctx context.Context) error {
	s.mu.Lock()
	if s.phase == phaseDraining && s.unbindSeq == 0 {
		s.unbindSeq = s.window.nextSequence()
		s.appendLocked(CommandUnbind, StatusOK, s.unbindSeq, nil)
	}
	seq := s.unbindSeq
	s.mu.Unlock()
	s.hold(false)
	if seq == 0 { // the peer was first, or the session is over
		return s.waitFor(ctx, func() bool { return false })
	}
	s.traceWrote(CommandUnbind, StatusOK, seq, headerSize, Unbind{})
	timeout := time.NewTimer(s.opts.ResponseTimeout)
	defer timeout.Stop()
	select {
	case <-s.unboundBy:
		if err := s.waitFor(ctx, func() bool { return s.unanswered == 0 && !s.serving }); err != nil {
			return err
		}
		s.finish(ErrUnbound)
		return nil
	case <-s.closing:
		return nil
	case <-timeout.C:
		return ErrResponseTimeout
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unbindAnswered takes the response to our unbind; a generic_nack will do, the
// peer has understood enough.
func (s *Session) unbindAnswered(h Header) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unbindSeq == 0 || h.Sequence != s.unbindSeq {
		return false
	}
	select {
	case <-s.unboundBy:
	default:
		close(s.unboundBy)
	}
	return true
}

// peerUnbinds answers the peer's unbind when our own answers are given and, for a
// short grace, the peer's too. It does not hold up the reader, which must read
// those.
func (s *Session) peerUnbinds(seq uint32) {
	s.mu.Lock()
	repeated := s.phase >= phaseUnbinding
	if !repeated {
		s.enterLocked(phaseUnbinding)
		s.wakeReadingLocked()
	}
	s.mu.Unlock()
	if repeated {
		return
	}
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.opts.ResponseTimeout)
		defer cancel()
		// What is left after these waits is settled by the close as Unknown.
		_ = s.waitFor(ctx, func() bool { return s.unanswered == 0 && !s.serving })
		grace, stop := context.WithTimeout(ctx, unbindGrace)
		defer stop()
		_ = s.waitFor(grace, func() bool { return s.window.inFlight == 0 })
		s.answer(CommandUnbindResp, StatusOK, seq, nil)
		s.finish(ErrUnbound)
	})
}
