// Package streams is Tasman's memory: every message, fact and receipt is a record in a batch in a JetStream stream. It owns
// the streams, their readers (durables), the codec of batches, group commit, leases, the config store and the embedded
// server, and it is the only package that knows NATS. Roles (edge, core, carriers, reporting), index and node use it.
//
// An acknowledgement means stored: done callbacks and Store answer only after JetStream has persisted the batch. Readers
// get batches at least once.
package streams
