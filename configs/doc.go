// Package configs holds every knob of Tasman: Go structs with defaults, validation and documentation, and the shipped YAML
// files. There are three kinds of knob:
//
//   - Resources (Account, APIKey, SMPPUser, MailUser, Carrier, Route, Number) say who may submit, over which operators,
//     and how. They are the same in the whole mesh: Parse reads them, Check compares them with each other, Merge and Diff
//     say what an apply changes, Seal removes plain secrets, Marshal writes the form that the config store keeps. A
//     Snapshot is one revision compiled for look-ups; Live holds the current one.
//   - Node is what one process needs to start: its roles, addresses, directories and limits. LoadNode reads it.
//   - The policy is the one table, lane by error class, that says what happens to a record whose try failed: ClassOf,
//     Decide, Exhausted and HoldDelay.
//
// It does no network I/O and knows no stream. Every role may import it; it imports only sms and smpp.
//
// File map: resource.go (the frame around every kind), account.go, credentials.go, carrier.go, route.go (the specs),
// parse.go, decode.go, scalars.go, findings.go (from YAML), encode.go, write.go (to YAML), secret.go, check.go (cross references), change.go (merge, diff), seal.go,
// password.go, snapshot.go, live.go, node.go, nodefile.go (the node), policy.go, status.go, policydoc.go (the policy), shipped.go
// (the YAML files).
//
//go:generate go test . -run PolicyDoc -update
package configs
