package edge

import (
	"context"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// multi is a submit_multi (SMPP 3.4 4.5) on its way: each destination becomes a message of its own, and those that cannot
// are listed in the answer with the status that a submit_sm to them would have had.
type multi struct {
	account *configs.Account
	version uint8 // of the session
	msgs    []*sms.Message
	refused []smpp.Unsuccessful
}

// submitMulti accepts the messages of a submit_multi, all that can be or none: an OK answer means that each destination that
// is not listed as unsuccessful is stored. When none can be, the answer has the status of the first.
func (s *session) submitMulti(r *smpp.Request, m *smpp.SubmitMulti) {
	p := s.readMulti(m)
	if len(p.msgs) == 0 {
		s.answer(r, "", p.refused[0].Status)
		return
	}
	p.group(s.door.edge.ids)
	s.inRate(r, p.account, len(p.msgs), func() { s.acceptMulti(r, p) })
}

func (s *session) acceptMulti(r *smpp.Request, p *multi) {
	n := int64(len(p.msgs))
	if !s.mayWait(n) {
		s.overShare(r, p.account, len(p.msgs))
		return
	}
	s.door.edge.acceptor.accept(context.Background(), p.msgs, func(err error) {
		s.open.Add(-n)
		if err != nil {
			s.answer(r, "", err)
			return
		}
		s.reply(r, smpp.StatusOK, &smpp.SubmitMultiResp{MessageID: p.account.SMPP.MessageIDs.Format(p.msgs[0].ID), Unsuccessful: p.refused})
	})
}

// readMulti sorts the destinations. What they have in common is read once, with the first address that can be.
func (s *session) readMulti(m *smpp.SubmitMulti) *multi {
	p := &multi{version: s.conn.Version()}
	var common *Submission
	for _, d := range m.Destinations {
		var sub Submission
		var err error
		switch {
		case d.List != "": // there are none here
			p.refuse(d, smpp.StatusInvalidDistributionList)
			continue
		case common == nil:
			sub, err = s.readSubmit(m.Submit(d.Address))
		default:
			sub = *common
			err = readAddresses(&sub, m.Submit(d.Address))
		}
		if err != nil {
			p.refuse(d, err)
			continue
		}
		common, p.account = &sub, sub.Account
		msg, err := s.door.edge.Prepare(sub)
		if err != nil {
			p.refuse(d, err)
			continue
		}
		p.msgs = append(p.msgs, msg)
	}
	return p
}

// refuse notes an unsuccessful destination. The answer has no field for a distribution list, so the name stands where the
// address is.
func (p *multi) refuse(d smpp.Destination, err error) {
	at := d.Address
	if d.List != "" {
		at = smpp.Address{Addr: d.List}
	}
	p.refused = append(p.refused, smpp.Unsuccessful{Address: at, Status: statusFor(statusOf(err), p.version)})
}

// group names the messages as one: the customer knows them all by the id of the first. Their ids are consecutive, so that
// from the first all are found.
func (p *multi) group(ids *sms.IDs) {
	if len(p.msgs) < 2 {
		return
	}
	first := ids.Block(len(p.msgs))
	for i, m := range p.msgs {
		m.ID, m.Group = first.Add(i), first
	}
}

// groupOf is a group for JSON, nil when there is none.
func groupOf(group sms.ID) *sms.ID {
	if group.IsZero() {
		return nil
	}
	return &group
}
