// Package edge faces customers: three doors in (HTTP, SMPP, e-mail), one funnel that they share, and the way back for
// receipts and MOs. Only package node starts it.
//
// In: a door authenticates, reads a Submission, has Prepare turn it into a message or refuse it, and gives it to Accept.
// What a door acknowledges is stored: 202, submit_sm_resp and 250 are sent from Accept's done. One table
// (accept_refusal.go) says what each refusal is in HTTP and SMPP.
//
// Back: each shard of DELIVER is read in batches, and each record goes to a session of its account (deliver_sm) or to its
// webhook. What the customer does not take now is parked in a queue of the account and drained when he is back, so a shard
// never waits for one customer. A batch is acknowledged when each of its records was taken or is stored again.
//
// File map: edge.go (life), accept*.go (the funnel), limit.go (rates), guess.go (wrong passwords), http*.go, openapi.*,
// problem.go (HTTP door), smpp*.go, sessions.go (SMPP door; smpp_tls.go has the certificates), email*.go (mail door), deliver*.go (the way back), webhook*.go
// (calls), park*.go (parked deliveries, and the outbox for what must be stored), metrics.go.
package edge
