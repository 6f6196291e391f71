// Package smpptest has scripted SMPP peers in this process: an SMSC that collects
// what is submitted and answers by script (refuse, hold, stay silent, drop the
// connection, unbind, write garbage, send receipts in any form), and an ESME that
// submits and collects what is delivered. Both speak over real connections on
// 127.0.0.1.
//
// It is for tests and for the bench; no role of a running node imports it. It
// needs no testing.T, so that the bench can use it too. Whoever starts a peer
// closes it, and Close waits for all its goroutines.
package smpptest
