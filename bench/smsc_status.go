package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tasman/smpp"
)

// StatusCode is a command_status in settings and scenarios: written as its name in the specification, with or without
// ESME_, or as a number, 88 or 0x58.
type StatusCode smpp.Status

// statusNames are the names that can be written, without ESME_R.
var statusNames = map[string]smpp.Status{
	"OK": smpp.StatusOK, "INVMSGLEN": smpp.StatusInvalidMessageLength, "INVCMDLEN": smpp.StatusInvalidCommandLength,
	"INVCMDID": smpp.StatusInvalidCommandID, "INVBNDSTS": smpp.StatusInvalidBindStatus, "ALYBND": smpp.StatusAlreadyBound,
	"INVPRTFLG": smpp.StatusInvalidPriority, "INVREGDLVFLG": smpp.StatusInvalidRegisteredDelivery, "SYSERR": smpp.StatusSystemError,
	"INVSRCADR": smpp.StatusInvalidSource, "INVDSTADR": smpp.StatusInvalidDestination, "INVMSGID": smpp.StatusInvalidMessageID,
	"BINDFAIL": smpp.StatusBindFailed, "INVPASWD": smpp.StatusInvalidPassword, "INVSYSID": smpp.StatusInvalidSystemID,
	"CANCELFAIL": smpp.StatusCancelFailed, "REPLACEFAIL": smpp.StatusReplaceFailed, "MSGQFUL": smpp.StatusMessageQueueFull,
	"INVSERTYP": smpp.StatusInvalidServiceType, "INVESMCLASS": smpp.StatusInvalidESMClass, "SUBMITFAIL": smpp.StatusSubmitFailed,
	"INVSRCTON": smpp.StatusInvalidSourceTON, "INVSRCNPI": smpp.StatusInvalidSourceNPI, "INVDSTTON": smpp.StatusInvalidDestinationTON,
	"INVDSTNPI": smpp.StatusInvalidDestinationNPI, "INVSYSTYP": smpp.StatusInvalidSystemType, "THROTTLED": smpp.StatusThrottled,
	"INVSCHED": smpp.StatusInvalidSchedule, "INVEXPIRY": smpp.StatusInvalidExpiry, "X_T_APPN": smpp.StatusTemporaryAppError,
	"X_P_APPN": smpp.StatusPermanentAppError, "X_R_APPN": smpp.StatusRejectAppError, "QUERYFAIL": smpp.StatusQueryFailed,
	"DELIVERYFAILURE": smpp.StatusDeliveryFailure, "UNKNOWNERR": smpp.StatusUnknownError, "SERTYPUNAUTH": smpp.StatusServiceTypeUnauthorized,
	"PROHIBITED": smpp.StatusProhibited, "SERTYPUNAVAIL": smpp.StatusServiceTypeUnavailable, "SERTYPDENIED": smpp.StatusServiceTypeDenied,
	"INVDCS": smpp.StatusInvalidDCS,
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *StatusCode) UnmarshalText(text []byte) error {
	name := strings.TrimPrefix(strings.ToUpper(string(text)), "ESME_")
	if st, ok := statusNames[strings.TrimPrefix(name, "R")]; ok && strings.HasPrefix(name, "R") {
		*c = StatusCode(st)
		return nil
	}
	n, err := strconv.ParseUint(string(text), 0, 32)
	if err != nil {
		names := make([]string, 0, len(statusNames))
		for name := range statusNames {
			names = append(names, "R"+name)
		}
		slices.Sort(names)
		return fmt.Errorf("no status %q; want a number or one of %s", text, strings.Join(names, ", "))
	}
	*c = StatusCode(n)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (c StatusCode) MarshalText() ([]byte, error) {
	for name, st := range statusNames {
		if st == smpp.Status(c) {
			return []byte("R" + name), nil
		}
	}
	return fmt.Appendf(nil, "0x%02X", uint32(c)), nil
}
