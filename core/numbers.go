package core

import "tasman/sms"

// numbers rejects destinations that no numbering plan has. Edges refuse them too; this is for what another edge accepted.
func (c *Core) numbers(j *job) verdict {
	if d := j.message.Destination; d.Kind == sms.MSISDN && !c.plan.Possible(d.Value) {
		return j.rejectAs(sms.FailInvalidDestination, sms.StateRejected, "the destination is in no numbering plan")
	}
	return goOn
}
