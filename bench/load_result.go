package bench

import (
	"fmt"
	"slices"
	"time"

	"tasman/bench/results"
)

// result puts together what was measured; sending is how long messages were sent.
func (l *load) result(p *pacer, sending time.Duration) *results.Result {
	r, o := l.rec, &l.opts
	unsent := p.unsent(r, sending)
	res := &results.Result{
		Kind: results.KindLoad, Name: o.Name, Command: o.Command, Tool: results.ThisTool(), Machine: results.ThisMachine(),
		Target: results.Target(o.HTTP), Loop: results.Open, Started: r.started().UTC(), Duration: sending.Seconds(),
		Totals: results.Totals{Intended: p.messages(p.due), Sent: r.sent.Load(), Accepted: r.accepted.Load(), Unanswered: r.inFlight.Load(),
			HeldBack: p.heldBack * uint64(p.batch), Unsent: unsent, Redials: r.redials.Load(), Errors: r.errorCounts()},
		Shape: &results.Shape{Accounts: len(o.Accounts)},
		Notes: append(slices.Clone(o.Mentions), fmt.Sprintf("seed %d", o.Seed)),
	}
	if o.SMPP != "" {
		res.Shape.Binds, res.Shape.Window = o.Binds*len(o.Accounts), o.Window
	}
	if o.HTTP != "" {
		res.Shape.Conns, res.Shape.Recipients, res.Shape.API = o.Conns, o.Recipients, o.Call.word(o.HTTP)
	} else {
		res.Target = "smpp://" + o.SMPP
	}
	if l.texts != nil { // it was opened
		res.Shape.Messages = o.Mix.word(l.texts)
	}
	for _, s := range p.stalls {
		res.Stalls = append(res.Stalls, results.Stall{At: s.at.Seconds(), For: s.length.Seconds()})
	}
	if l.profile == nil {
		res.Loop, res.Intended = results.Closed, res.Sent
	} else {
		l.describeProfile(res, sending)
	}
	last := l.observer.finish(res)
	if took := max(l.planned(sending), sending, last); took > 0 {
		res.AchievedRate = float64(res.Accepted) / took.Seconds()
	}
	if r.receipts != nil {
		res.Receipts, res.EndToEnd = r.receipts.result()
	}
	res.MOs, res.MO = r.mos.result()
	if l.http != nil {
		res.Notes = append(res.Notes, l.http.notes(l.profile, p.heldBack)...)
	}
	if l.hooks != nil {
		res.Notes = append(res.Notes, l.hooks.notes()...)
	}
	if l.smpp != nil {
		if note := r.binds.note(); note != "" {
			res.Notes = append(res.Notes, note)
		}
		if p.heldBack > 0 && l.sendsOverSMPP() {
			res.Notes = append(res.Notes, l.smpp.wants.notes(o, len(l.smpp.binds))...)
		}
	}
	if p.gaveUp {
		res.Notes = append(res.Notes, fmt.Sprintf("given up: no bind for %s", noBindFor))
	}
	if l.cut {
		res.Notes = append(res.Notes, stoppedNote)
	}
	if o.Journal != nil && o.Journal.Err() != nil {
		res.Notes = append(res.Notes, o.Journal.Err().Error())
	}
	return res
}

// planned returns over which time the messages were meant to be sent, which is longer than sending where the last is not meant
// for the end of it. A load that was stopped was meant to send until then.
func (l *load) planned(sending time.Duration) time.Duration {
	length := l.length()
	if length == 0 || l.cut {
		return sending
	}
	return length
}

// describeProfile notes the profile, its mean rate and its phases.
func (l *load) describeProfile(res *results.Result, sending time.Duration) {
	res.Profile = l.profile.String()
	if l.opts.Poisson && l.opts.Profile != "" {
		res.Profile += " (poisson)"
	}
	length := l.planned(sending)
	if res.OfferedRate = l.opts.Rate; res.OfferedRate == 0 && length > 0 {
		res.OfferedRate = l.profile.Messages(length) / length.Seconds()
	}
	if len(l.profile.phases) < 2 {
		return
	}
	for i := range l.profile.phases {
		if ph := &l.profile.phases[i]; ph.begin < sending {
			res.Marks = append(res.Marks, results.Mark{At: ph.begin.Seconds(), Kind: results.MarkPhase, Label: ph.name})
		}
	}
}
