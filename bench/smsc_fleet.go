package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"tasman/bench/journal"
)

// fleet is the simulated operators of one process. They share a timing wheel, so that hundreds cost little more than one.
type fleet struct {
	carriers []*carrier
	wheel    *wheel[event]
	wg       sync.WaitGroup
	stop     context.CancelFunc
}

// carrier is one of them.
type carrier struct {
	name string
	smsc *SMSC
	play *timeline
}

// fleetOptions are what all operators of a process have in common.
type fleetOptions struct {
	options SMSCOptions
	listen  []string    // of the operators that say nothing of their own
	tls     *tls.Config // for tlsListen
	secure  []string    // addresses of the first operator where TLS is spoken
	journal *journal.Writer
}

// startFleet starts the operators of a scenario, and their phases. ctx ends the phases; close ends all else.
func startFleet(ctx context.Context, sc *Scenario, o fleetOptions) (*fleet, error) {
	f := &fleet{wheel: newEventWheel(o.options.Batch)}
	ctx, f.stop = context.WithCancel(ctx)
	f.wg.Go(f.wheel.run)
	operators := sc.Operators()
	firstMO := 1 + rand.Uint64N(moMarkersRange)
	for i, op := range operators {
		opts := o.options
		opts.SystemID, opts.Password, opts.Version, opts.Settings = op.SystemID, op.Password, uint8(op.Version), &op.Settings
		opts.Window, opts.MaxOwed, opts.Journal = op.Window, op.MaxOwed, o.journal
		if opts.Seed != 0 {
			opts.Seed += uint64(i)
		}
		if opts.FirstID == 0 {
			opts.FirstID = firstID() + uint64(i)<<40 // carriers do not share ids
		}
		if opts.FirstMO == 0 {
			opts.FirstMO = firstMO + uint64(i*moMarkersRange/len(operators)) // nor markers
		}
		s := newSMSC(opts, f.wheel)
		c := &carrier{name: op.Carrier, smsc: s, play: newTimeline(s, &op)}
		f.carriers = append(f.carriers, c)
		listen := op.Listen
		if len(listen) == 0 {
			listen = o.listen
		}
		var secure []string
		if i == 0 {
			secure = o.secure
		}
		if err := c.listen(listen, secure, o.tls); err != nil {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
			defer cancel()
			return nil, errors.Join(err, ignoreDeadline(f.close(closing)))
		}
		f.wg.Go(func() { c.play.run(ctx) })
	}
	return f, nil
}

func (c *carrier) listen(plain, secure []string, config *tls.Config) error {
	var err error
	for i := 0; i < len(plain) && err == nil; i++ {
		err = c.smsc.Start(plain[i])
	}
	for i := 0; i < len(secure) && err == nil; i++ {
		err = c.smsc.StartTLS(secure[i], config)
	}
	if err != nil && c.name != "" {
		return fmt.Errorf("carrier %s: %w", c.name, err)
	}
	return err
}

// close ends the phases, then the simulators as SMSC.Close does, all at once.
func (f *fleet) close(ctx context.Context) error {
	f.stop()
	answerRest(f.wheel.stop())
	f.wg.Wait()
	errs := make([]error, len(f.carriers))
	var closing sync.WaitGroup
	for i, c := range f.carriers {
		closing.Go(func() { errs[i] = c.smsc.Close(ctx) })
	}
	closing.Wait()
	return errors.Join(errs...)
}

// find returns the carriers of a name, all when it is empty.
func (f *fleet) find(name string) ([]*carrier, error) {
	if name == "" {
		return f.carriers, nil
	}
	var names []string
	for _, c := range f.carriers {
		if c.name == name {
			return []*carrier{c}, nil
		}
		names = append(names, c.name)
	}
	return nil, fmt.Errorf("no carrier %q; there are %s", name, strings.Join(names[:min(len(names), 20)], ", "))
}

// stats adds up the counts of all carriers.
func (f *fleet) stats() SMSCStats {
	sum := SMSCStats{ByStatus: map[string]uint64{}}
	for _, c := range f.carriers {
		sum.add(c.smsc.Stats())
	}
	return sum
}

// failed returns why accepting ended somewhere, nil while all serve.
func (f *fleet) failed() error {
	for _, c := range f.carriers {
		select {
		case err := <-c.smsc.served:
			return err
		default:
		}
	}
	return nil
}
