package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"tasman/configs"
)

// Simulator starts an operator simulator that speaks SMPP on a loopback address and returns where it listens. An address
// that is taken is an error. Stopping is bounded by ctx.
type Simulator func(addr, systemID, password string) (listening string, stop func(ctx context.Context) error, err error)

// UpOptions are the choices of `tasman up`.
type UpOptions struct {
	Config    *configs.Node
	Apply     []string // resource files to put into service
	Install   bool     // install MariaDB when it is missing
	Simulator Simulator
	Out       io.Writer // where addresses and credentials are printed
	Log       *slog.Logger
}

// Up runs the whole gateway on loopback until ctx ends: with a private MariaDB unless a DSN is configured, simulated
// carriers, and demo resources on the first start.
func Up(ctx context.Context, o UpOptions) error {
	resources, err := readResources(o.Apply) // a bad file must not start anything
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Config.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	// Before the database starts, which would only say that its folder is in use.
	if release, err := lockData(o.Config.Data); err != nil {
		return err
	} else if err := release(); err != nil { // Start takes it again
		return fmt.Errorf("lock of the data directory: %w", err)
	}
	db, err := o.startDatabase(ctx)
	if err != nil {
		return err
	}
	err = o.upWithDatabase(ctx, resources)
	if db != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Config.Drain)
		defer cancel()
		err = errors.Join(err, db.stop(stopCtx))
	}
	return err
}

func (o *UpOptions) upWithDatabase(ctx context.Context, resources []configs.Resource) (err error) {
	n, err := Start(ctx, o.Config, o.Log)
	if err != nil {
		return err
	}
	defer func() {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Config.Drain)
		defer cancel()
		err = errors.Join(err, n.Stop(stopCtx))
	}()
	demo, err := n.startDemo(ctx, o)
	if err != nil {
		return err
	}
	if len(resources) > 0 {
		done, err := n.store().apply(ctx, resources, strings.Join(o.Apply, ", "))
		if err != nil {
			return err
		}
		for _, line := range slices.Concat(done.NotThere, done.Changes) {
			fmt.Fprintf(o.Out, "%s\n", line)
		}
	}
	if err := n.inService(ctx); err != nil {
		return err
	}
	n.announce(o.Out, demo)
	return n.Wait(ctx)
}

// inService waits until the newest revision is swapped in, so that what is printed works when pasted.
func (n *Node) inService(ctx context.Context) error {
	changed, cancel := n.live.Subscribe()
	defer cancel()
	want, _, err := n.store().configs.Current(ctx)
	if err != nil {
		return fmt.Errorf("resources: %w", err)
	}
	for n.live.Load().Revision < want {
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func readResources(names []string) (out []configs.Resource, err error) {
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		resources, err := configs.Parse(name, body)
		if err != nil {
			return nil, err
		}
		out = append(out, resources...)
	}
	return out, nil
}

// announce prints where the gateway listens and a line that submits a message.
func (n *Node) announce(w io.Writer, d *demo) {
	a := n.Addrs()
	fmt.Fprintf(w, "Tasman runs; its data is in %s. Ctrl-C drains and stops it.\n\n", n.cfg.Data)
	for _, line := range []struct {
		what string
		addr net.Addr
	}{{"HTTP API", a.HTTP}, {"SMPP", a.SMPP}, {"SMPP over TLS", a.SMPPTLS}, {"SMTP", a.SMTP}, {"console", a.Console}, {"metrics, health", a.Metrics}} {
		if line.addr != nil {
			fmt.Fprintf(w, "  %-16s %s\n", line.what, line.addr)
		}
	}
	for _, c := range d.carriers {
		fmt.Fprintf(w, "  %-16s %s (%s)\n", "simulated "+c.country, c.addr, c.name)
	}
	if n.cfg.MySQL.DSN != "" {
		fmt.Fprintf(w, "  %-16s projected every few seconds\n", "reporting")
	}
	fmt.Fprintf(w, "\nCredentials are in %s, as shell lines:\n\n", d.file)
	for _, line := range d.lines() {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if a.HTTP == nil {
		return
	}
	fmt.Fprintf(w, "\nSubmit a message, then ask what became of it with the id that comes back:\n\n")
	fmt.Fprintf(w, "  curl -s http://%s/v1/messages -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '{\"from\":\"TASMAN\",\"to\":\"+64211234567\",\"text\":\"Kia ora\"}'\n", a.HTTP, d.key)
	fmt.Fprintf(w, "  curl -s http://%s/v1/messages/ID -H 'Authorization: Bearer %s'\n\n", a.HTTP, d.key)
	if a.Console != nil {
		fmt.Fprintf(w, "Or look at http://%s\n", strings.Replace(a.Console.String(), "[::]", "127.0.0.1", 1))
	}
}
