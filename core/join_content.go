package core

import (
	"slices"

	"tasman/smpp"
	"tasman/sms"
)

// content puts the segments of one message together. Those of one alphabet are joined before they are decoded, since a
// character may lie on both sides of a cut; where alphabets differ, or a segment is missing, each side stands alone.
func content(parts []*segment, binary bool) *sms.Content {
	first, last := parts[0], parts[len(parts)-1]
	whole := &sms.Content{Encoding: first.encoding, Shift: first.shift}
	if binary {
		for _, g := range parts {
			whole.Data = append(whole.Data, g.octets...)
		}
		return whole
	}
	var run []byte
	for i, g := range parts {
		if i > 0 && (!g.alike(parts[i-1]) || g.seq != parts[i-1].seq+1) {
			whole.Text, run = whole.Text+decode(run, parts[i-1].encoding, parts[i-1].shift), nil
		}
		run = append(run, g.octets...)
	}
	whole.Text += decode(run, last.encoding, last.shift)
	if slices.ContainsFunc(parts, func(g *segment) bool { return !g.alike(first) }) {
		whole.Encoding, whole.Shift = sms.ChooseEncoding(whole.Text), sms.Shift{}
	}
	whole.Elements = whole.Shift.HeaderLen()
	return whole
}

// decode reads the octets of a text. Who accepted them has made sure that they can be read.
func decode(octets []byte, enc sms.Encoding, shift sms.Shift) string {
	switch enc {
	case sms.UCS2:
		text, _ := sms.DecodeUCS2(octets) // half a unit at the end is nothing that could be shown
		return text
	case sms.Latin1:
		return sms.DecodeLatin1(octets)
	}
	return shift.Decode(octets)
}

// concatenated reports whether each header holds nothing but the concatenation (3GPP TS 23.040 9.2.3.24.1 and .8) and shift
// tables (9.2.3.24.15 and .16), which are made anew. Segments with other elements, such as ports or formatting, go on as they
// came: those belong to each of them.
func concatenated(parts []*segment) bool {
	return !slices.ContainsFunc(parts, func(g *segment) bool {
		udh := smpp.UDH(g.udh)
		return !udh.Valid() || len(udh.AppendElements(nil, false)) > 0
	})
}
