package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tasman/configs"
	"tasman/node"
)

type backupCmd struct {
	Dir             string `arg:"" help:"Directory of the backup; the node makes it, as the user that it runs as."`
	Data            string `default:"data" help:"Data directory of the running node, which must play role streams."`
	WithoutDatabase bool   `help:"Leave the reporting database out."`
	Verify          bool   `help:"Check the files of a backup, without a node, instead of taking one."`
}

// Run takes or verifies a backup and prints what it has.
func (c *backupCmd) Run(ctx context.Context, t *terminal) error {
	if c.Verify {
		m, err := node.VerifyBackup(c.Dir)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.out, "%s is whole: %s\n", c.Dir, contents(m))
		return nil
	}
	admin, err := node.NewAdmin(c.Data)
	if err != nil {
		return err
	}
	m, err := admin.Backup(ctx, c.Dir, c.WithoutDatabase)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s has %s, taken in %s\n", c.Dir, contents(m), m.Ended.Sub(m.Begun).Round(time.Millisecond))
	return nil
}

type restoreCmd struct {
	Dir             string `arg:"" type:"existingdir" help:"Directory of the backup."`
	Config          string `type:"existingfile" short:"c" help:"Configuration file of the node that restores, which does not run."`
	Data            string `default:"data" help:"Data directory of a gateway to be run by up, instead of a configuration file."`
	Install         bool   `help:"Install MariaDB from the distribution when it is missing, as up does."`
	Settled         bool   `help:"The old gateway was stopped before the backup was taken: nothing in it can have been sent since."`
	SendBulk        bool   `help:"Send waiting messages of lane bulk, too, although the old gateway may have sent them since."`
	WithoutDatabase bool   `help:"Leave the reporting database as it is."`
}

// Run restores a backup into an empty gateway.
func (c *restoreCmd) Run(ctx context.Context, t *terminal) (err error) {
	o := node.RestoreOptions{Install: c.Install, Settled: c.Settled, SendBulk: c.SendBulk, WithoutDatabase: c.WithoutDatabase, Out: t.out}
	if c.Config != "" {
		if o.Config, err = configs.LoadNode(c.Config); err != nil {
			return err
		}
	} else {
		o.Config, o.Private = configs.Defaults(), true
		o.Config.Data = c.Data
	}
	if o.Log, err = node.NewLogger(t.err, o.Config.Log); err != nil {
		return err
	}
	node.LimitMemory()
	m, err := node.Restore(ctx, c.Dir, o)
	if err != nil {
		return errors.Join(errors.New("nothing was restored"), err)
	}
	fmt.Fprintf(t.out, "restored: %s\n", contents(m))
	return nil
}

func contents(m node.Manifest) string {
	var batches, rows uint64
	for _, s := range m.Streams {
		batches += s.Batches
	}
	text := fmt.Sprintf("what was acknowledged before %s, %d batches, revision %d of the resources", m.Begun.Format("2006-01-02 15:04:05 UTC"), batches, m.Revision)
	if m.Database == nil {
		return text + ", no reporting database"
	}
	for _, t := range m.Database.Tables {
		rows += t.Rows
	}
	return text + fmt.Sprintf(", %d rows of the reporting database", rows)
}
