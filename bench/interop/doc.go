// Package interop holds the tests of the gateway against SMPP implementations that were not written here: the npm package
// smpp as a client of the edge and as an operator of the carriers role, and Kannel as a client of the edge; and the tests
// that write the conformance table, docs/conformance.md. It has no code beside its tests.
//
// The tests need node, npm, bearerbox and smsbox (Debian packages nodejs, npm and kannel). With TASMAN_INSTALL=1 they install
// what is missing; without it they fail and say what is missing: none is skipped.
package interop

//go:generate go test . -run ConformanceDoc -update
