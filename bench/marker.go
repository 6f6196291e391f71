package bench

import (
	"sync"

	"tasman/smpp"
)

// A marker is what Load puts in front of each text and a simulator looks for to count lost and repeated messages: '#' and
// markerDigits decimal digits, the number of the message.
const (
	markerSign   = '#'
	markerDigits = 10
	markerLen    = 1 + markerDigits
)

// The markers of a load that is instance N begin at N times instanceMarkers; those from moMarkers on are the simulators'.
const (
	instanceMarkers = 1_000_000_000
	maxInstance     = moMarkers/instanceMarkers - 1
)

// appendMarker appends the marker of message n, of which the last markerDigits digits count.
func appendMarker(dst []byte, n uint64) []byte {
	var b [markerLen]byte
	b[0] = markerSign
	for i := markerDigits; i > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, b[:]...)
}

// putMarker writes the marker of message n over the beginning of a text in octets or, when wide, in UCS-2.
func putMarker(text []byte, n uint64, wide bool) {
	step, at := 1, 0
	if wide {
		step, at = 2, 1
	}
	for i := markerDigits; i > 0; i-- {
		text[at+i*step] = byte('0' + n%10)
		n /= 10
	}
}

// parseMarker reads the marker at the start of a text in octets or in UCS-2.
func parseMarker(text []byte) (n uint64, ok bool) {
	step := 1
	if len(text) >= 2*markerLen && text[0] == 0 {
		text, step = text[1:], 2
	}
	if len(text) < (markerLen-1)*step+1 || text[0] != markerSign {
		return 0, false
	}
	for i := 1; i < markerLen; i++ {
		c := text[i*step]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// markerOf reads the marker of a submit_sm. Segments after the first have none.
func markerOf(m *smpp.SubmitSM) (n uint64, ok bool) {
	text := m.Payload()
	if m.ESMClass&smpp.ESMUDHI != 0 {
		_, body, err := smpp.SplitUDH(text)
		if err != nil {
			return 0, false
		}
		text = body
	}
	return parseMarker(text)
}

// markerPage is how many markers a page of the bitmap holds: 8 KiB of memory for each 65,536 messages.
const markerPage = 1 << 16

// markers is the set of markers that were seen: a bit for each, in pages, as most runs use a narrow range.
type markers struct {
	mu       sync.Mutex
	pages    map[uint64]*[markerPage / 64]uint64
	distinct uint64
	repeated uint64
}

// see adds a marker and reports whether it is new.
func (s *markers) see(n uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pages == nil {
		s.pages = make(map[uint64]*[markerPage / 64]uint64)
	}
	p := s.pages[n/markerPage]
	if p == nil {
		p = new([markerPage / 64]uint64)
		s.pages[n/markerPage] = p
	}
	word, bit := &p[n%markerPage/64], uint64(1)<<(n%64)
	if *word&bit != 0 {
		s.repeated++
		return false
	}
	*word |= bit
	s.distinct++
	return true
}

func (s *markers) counts() (distinct, repeated uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.distinct, s.repeated
}
