package core

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	decided, matched *prometheus.CounterVec
	routed           prometheus.Counter // of decided
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		decided: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tasman_core_decisions_total", Help: "Messages by what the chain decided."}, []string{"verdict"}),
		matched: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tasman_core_inbound_total", Help: "Receipts and MOs that came through core, by what became of them."}, []string{"result"}),
	}
	m.routed = m.decided.WithLabelValues("routed")
	if reg == nil {
		return m, nil
	}
	return m, errors.Join(reg.Register(m.decided), reg.Register(m.matched))
}
