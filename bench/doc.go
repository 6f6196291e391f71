// Package bench measures the gateway from outside and plays the operators it submits to.
//
// SMSC is an operator simulator on package smpp: it answers submit_sm, sends receipts and replies from handsets, and
// misbehaves when told to, by shares, by rates, or for one message by the last digits of its destination. Load sends
// messages over SMPP or HTTP at a rate that does not depend on how the target copes, and measures each from the time it
// was meant to be sent. CLI is the command line of both, Simulate the simulator of `tasman up`.
//
// The main package and tests may call it; it knows nothing of the gateway's insides.
package bench
