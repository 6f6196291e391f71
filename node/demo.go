package node

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tasman/configs"
)

// demo is what `tasman up` sets up beside the gateway: credentials, simulated carriers, and resources for both.
type demo struct {
	file                    string
	key, systemID, password string
	carriers                []demoCarrier
}

type demoCarrier struct{ name, country, prefix, addr, password string }

func (d *demo) lines() []string {
	return []string{"TASMAN_KEY=" + d.key, "TASMAN_SYSTEM_ID=" + d.systemID, "TASMAN_PASSWORD=" + d.password}
}

// startDemo starts the simulated carriers and puts the demo's resources into service, as far as they are not yet.
func (n *Node) startDemo(ctx context.Context, o *UpOptions) (*demo, error) {
	d, err := loadDemo(n.cfg.Dir("demo.env"))
	if err != nil {
		return nil, err
	}
	if o.Simulator == nil || !n.cfg.Plays(configs.RoleStreams) {
		return d, nil
	}
	for _, c := range []demoCarrier{{name: "sim-au", country: "AU", prefix: "61"}, {name: "sim-nz", country: "NZ", prefix: "64"}} {
		c.password = d.password
		if c.addr, err = n.simulate(o.Simulator, c); err != nil {
			return nil, err
		}
		d.carriers = append(d.carriers, c)
	}
	resources, err := d.resources()
	if err != nil {
		return nil, err
	}
	rev, _, err := n.store().current(ctx)
	if err != nil {
		return nil, err
	}
	if rev > 0 { // only the carriers' addresses may have changed since: what else was changed on purpose stays
		resources = onlyCarriers(resources)
	}
	if _, err := n.store().apply(ctx, resources, "demo"); err != nil {
		return nil, err
	}
	return d, nil
}

// simulate starts a carrier, at the address it had last time if that is free.
func (n *Node) simulate(start Simulator, c demoCarrier) (string, error) {
	last := "127.0.0.1:0"
	if spec := n.live.Load().Carriers[c.name]; spec != nil && len(spec.Addresses) > 0 {
		last = spec.Addresses[0]
	}
	addr, stop, err := start(last, c.name, c.password)
	if err != nil {
		addr, stop, err = start("127.0.0.1:0", c.name, c.password)
	}
	if err != nil {
		return "", fmt.Errorf("simulated carrier %s: %w", c.name, err)
	}
	n.onStop("simulated "+c.name, stop)
	return addr, nil
}

func onlyCarriers(resources []configs.Resource) []configs.Resource {
	var out []configs.Resource
	for _, r := range resources {
		if r.Kind == "Carrier" {
			out = append(out, r)
		}
	}
	return out
}

// loadDemo reads the credentials of an earlier start, or makes them.
func loadDemo(file string) (*demo, error) {
	d := &demo{file: file}
	body, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return d, d.create()
	}
	if err != nil {
		return nil, fmt.Errorf("demo credentials: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		switch name {
		case "TASMAN_KEY":
			d.key = value
		case "TASMAN_SYSTEM_ID":
			d.systemID = value
		case "TASMAN_PASSWORD":
			d.password = value
		}
	}
	if d.key == "" || d.systemID == "" || d.password == "" {
		return nil, fmt.Errorf("demo credentials: %s lacks TASMAN_KEY, TASMAN_SYSTEM_ID or TASMAN_PASSWORD", file)
	}
	return d, nil
}

// demoUser is the system_id and SMTP user name of the demo resources.
const demoUser = "demo"

// create makes random credentials and stores them, readable by the owner only.
func (d *demo) create() error {
	d.key = "tk_" + strings.ToLower(rand.Text())
	d.systemID = demoUser
	d.password = rand.Text()[:8] // what old SMPP clients take
	if err := os.MkdirAll(filepath.Dir(d.file), 0o700); err != nil {
		return fmt.Errorf("demo credentials: %w", err)
	}
	if err := os.WriteFile(d.file, []byte(strings.Join(d.lines(), "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("demo credentials: %w", err)
	}
	return nil
}

// resources returns what the demo puts into service.
func (d *demo) resources() ([]configs.Resource, error) {
	v := configs.DemoValues{APIKey: d.key, SMPPPassword: d.password, MailPassword: d.password}
	for _, c := range d.carriers {
		v.Carriers = append(v.Carriers, configs.DemoCarrier{Name: c.name, Prefix: c.prefix, Address: c.addr, SystemID: c.name, Password: c.password})
	}
	body, err := configs.DemoResources(v)
	if err != nil {
		return nil, err
	}
	return configs.Parse("demo.yaml", body)
}
