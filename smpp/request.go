package smpp

import "errors"

// Handler serves the requests of a peer.
type Handler interface {
	// ServeSMPP is called for one request at a time and in order, mostly on the
	// session's reader. Nothing else is read then until it returns, so it should
	// hand over what takes long: Reply may be called later and from any goroutine.
	// The slices of the PDU alias the frame and are valid until ServeSMPP returns.
	ServeSMPP(*Request)
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(*Request)

// ServeSMPP implements Handler.
func (f HandlerFunc) ServeSMPP(r *Request) { f(r) }

// refuse is the handler of a session that has none.
func refuse(r *Request) { r.Reply(StatusInvalidCommandID, nil) }

// Request is a request of the peer that the session does not answer itself. It must
// be answered exactly once with Reply: unanswered ones count against
// Options.MaxPending. Only an alert_notification, which has no response, needs none,
// and Reply then does nothing, so that a handler may refuse what it does not know
// without looking.
type Request struct {
	session *Session
	header  Header
	pdu     PDU
	replied bool // guarded by session.mu
}

// Header returns the request's header.
func (r *Request) Header() Header { return r.header }

// PDU returns the decoded body: *SubmitSM, *SubmitMulti, *DeliverSM, *DataSM,
// *QuerySM, *CancelSM, *ReplaceSM or *AlertNotification.
func (r *Request) PDU() PDU { return r.pdu }

// Session returns the session the request came on.
func (r *Request) Session() *Session { return r.session }

// Reply answers the request, from any goroutine, now or later. resp must be the
// response type of the request; nil stands for an empty one, or for a header
// alone when status is not StatusOK. It never waits for the peer: a full write
// buffer ends the session.
//
// The error says that the answer was not put into the write buffer: ErrReplied,
// *BodyError when resp cannot be encoded (the request then still needs its
// answer), or why the session ended. No error does not mean that the peer has
// read the answer.
func (r *Request) Reply(status Status, resp PDU) error {
	if !hasResponse(r.header.Command) {
		return nil
	}
	c := r.header.Command.Response()
	if resp == nil && status == StatusOK {
		resp = newPDU(c)
	}
	if resp != nil {
		if resp.Command() != c {
			return &BodyError{Command: resp.Command(), Field: "command_id", Status: StatusInvalidCommandID}
		}
		if err := Validate(resp); err != nil {
			return err
		}
	}
	n, err := r.session.reply(r, c, status, resp)
	if errors.Is(err, ErrSlowPeer) {
		r.session.shutdown(err)
	}
	if err == nil {
		r.session.traceWrote(c, status, r.header.Sequence, n, resp)
	}
	return err
}

// reply counts the answer and appends it under one lock.
func (s *Session) reply(r *Request, c CommandID, status Status, resp PDU) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.replied {
		return 0, ErrReplied
	}
	r.replied = true
	s.unanswered--
	// Going on at three quarters saves a wake-up per answer.
	if s.wantsPlace && s.unanswered <= s.maxPending*3/4 {
		wake(s.place)
	}
	if s.phase == phaseClosed {
		return 0, s.endedLocked()
	}
	n, err := s.answerLocked(c, status, r.header.Sequence, resp)
	s.releasedLocked()
	return n, err
}
