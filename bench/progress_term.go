package bench

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"tasman/bench/results"
)

// sparkPoints is how many seconds the small chart shows.
const sparkPoints = 60

// blockProgress draws a block anew each second.
type blockProgress struct {
	w      io.Writer
	width  func() int
	length time.Duration // of the load; 0: not known
	count  uint64        // of messages; 0: until length
	lines  int           // of the block that is on the screen
	rates  []uint64
}

func (b *blockProgress) show(s *observer, p *results.Point) {
	b.rates = append(b.rates, p.Accepted)
	if len(b.rates) > sparkPoints {
		b.rates = b.rates[1:]
	}
	width := max(b.width()-1, 10) // the last column would wrap on some terminals
	var out strings.Builder
	if b.lines > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", b.lines)
	}
	lines := b.block(s, p, width)
	for _, line := range lines {
		out.WriteString("\r\x1b[K" + clip(line, width) + "\n")
	}
	if len(lines) < b.lines { // what an earlier, longer block has left
		out.WriteString("\x1b[J")
	}
	b.lines = len(lines)
	_, _ = io.WriteString(b.w, out.String()) // nobody could be told
}

func (b *blockProgress) end() {}

// block returns the lines of the block.
func (b *blockProgress) block(s *observer, p *results.Point, width int) []string {
	last := s.last
	lines := []string{
		b.bar(p.At, last.accepted, width),
		fmt.Sprintf("rate    %6d/s accepted  %6d/s offered", p.Accepted, p.Offered),
		"        " + spark(b.rates, max(width-8, 1)),
		fmt.Sprintf("sum     %d accepted  %d sent  %d outstanding", last.accepted, last.sent, p.Outstanding),
	}
	if q := p.Response; q != nil {
		lines = append(lines, fmt.Sprintf("answer  p50 %.1f ms  p99 %.1f ms   of all p50 %.1f  p99 %.1f", q.P50, q.P99, s.rec.percentile(50), s.rec.percentile(99)))
	}
	if s.rec.receipts != nil {
		line := fmt.Sprintf("receipt %d", last.receipts)
		if q := p.EndToEnd; q != nil {
			line += fmt.Sprintf("  p50 %.1f ms  p99 %.1f ms", q.P50, q.P99)
		}
		lines = append(lines, line)
	}
	if last.mos > 0 {
		lines = append(lines, fmt.Sprintf("MO      %d", last.mos))
	}
	if s.rec.binds != nil {
		if state := s.rec.binds.state(); state != "" {
			lines = append(lines, state)
		}
	}
	errors := s.rec.errorCounts()
	for _, name := range slices.Sorted(maps.Keys(errors)) {
		lines = append(lines, fmt.Sprintf("error   %d  %s", errors[name], name))
	}
	return lines
}

// bar draws how far the load is.
func (b *blockProgress) bar(at float64, accepted uint64, width int) string {
	var share float64
	left := ""
	switch {
	case b.length > 0:
		share = at / b.length.Seconds()
		left = max(b.length-time.Duration(at*1e9), 0).Round(time.Second).String() + " left"
	case b.count > 0:
		share = float64(accepted) / float64(b.count)
	default:
		return fmt.Sprintf("%.0f s", at)
	}
	share = min(max(share, 0), 1)
	if share >= 1 {
		left = "waiting for what is out"
	}
	text := fmt.Sprintf(" %3.0f %%  %s", 100*share, left)
	room := max(min(width-len(text), 40), 4)
	done := int(share * float64(room))
	return strings.Repeat("█", done) + strings.Repeat("░", room-done) + text
}

// spark draws numbers as a small chart, the last ones where there are more than width.
func spark(values []uint64, width int) string {
	values = values[max(len(values)-width, 0):]
	most := slices.Max(append(slices.Clone(values), 1))
	var out strings.Builder
	for _, v := range values {
		out.WriteRune([]rune("▁▂▃▄▅▆▇█")[v*7/most])
	}
	return out.String()
}

// clip cuts a line to so many columns.
func clip(line string, width int) string {
	if r := []rune(line); len(r) > width {
		return string(r[:width])
	}
	return line
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	_, ok := terminalWidth(w)
	return ok
}

// terminalWidth returns the columns of a terminal, and false when w is none.
func terminalWidth(w io.Writer) (int, bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	var size struct{ rows, columns, x, y uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	return int(size.columns), errno == 0
}
