// Package chaos is the lab that breaks a mesh of three regions under load and then asks what became of every message. It has
// no code of its own, only tests: `go test ./bench/chaos` runs the short form, `task chaos` the full one.
//
// Everything runs on one Linux machine, in network namespaces that nothing outside sees: the test binary starts itself again in
// a namespace of its own, "the world" of the customers and the operators, and makes one for each region. Between them lies a
// router in user space (router_test.go) that holds every packet back for half of the round trip and drops those of a region that
// is cut off. The nodes are processes of the real binary, each with a key and a certificate, over TLS. Being root is not needed where the
// machine lets users make namespaces; root has in addition the loss of power, by file systems on loop devices that are shut
// down in an instant, with all that was not synced.
//
// Each scenario is one load, faults beside it, and the verifier at its end (bench/verify).
package chaos
