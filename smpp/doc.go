// Package smpp speaks SMPP 3.4 (and the parts of 3.3 and 5.0 that peers use)
// on both sides of the wire: the ESME that binds and the SMSC that is bound to. All
// operations of 3.4 are there; those of cell broadcast (5.0) are not.
//
// It has two layers. The codec is pure: plain structs that implement PDU,
// TLVs, user data headers, times and the receipt text of Appendix B. The
// session layer moves PDUs over a net.Conn: Dial for the ESME, Server for the
// SMSC, and one Session type for both. What a message means (characters,
// segments, prices) is not here: that belongs to package sms.
//
// A decoded PDU's byte slices alias the frame it came from and are valid until
// the callback that was given the PDU returns; its strings are copies.
//
// Errors come in two classes. A frame error (a length below 16 or above the
// limit, a connection cut inside a frame) ends the session. A body error is
// answered with the fitting command_status and the session goes on.
//
// A request that Send accepted gets exactly one Outcome: answered, not sent
// (safe to send elsewhere) or unknown (written but not answered, so it may have
// been taken).
//
// Anybody may import this package. It uses the standard library only, keeps no
// global mutable state and writes no message text, number or password to a log.
package smpp
