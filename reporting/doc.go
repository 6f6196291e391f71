// Package reporting remembers: it projects the streams into MySQL or MariaDB and answers questions about what it wrote.
// Only the node package calls it; it alone in the product speaks SQL.
//
//	streams -> tails -> merge (by time) -> fold (a row per message) -> commit (rows, volumes, positions) -> MySQL
//
// A message has one row with a column for each stage. Facts about it are merged in memory until it is final or `settle`
// old; then the row is written, and once more when a later fact ends the message. Merging commutes: whatever the order of
// the facts and however often they come, the row is the same (row.go). Volumes count rows, and change by the difference
// between a row as it was and as it is, in the transaction that changes the row. So a replay changes no figure.
//
// The position of a stream is stored in the same transaction: `low`, the lowest sequence of a fact that is not in the tables
// yet, where a restart reads on, and `high`, up to which facts may be in them already.
//
// The files: reporter.go runs it all, source.go and merge.go read, facts.go and row.go say what a record means, status.go
// has the operators' words, fold.go and batchref.go hold what is open, commit.go, store.go, statement.go and load.go
// write, columns.go and db.go tie them to SQL, retention.go deletes, migrate.go makes the tables, query.go and volumes.go answer.
package reporting

//go:generate go test . -run StatusDoc -update
