package core

import (
	"slices"

	"tasman/sms"
)

// content puts the segments of one message together. Those of one encoding are joined before they are decoded, since a
// character may lie on both sides of a cut; where encodings differ, or a segment is missing, each side stands alone.
func content(parts []*segment, binary bool) (enc sms.Encoding, text string, data []byte) {
	if binary {
		for _, g := range parts {
			data = append(data, g.octets...)
		}
		return sms.Binary, "", data
	}
	enc = parts[0].encoding
	var run []byte
	for i, g := range parts {
		if i > 0 && (g.encoding != parts[i-1].encoding || g.seq != parts[i-1].seq+1) {
			text, run = text+decode(run, parts[i-1].encoding), nil
		}
		run = append(run, g.octets...)
		if g.encoding != enc {
			enc = 0
		}
	}
	text += decode(run, parts[len(parts)-1].encoding)
	if enc == 0 {
		enc = sms.ChooseEncoding(text)
	}
	return enc, text, nil
}

// decode reads the octets of a text. Who accepted them has made sure that they can be read.
func decode(octets []byte, enc sms.Encoding) string {
	switch enc {
	case sms.UCS2:
		text, _ := sms.DecodeUCS2(octets) // half a unit at the end is nothing that could be shown
		return text
	case sms.Latin1:
		return sms.DecodeLatin1(octets)
	}
	return sms.DecodeGSM7(octets)
}

// concatenated reports whether a header holds nothing but the concatenation (3GPP TS 23.040 9.2.3.24.1 and .8), which is
// made anew. Segments with other elements, such as ports or formatting, go on as they came: those belong to each of them.
func concatenated(parts []*segment) bool {
	return !slices.ContainsFunc(parts, func(g *segment) bool {
		return len(g.udh) != sms.Header8 && len(g.udh) != sms.Header16
	})
}
