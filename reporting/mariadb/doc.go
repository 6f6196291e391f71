// Package mariadb runs a private MariaDB server as a child process, for `tasman up` on a laptop and for tests. Production
// names a MySQL or MariaDB server of its own and does not need this package.
//
// The server listens on a Unix socket only, keeps its data, its log and the password of its one user in a folder that the
// caller names, ends when this process ends, and survives a kill of either at any moment: the next Start on the folder
// ends what is left over and lets InnoDB recover.
//
// The node package (for `tasman up`) and tests may call it.
package mariadb
