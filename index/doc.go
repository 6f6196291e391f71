// Package index is the local view of the streams: what became of each message, found by any of its ids.
//
// A core or carrier node has one index, whatever its roles. It tails MT, DISPATCH (all partitions), EVENTS and DELIVER into a key-value
// store (Follow), and what must be seen before the tail brings it (a receipt's outcome, an id just learned) is written through (Note, Learn).
// The view holds no message content, is kept for some days, and can be deleted: it is built again from the streams.
//
// The facts of messages of the last seconds are gathered in memory (young.go) and written once, as a table of their own when
// they are many: the store's positions are those of what is written, so that the rest is read again after a crash.
//
// Facts are only ever added, never read back to be changed, and are folded into a Story or Progress when somebody asks.
// They commute and repeats count once, so the order in which streams and write-through bring them does not matter.
//
//	m ID                        facts about a message: length-prefixed records, a set
//	a ACCOUNT 0 ID              an account's messages in order of time
//	c DAY CARRIER 0 CARRIER-ID  messages that the carrier knows by this id, a set
//	l DAY NUMBER 0 HANDSET      the last MT from our number to the handset: the greatest id and its account
//	k DAY ACCOUNT 0 KEY         messages accepted under an idempotency key, a set
//	r DAY CARRIER 0 BATCH       reservations of a DISPATCH batch, a set
//	s DAY SOURCE 0 HANDSET 0 ID a message between the two that core held
//	f CARRIER                   which forms of id a carrier was seen to use
//	p STREAM                    the sequence up to which the stream is in here, written with or after the data
//	x STAMP SUBJECT             a fence: since when dispatches of a queue written under a lease do not count
//	v, w                        format version; time of the last withdrawal
//
// DAY is that of the message's id (of a reservation: of its time), so that expiry is one range deletion per kind.
//
// Roles core and carriers may use the whole package, edge and console only its questions (AskStatus and others).
package index
