package bench

import (
	"encoding/binary"

	"tasman/smpp"
	"tasman/sms"
)

// generator makes the messages of a load. Each is a function of its number and the seed alone, whoever makes it. A generator
// is not safe for concurrent use; its slices are valid until the next message.
type generator struct {
	*blend
	number []byte
	text   []byte
	tlvs   smpp.TLVs
}

// chosen is what is chosen for one message.
type chosen struct {
	n    uint64
	text *variant
	from *sender
	lane sms.Lane
	draw uint64 // of its destination
}

func newGenerator(b *blend) *generator { return &generator{blend: b} }

// choose chooses message n.
func (g *generator) choose(n uint64) chosen {
	d := scramble(g.seed ^ scramble(n))
	m := chosen{n: n, text: g.texts.pick(d), draw: scramble(d + 1)}
	m.from = g.senders.pick(scramble(d + 2))
	m.lane = g.lanes.pick(scramble(d + 3))
	return m
}

// destination returns the number that message n goes to, without '+'. Chosen digits never make a magic ending.
func (g *generator) destination(n uint64) []byte {
	draw := scramble(scramble(g.seed^scramble(n)) + 1)
	var set *numbers
	if g.inTurn {
		set = g.destinations.items[n%uint64(len(g.destinations.items))]
	} else {
		set = g.destinations.pick(scramble(draw + 1))
	}
	g.number = set.append(g.number[:0], draw)
	return g.number
}

// fill makes m the submit_sm of part i of a message to the number to.
func (g *generator) fill(m *smpp.SubmitSM, msg *chosen, to string, i int) {
	v := msg.text
	total := uint8(len(v.bodies))
	m.Source, m.DataCoding = msg.from.addr, v.coding
	m.Destination = smpp.Address{TON: 1, NPI: 1, Addr: to}
	m.ESMClass, m.TLVs = 0, nil
	m.PriorityFlag = 0
	if msg.lane == sms.Alert {
		m.PriorityFlag = 3
	}
	text := g.text[:0]
	if total > 1 {
		ref, seq := uint16(msg.n), uint8(i+1)
		switch v.form {
		case LongUDH16:
			text, m.ESMClass = smpp.AppendConcat16(text, ref, total, seq), smpp.ESMUDHI
		case LongSAR:
			g.tlvs = smpp.AppendTLV(g.tlvs[:0], smpp.TagSARMsgRefNum, binary.BigEndian.AppendUint16(nil, ref))
			g.tlvs.AddByte(smpp.TagSARTotalSegments, total)
			g.tlvs.AddByte(smpp.TagSARSegmentSeqnum, seq)
			m.TLVs = g.tlvs
		default:
			text, m.ESMClass = smpp.AppendConcat8(text, uint8(ref), total, seq), smpp.ESMUDHI
		}
	}
	header := len(text)
	text = append(text, v.bodies[i]...)
	if i == 0 {
		putMarker(text[header:], msg.n, v.wide)
	}
	g.text = text
	m.ShortMessage = text
	if len(text) > smpp.MaxShortMessage || v.payload {
		g.tlvs = smpp.AppendTLV(g.tlvs[:0], smpp.TagMessagePayload, text)
		m.ShortMessage, m.TLVs = nil, g.tlvs
	}
}
