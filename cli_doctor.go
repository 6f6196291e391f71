package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tasman/configs"
	"tasman/node"
	"tasman/node/doctor"
)

type doctorCmd struct {
	Config  string   `type:"existingfile" short:"c" help:"Configuration file of the node."`
	Data    string   `placeholder:"DIR" help:"Data directory of the running node, instead of that in its file, such as that of tasman up."`
	Server  []string `placeholder:"URL" help:"NATS server of the cell to look at, instead of nats.urls; may be given several times."`
	System  string   `placeholder:"URL" env:"TASMAN_DOCTOR_SYSTEM" help:"NATS server with a user of its system account, such as nats://USER:PASSWORD@HOST:4222, to ask all servers."`
	Monitor []string `placeholder:"URL" help:"Monitoring address of a NATS server, such as http://HOST:8222; may be given several times."`
	JSON    bool     `name:"json" help:"Print the report as JSON."`
}

// doctorPatience bounds a visit: in a cell without leaders each question waits for its own time-out.
const doctorPatience = 2 * time.Minute

// Run prints the report. Its error says that something must be changed.
func (c *doctorCmd) Run(ctx context.Context, t *terminal) error {
	cfg, err := configs.LoadNode(c.Config)
	if err != nil {
		return err
	}
	if c.Data != "" {
		cfg.Data = c.Data
	}
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	report, err := node.Doctor(ctx, cfg, node.DoctorOptions{Servers: c.Server, System: c.System, Monitors: c.Monitor})
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(t.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		err = report.Print(t.out)
	}
	if n := report.Count(doctor.Fail); err == nil && n > 0 {
		return fmt.Errorf("%d to change", n)
	}
	return err
}
