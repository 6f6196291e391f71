// Package journal is the file in which the load and the simulator write down each message, so that afterwards what was
// accepted, received and receipted can be joined.
//
// A journal is a header and a row of entries, in the order in which things happened where it was written. The load writes
// an Answered entry for each message (for each segment of a message that it cuts itself), and the receipts and MOs that
// come back; the simulator writes what it receives, and the receipts and MOs that it sends. Markers join the two; ids join
// the load's journal with its receipts, and with what the gateway reports.
//
// No entry holds a text or a number: destinations are hashes (Destination), enough to check the order of each.
//
// The layout, all integers as unsigned varints unless said otherwise:
//
//	file   = "TSMJRNL1" length JSON-of-Header record*
//	record = length kind flags at [marker] [id] [intended] [status] [state] [destination, 8 octets] [via] [part parts [reference]]
//
// at and intended are microseconds since Header.Started (zigzag, as a clock may be set back); flags say which of the fields
// in brackets are there. id and via are length and octets; via is written once and then by its number: an odd value v is the
// name number v>>1, an even one the length<<1 of a new name, which gets the next number. A record that is cut off by the end
// of the file is not there yet: a journal can be read while it is written.
package journal
