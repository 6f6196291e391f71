// Package ports finds addresses for servers of tests which must be known before the servers listen there.
package ports

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports from which Free chooses are below those that Linux gives to connections: one of these may be taken, by any
// connection of any process, between the choice and the server's start.
const first, last = 10_000, 32_000

// Free returns n loopback addresses on which nobody listens.
func Free(tb testing.TB, n int) []string {
	tb.Helper()
	addrs := make([]string, 0, n)
	for tries := 0; len(addrs) < n; tries++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(last-first))))
		if err != nil {
			if tries > 1000 {
				tb.Fatalf("no free port: %v", err)
			}
			continue
		}
		defer l.Close() // not before all are taken, so that they differ
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}
