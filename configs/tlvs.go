package configs

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"tasman/smpp"
)

// RoutingTag reports whether an optional parameter is kept of every submit_sm, since routes may look at it:
// billing_identification and dest_addr_np_resolution, _information and _country (SMPP 5.0 4.8.4.3, 4.8.4.17 to .19).
func RoutingTag(t smpp.Tag) bool {
	return t == smpp.TagBillingIdentification || smpp.TagDestAddrNPResolution <= t && t <= smpp.TagDestAddrNPCountry
}

// HasTag reports whether one of the ranges holds the tag.
func HasTag(rule []TagRange, t smpp.Tag) bool {
	return slices.ContainsFunc(rule, func(r TagRange) bool { return r.Has(t) })
}

// PassTLVs appends those of tlvs, parameters as they are on the wire, that the rule lets through, in their order. Unknown
// and malformed ones stay behind.
func PassTLVs(dst smpp.TLVs, tlvs []byte, rule []TagRange) smpp.TLVs {
	if len(tlvs) == 0 || len(rule) == 0 {
		return dst
	}
	for tag, value := range smpp.TLVs(tlvs).All() {
		if HasTag(rule, tag) {
			dst.Add(tag, value)
		}
	}
	return dst
}

// fixedTLVs puts the constants of a carrier together, by tag.
func fixedTLVs(set map[smpp.Tag]string) (out smpp.TLVs) {
	for _, tag := range slices.Sorted(maps.Keys(set)) {
		value, _ := TLVValue(set[tag]) // Check saw that it can be read
		out.Add(tag, value)
	}
	return slices.Clip(out)
}

// madeByUs reports whether a parameter of submit_sm is the gateway's own to make, so that no constant may take its place.
func madeByUs(t smpp.Tag) bool {
	switch t {
	case smpp.TagMessagePayload, smpp.TagSARMsgRefNum, smpp.TagSARTotalSegments, smpp.TagSARSegmentSeqnum:
		return true
	}
	return false
}

// takes reports whether a route that names values of billing_identification or routing numbers is for a message with these
// optional parameters. A routing number counts unless dest_addr_np_resolution says that the number was not ported (SMPP
// 5.0 4.8.4.17: 2 = ported).
func (r *Route) takes(tlvs smpp.TLVs) bool {
	if len(r.Billing) > 0 {
		value, ok := tlvs.Get(smpp.TagBillingIdentification)
		if !ok || !slices.ContainsFunc(r.Billing, func(want string) bool { return equalsOctets(want, value) }) {
			return false
		}
	}
	if len(r.NP) == 0 {
		return true
	}
	number, ok := tlvs.Get(smpp.TagDestAddrNPInformation)
	if resolution, told := tlvs.GetByte(smpp.TagDestAddrNPResolution); !ok || told && resolution != 2 {
		return false
	}
	return slices.ContainsFunc(r.NP, func(begins string) bool { return strings.HasPrefix(string(number), begins) })
}

// equalsOctets compares a value of the configuration, text or 0x and hexadecimal digits, with octets of the wire.
func equalsOctets(want string, value []byte) bool {
	if digits, ok := strings.CutPrefix(want, "0x"); ok {
		return strings.EqualFold(digits, hex.EncodeToString(value))
	}
	return want == string(value)
}
