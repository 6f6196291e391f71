package bench

import (
	"fmt"
	"io"

	"tasman/bench/results"
)

// progress shows a load while it runs. Its methods are called by one goroutine.
type progress interface {
	show(s *observer, p *results.Point) // once a second
	end()
}

// newProgress returns the block for a terminal, or lines.
func newProgress(l *load, w io.Writer) progress {
	if width, ok := terminalWidth(w); ok && width > 0 && !l.opts.Plain {
		columns := func() int {
			if n, ok := terminalWidth(w); ok && n > 0 {
				return n
			}
			return width
		}
		return &blockProgress{w: w, width: columns, length: l.length(), count: l.opts.Count}
	}
	return &lineProgress{w: w}
}

// lineProgress writes a line a second.
type lineProgress struct{ w io.Writer }

func (l *lineProgress) show(s *observer, p *results.Point) {
	r := s.rec
	line := fmt.Sprintf("%4.0fs  sent %d (%d/s)  accepted %d (%d/s)  failed %d  in flight %d", p.At,
		s.last.sent, p.Sent, s.last.accepted, p.Accepted, s.last.failed, p.Outstanding)
	if q := p.Response; q != nil {
		line += fmt.Sprintf("  p50 %.1f ms  p99 %.1f ms", q.P50, q.P99)
	}
	if r.receipts != nil {
		line += fmt.Sprintf("  receipts %d", s.last.receipts)
	}
	if s.last.mos > 0 {
		line += fmt.Sprintf("  MOs %d", s.last.mos)
	}
	if r.binds != nil {
		if state := r.binds.state(); state != "" {
			line += "  " + state
		}
	}
	fmt.Fprintln(l.w, line)
}

func (l *lineProgress) end() {}
