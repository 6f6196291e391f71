package edge

import "tasman/smpp"

// statusFor returns the status as a client of the version knows it. Those from 0x100 on are of SMPP 5.0: older clients get
// ESME_RSUBMITFAIL instead, which is permanent and says no more. ESME_RSYSERR would have them try the same for ever.
func statusFor(status smpp.Status, version uint8) smpp.Status {
	if version < smpp.Version50 && status >= smpp.StatusServiceTypeUnauthorized && status <= smpp.StatusInvalidBroadcastChannel {
		return smpp.StatusSubmitFailed
	}
	return status
}
