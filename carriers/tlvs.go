package carriers

import (
	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// addExtras gives the submit_sm of a message, one a segment, what the carrier may have beside the content.
//
// Every segment has the optional parameters of the message that the carrier's rule lets through, and the carrier's
// constants where the message brings none of its own; a carrier bound with version 3.3 gets none. Only the first segment
// has replace_if_present_flag: with it on the others each would replace the one before. Short codes have the carrier's type
// of number.
func addExtras(spec *configs.Carrier, m *sms.Message, pdus []smpp.PDU) {
	var extra smpp.TLVs
	if spec.InterfaceVersion >= smpp.Version34 {
		extra = extraTLVs(spec, m)
	}
	otherTON := spec.ShortCodes != configs.ShortCodeNetwork && (m.Source.Kind == sms.ShortCode || m.Destination.Kind == sms.ShortCode)
	if len(extra) == 0 && !m.ReplaceIfPresent && !otherTON {
		return
	}
	for i, pdu := range pdus {
		sm, ok := pdu.(*smpp.SubmitSM)
		if !ok {
			continue
		}
		if i == 0 && m.ReplaceIfPresent {
			sm.ReplaceIfPresent = 1
		}
		if m.Source.Kind == sms.ShortCode {
			sm.Source.TON = spec.ShortCodes.SMPP()
		}
		if m.Destination.Kind == sms.ShortCode {
			sm.Destination.TON = spec.ShortCodes.SMPP()
		}
		if len(sm.TLVs) == 0 {
			sm.TLVs = extra // shared: what is appended to it is a copy
		} else {
			sm.TLVs = append(sm.TLVs, extra...)
		}
	}
}

// extraTLVs has no room to grow, so that it can be shared.
func extraTLVs(spec *configs.Carrier, m *sms.Message) smpp.TLVs {
	if len(m.TLVs) == 0 {
		return spec.FixedTLVs
	}
	own := configs.PassTLVs(nil, m.TLVs, spec.TLVs)
	all := own
	for tag, value := range spec.FixedTLVs.All() {
		if _, has := own.Get(tag); !has {
			all.Add(tag, value)
		}
	}
	return all[:len(all):len(all)]
}

// receiptTLVs returns the optional parameters of a receipt that are kept for the customer: those that the carrier's rule
// lets in, and network_error_code when it tells of an error.
func receiptTLVs(spec *configs.Carrier, tlvs smpp.TLVs, r *smpp.Receipt) []byte {
	if len(r.NetworkError) == 0 && len(spec.TLVs) == 0 {
		return nil
	}
	kept := configs.PassTLVs(nil, tlvs, spec.TLVs)
	if len(r.NetworkError) == 3 && (r.NetworkError[1] != 0 || r.NetworkError[2] != 0) {
		kept.Add(smpp.TagNetworkErrorCode, r.NetworkError)
	}
	return kept
}
