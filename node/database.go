package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tasman/configs"
	"tasman/reporting/mariadb"
)

// database is the private MariaDB of `tasman up`. It is started again when it ends by itself: reporting goes on from the
// positions that it holds.
type database struct {
	server *mariadb.Server
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// startDatabase starts the private MariaDB and points the node at it; nil where there is to be none. Without one the gateway
// runs all the same.
func (o *UpOptions) startDatabase(ctx context.Context) (*database, error) {
	if o.Config.MySQL.DSN != "" || !o.Config.Plays(configs.RoleReporting) {
		return nil, nil
	}
	if o.Install {
		if err := mariadb.Install(ctx, o.Log); err != nil {
			return nil, err
		}
	} else if _, err := mariadb.Find(); err != nil {
		fmt.Fprintf(o.Out, "No reporting in MySQL: %v.\nAll else runs, and what happens is kept in the streams until a database is there.\n\n", err)
		return nil, nil
	}
	server, err := mariadb.Start(ctx, o.Config.Dir("mysql"), o.Log)
	if err != nil {
		return nil, err
	}
	o.Config.MySQL.DSN = configs.Secret(server.DSN())
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d := &database{server: server, cancel: cancel}
	d.done.Go(func() { d.watch(watching, o) })
	return d, nil
}

// watch starts the server again whenever it ends, until ctx does.
func (d *database) watch(ctx context.Context, o *UpOptions) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.server.Done():
		}
		o.Log.Warn("the private MariaDB ended: starting it again", "err", d.server.Stop(ctx)) // it has ended: Stop only gives back its files
		for ctx.Err() == nil {
			server, err := mariadb.Start(ctx, o.Config.Dir("mysql"), o.Log)
			if err == nil {
				d.server = server
				break
			}
			o.Log.Error("the private MariaDB does not start", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Second):
			}
		}
	}
}

// stop ends the server in order.
func (d *database) stop(ctx context.Context) error {
	d.cancel()
	d.done.Wait()
	return d.server.Stop(ctx)
}
