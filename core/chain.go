package core

import (
	"time"

	"tasman/configs"
	"tasman/index"
	"tasman/sms"
)

// verdict is what a handler says of a message.
type verdict uint8

const (
	goOn   verdict = iota // the next handler decides
	reject                // the message ends: job.failure, state and reason say how
	hold                  // not now: job.until says when to look again, job.reason why
	drop                  // nothing is to be done: its story is told already
)

// job is one message on its way through the chain.
type job struct {
	now      time.Time
	snap     *configs.Snapshot
	message  *sms.Message
	dispatch sms.Dispatch // what came before (zero for a new message) and what is decided

	queues queues // of the batch that the message came in; nil: none
	// accepted is what was looked up for other messages of the batch, by account and idempotency key.
	accepted map[string]*index.Accepted

	account *configs.Account
	failure string // one of the sms.Fail words
	state   sms.State
	reason  string
	until   time.Time
}

// handler looks at a job and decides, or leaves it to the next.
type handler func(*job) verdict

// decide runs the chain.
func (c *Core) decide(j *job) verdict {
	for _, h := range c.chain {
		if v := h(j); v != goOn {
			return v
		}
	}
	return goOn
}

func (j *job) rejectAs(failure string, state sms.State, reason string) verdict {
	j.failure, j.state, j.reason = failure, state, reason
	return reject
}

func (j *job) holdUntil(at time.Time, reason string) verdict {
	j.until, j.reason = at, reason
	return hold
}

// withdrawn drops what an edge had to refuse although its storage was in doubt.
func (c *Core) withdrawn(j *job) verdict {
	if !c.index.AnyWithdrawn() || len(j.message.Parts) > 0 { // the other segments must not go with the first
		return goOn
	}
	if p, err := c.index.Progress(j.message.ID); err == nil && p.Withdrawn {
		return drop
	}
	return goOn
}

// repeated ends a message whose place in its request under an idempotency key another message has taken, which goes on already. The
// claim on a key is in its keeper's memory: when that dies together with the edge that has a request on its way to storage, the
// customer's next try is accepted as well.
func (c *Core) repeated(j *job) verdict {
	if j.message.Key == "" || j.dispatch.Rounds > 0 {
		return goOn
	}
	rival, ok, err := c.rival(j)
	if err != nil || !ok {
		return goOn // in doubt it is sent
	}
	return j.rejectAs(sms.FailRepeated, sms.StateRejected, "message "+rival.String()+" is of the same request")
}

// rival returns the message that has taken the place of the job's in their request.
func (c *Core) rival(j *job) (sms.ID, bool, error) {
	key := j.message.Account + "\x00" + j.message.Key
	accepted, ok := j.accepted[key]
	if !ok {
		var err error
		if accepted, err = c.index.AcceptedUnder(j.message.Account, j.message.Key); err != nil {
			return sms.ID{}, false, err
		}
		if j.accepted != nil {
			j.accepted[key] = accepted
		}
	}
	return accepted.Rival(j.message)
}

// expiry ends what may not be sent any more.
func (c *Core) expiry(j *job) verdict {
	if v := j.message.Validity; !v.IsZero() && j.now.After(v) {
		return j.rejectAs(sms.FailExpired, sms.StateExpired, "validity ended before a carrier had it")
	}
	return goOn
}

// account holds messages of accounts that this node does not know yet.
func (c *Core) account(j *job) verdict {
	j.account = j.snap.Accounts[j.message.Account]
	if j.account == nil {
		return j.holdUntil(j.now.Add(configs.HoldDelay(j.dispatch.Rounds+1)), "account not known to this node")
	}
	return goOn
}

// schedule holds messages for their scheduled delivery time.
func (c *Core) schedule(j *job) verdict {
	if j.message.NotBefore.After(j.now) {
		return j.holdUntil(j.message.NotBefore, "scheduled delivery time")
	}
	return goOn
}
