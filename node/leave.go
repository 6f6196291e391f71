package node

import "time"

// Leave is the first step of a stop in order: the node says that it is not ready, and goes on as before for LameDuck of its
// configuration, so that load balancers send new connections elsewhere meanwhile. HTTP connections are closed with their next
// answer from then on.
func (n *Node) Leave() {
	n.leaving.Store(true)
	if n.edge != nil {
		n.edge.Leave()
	}
	if n.cfg.LameDuck > 0 {
		n.log.Info("not ready any more, stopping soon", "in", n.cfg.LameDuck.String())
		time.Sleep(n.cfg.LameDuck)
	}
}
