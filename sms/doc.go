// Package sms holds the words that every part of Tasman speaks: the message (MT and MO) and its id, lane and state, the
// address, text with its alphabets and segments, the receipt, the event, and the record that carries them through the
// streams.
//
// It does no I/O, starts no goroutine and needs the standard library only, so everyone may import it. It knows no
// transport, except that an Address can be told as TON and NPI: what SMPP, UCP/EMI or HTTP write on the wire belongs to
// them. How a text becomes segments lives here, because billing counts segments without any wire.
//
//	message.go    Message, Dispatch, Encoding          event.go      Event, Receipt, MO, Inbound, Delivery, Record
//	id.go         ID, IDs                              address.go    Address and its syntax
//	lane.go       Lane                                 tonnpi.go     Address as SMPP writes it
//	state.go      State                                alphabet.go   the GSM 7 bit alphabet, its packing
//	segments.go   counting and cutting text            unicode.go    UCS2 and Latin-1
//	content.go    ... of a message with its elements   shift.go      national language shift tables
//	smart.go      plain for typographic characters
package sms
