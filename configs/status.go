package configs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tasman/smpp"
)

// StatusClasses overrides the class of a carrier's answers by command_status. Only classes of answers may be given, see
// Class.Answered.
type StatusClasses map[smpp.Status]Class

// ClassOf returns the class of a carrier's answer other than smpp.StatusOK: the override if there is one, else what SMPP
// 3.4 5.1.3 and 5.0 4.7.6 mean by it. A status that neither knows (vendor codes) is RefusedHere: another carrier is tried.
func ClassOf(s smpp.Status, overrides StatusClasses) Class {
	if c, ok := overrides[s]; ok {
		return c
	}
	if e, ok := statuses[s]; ok {
		return e.class
	}
	return RefusedHere
}

type statusEntry struct {
	name  string // as in the specification
	class Class
}

// statuses are those that may answer a submit_sm or data_sm, or come in a generic_nack. The others can only be overridden by number.
var statuses = map[smpp.Status]statusEntry{
	smpp.StatusThrottled:                 {"ESME_RTHROTTLED", Throttled},
	smpp.StatusMessageQueueFull:          {"ESME_RMSGQFUL", QueueFull},
	smpp.StatusSystemError:               {"ESME_RSYSERR", TemporaryFailure},
	smpp.StatusTemporaryAppError:         {"ESME_RX_T_APPN", TemporaryFailure},
	smpp.StatusServiceTypeUnavailable:    {"ESME_RSERTYPUNAVAIL", TemporaryFailure},
	smpp.StatusInvalidBindStatus:         {"ESME_RINVBNDSTS", TemporaryFailure}, // the session, not the message, is wrong
	smpp.StatusBindFailed:                {"ESME_RBINDFAIL", TemporaryFailure},
	smpp.StatusSubmitFailed:              {"ESME_RSUBMITFAIL", Ambiguous},
	smpp.StatusDeliveryFailure:           {"ESME_RDELIVERYFAILURE", Ambiguous},
	smpp.StatusUnknownError:              {"ESME_RUNKNOWNERR", Ambiguous},
	smpp.StatusInvalidDestination:        {"ESME_RINVDSTADR", InvalidDestination},
	smpp.StatusRejectAppError:            {"ESME_RX_R_APPN", Rejected},
	smpp.StatusPermanentAppError:         {"ESME_RX_P_APPN", RefusedHere},
	smpp.StatusInvalidSource:             {"ESME_RINVSRCADR", RefusedHere},
	smpp.StatusInvalidMessageLength:      {"ESME_RINVMSGLEN", RefusedHere},
	smpp.StatusInvalidCommandLength:      {"ESME_RINVCMDLEN", RefusedHere},
	smpp.StatusInvalidCommandID:          {"ESME_RINVCMDID", RefusedHere},
	smpp.StatusInvalidPriority:           {"ESME_RINVPRTFLG", RefusedHere},
	smpp.StatusInvalidRegisteredDelivery: {"ESME_RINVREGDLVFLG", RefusedHere},
	smpp.StatusInvalidServiceType:        {"ESME_RINVSERTYP", RefusedHere},
	smpp.StatusInvalidESMClass:           {"ESME_RINVESMCLASS", RefusedHere},
	smpp.StatusInvalidSourceTON:          {"ESME_RINVSRCTON", RefusedHere},
	smpp.StatusInvalidSourceNPI:          {"ESME_RINVSRCNPI", RefusedHere},
	smpp.StatusInvalidDestinationTON:     {"ESME_RINVDSTTON", RefusedHere},
	smpp.StatusInvalidDestinationNPI:     {"ESME_RINVDSTNPI", RefusedHere},
	smpp.StatusInvalidReplaceFlag:        {"ESME_RINVREPFLAG", RefusedHere},
	smpp.StatusInvalidSchedule:           {"ESME_RINVSCHED", RefusedHere},
	smpp.StatusInvalidExpiry:             {"ESME_RINVEXPIRY", RefusedHere},
	smpp.StatusInvalidDefaultMessage:     {"ESME_RINVDFTMSGID", RefusedHere},
	smpp.StatusInvalidTLVStream:          {"ESME_RINVTLVSTREAM", RefusedHere},
	smpp.StatusTLVNotAllowed:             {"ESME_RTLVNOTALLWD", RefusedHere},
	smpp.StatusInvalidTLVLength:          {"ESME_RINVTLVLEN", RefusedHere},
	smpp.StatusMissingTLV:                {"ESME_RMISSINGTLV", RefusedHere},
	smpp.StatusInvalidTLVValue:           {"ESME_RINVTLVVAL", RefusedHere},
	smpp.StatusServiceTypeUnauthorized:   {"ESME_RSERTYPUNAUTH", RefusedHere},
	smpp.StatusProhibited:                {"ESME_RPROHIBITED", RefusedHere},
	smpp.StatusServiceTypeDenied:         {"ESME_RSERTYPDENIED", RefusedHere},
	smpp.StatusInvalidDCS:                {"ESME_RINVDCS", RefusedHere},
	smpp.StatusInvalidSourceSubunit:      {"ESME_RINVSRCADDRSUBUNIT", RefusedHere},
	smpp.StatusInvalidDestSubunit:        {"ESME_RINVDSTADDRSUBUNIT", RefusedHere},
}

// names34 are names that SMPP 3.4 used for what 5.0 calls otherwise.
var names34 = map[string]smpp.Status{
	"ESME_RINVOPTPARSTREAM": smpp.StatusInvalidTLVStream,
	"ESME_ROPTPARNOTALLWD":  smpp.StatusTLVNotAllowed,
	"ESME_RINVPARLEN":       smpp.StatusInvalidTLVLength,
	"ESME_RMISSINGOPTPARAM": smpp.StatusMissingTLV,
	"ESME_RINVOPTPARAMVAL":  smpp.StatusInvalidTLVValue,
}

// ParseStatus reads a command_status other than 0: a number such as 88 or 0x58, or a name of the specification such as
// ESME_RTHROTTLED.
func ParseStatus(s string) (smpp.Status, error) {
	if n, err := strconv.ParseUint(s, 0, 32); err == nil && n != 0 {
		return smpp.Status(n), nil
	}
	if st, ok := names34[s]; ok {
		return st, nil
	}
	if strings.HasPrefix(s, "ESME_") {
		for st, e := range statuses {
			if e.name == s {
				return st, nil
			}
		}
	}
	return 0, errors.New("want a command_status: a number such as 0x58 or a name such as ESME_RTHROTTLED")
}

// formatStatus writes the canonical form that ParseStatus reads.
func formatStatus(s smpp.Status) string {
	if e, ok := statuses[s]; ok {
		return e.name
	}
	return fmt.Sprintf("0x%08X", uint32(s))
}

// statusesOf lists the statuses of a class by their numbers.
func statusesOf(c Class) []string {
	var codes []smpp.Status
	for s, e := range statuses {
		if e.class == c {
			codes = append(codes, s)
		}
	}
	slices.Sort(codes)
	out := make([]string, len(codes))
	for i, s := range codes {
		out[i] = fmt.Sprintf("%s (0x%02X)", statuses[s].name, uint32(s))
	}
	return out
}
