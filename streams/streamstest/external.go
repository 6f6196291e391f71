package streamstest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"tasman/streams/streamstest/ports"
)

// External is a cell of three servers that are not Tasman's, in three regions, which let in the user "tasman" with the password
// "secret" and know nothing of roles.
type External struct {
	URLs     []string // of the servers
	System   string   // with the user of the system account
	Monitors []string // where each is monitored
	servers  []*server.Server
}

// NewExternal starts the servers, each with what more says of it; they stop when the test ends.
func NewExternal(tb testing.TB, more func(server int) string) *External {
	tb.Helper()
	free := ports.Free(tb, 2*cellSize)
	clients, routes, name := free[:cellSize], free[cellSize:], clusterName()
	dir := tb.TempDir()
	x := &External{}
	for i := range cellSize {
		file := filepath.Join(dir, fmt.Sprintf("s%d.conf", i))
		text := fmt.Sprintf(`
			server_name: x%d, listen: %q, http: "127.0.0.1:-1"
			cluster {name: %s, listen: %q, routes: ["nats-route://%s"]}
			accounts {SYS {users: [{user: system, password: secret}]}, TASMAN {jetstream: enabled, users: [{user: tasman, password: secret}]}}
			system_account: SYS
			jetstream {store_dir: %q, max_file_store: 1TB, sync_interval: always, unique_tag: "region:"}
			%s`, i, clients[i], name, routes[i], strings.Join(routes, `", "nats-route://`), filepath.Join(dir, fmt.Sprint(i)), more(i))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		opts, err := server.ProcessConfigFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		opts.NoSigs, opts.NoLog = true, true
		srv, err := server.NewServer(opts)
		if err != nil {
			tb.Fatal(err)
		}
		srv.Start()
		x.servers = append(x.servers, srv)
		tb.Cleanup(func() { x.Stop(i) })
		x.URLs = append(x.URLs, "nats://"+clients[i])
	}
	for _, srv := range x.servers {
		if !srv.ReadyForConnections(20 * time.Second) {
			tb.Fatal("an external server did not start")
		}
		x.Monitors = append(x.Monitors, "http://"+srv.MonitorAddr().String())
	}
	x.System = strings.Replace(x.URLs[0], "://", "://system:secret@", 1)
	return x
}

// Stop stops a server.
func (x *External) Stop(i int) {
	x.servers[i].Shutdown()
	x.servers[i].WaitForShutdown()
}
