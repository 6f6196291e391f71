package smpp

import "encoding/binary"

// SARHeader returns the user data header, with a 16-bit reference, that the TLVs sar_msg_ref_num, sar_total_segments and
// sar_segment_seqnum stand for (SMPP 3.4 §5.3.2.22 to .24); false when they are not all there or make no sense, and the
// message then stands alone.
func SARHeader(tlvs TLVs) ([]byte, bool) {
	ref, _ := tlvs.Get(TagSARMsgRefNum)
	total, ok1 := tlvs.GetByte(TagSARTotalSegments)
	seq, ok2 := tlvs.GetByte(TagSARSegmentSeqnum)
	if len(ref) != 2 || !ok1 || !ok2 || total < 2 || seq < 1 || seq > total {
		return nil, false
	}
	return AppendConcat16(nil, binary.BigEndian.Uint16(ref), total, seq), true
}
