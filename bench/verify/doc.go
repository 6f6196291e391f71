// Package verify joins what a load sent, what the operators received, the receipts that came back and what the gateway
// reports, message by message, and says what was lost, doubled, missing or out of order.
//
// A message is known by its marker, the number that bench load puts in front of each text, and by the id that the gateway
// gave it; receipts and reports have only the id. Join takes the facts in any order that keeps those of one source in theirs,
// a few bytes for each, so that ten million messages fit into memory; with Options.Keep it forgets what is settled, so that
// a soak may go on for ever.
//
// Only package bench calls it. It alone under bench knows the reporting database (reported.go).
package verify
