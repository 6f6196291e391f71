package edge

import (
	"tasman/configs"
	"tasman/smpp"
)

// While less than half of what the edge takes waits to be stored (Config.MaxPending), a session may have as much of it as its
// window holds. Beyond that only its share: a part of the other half as large as any other session's. So however many binds
// keep however wide windows full, one that sends little is not refused because of them.

// mayWait counts n messages of the session that are to wait for storage; false when that is more than its share, and they are
// not counted.
func (s *session) mayWait(n int64) bool {
	if s.open.Add(n) > s.door.share.Load() && s.door.edge.acceptor.halfFull() {
		s.open.Add(-n)
		return false
	}
	return true
}

// overShare refuses a request with n messages that mayWait does not allow.
func (s *session) overShare(r *smpp.Request, account *configs.Account, n int) {
	s.giveRateBack(account, n)
	s.door.edge.stats.refused.WithLabelValues(doorSMPP, ReasonQueueFull).Inc()
	s.answer(r, "", errQueueFull("too many messages of this session wait to be stored"))
}

// setShare is called when the number of sessions has changed.
func (d *smppDoor) setShare(sessions int) {
	d.share.Store(int64(max(1, d.edge.cfg.MaxPending/2/max(1, sessions))))
}

// congestion is what responses to clients of SMPP 5.0 tell of our load (congestion_state, SMPP 5.0 4.8.4.18): the part of what
// the edge takes that waits to be stored, in percent, and 100 while nothing more is taken.
func (d *smppDoor) congestion() uint8 {
	a := d.edge.acceptor
	if a.bus.Pressure() != nil {
		return smpp.MaxCongestion
	}
	return uint8(min(a.depth.Load()*100/int64(a.edge.cfg.MaxPending), smpp.MaxCongestion))
}
