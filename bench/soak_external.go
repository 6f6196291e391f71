package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"strings"
	"sync"
	"time"

	"tasman/bench/journal"
	"tasman/bench/verify"
)

// external are simulators of other processes: bench smsc --control, and --journal where what they receive is to be verified.
type external struct {
	controls []string // URLs
	files    []string // their journals
	client   http.Client

	usual  map[string][]externalState // of each control, from before the first fault
	cancel context.CancelFunc
	wg     sync.WaitGroup
	errMu  sync.Mutex
	err    error // of following the journals
}

var _ soakOperators = (*external)(nil)

// newExternal returns the simulators with these control addresses, HOST:PORT or URLs, and the journals that they write.
func newExternal(controls, files []string) *external {
	x := &external{files: files, client: http.Client{Timeout: 10 * time.Second}}
	for _, c := range controls {
		if !strings.Contains(c, "://") {
			c = "http://" + c
		}
		x.controls = append(x.controls, strings.TrimRight(c, "/"))
	}
	return x
}

// Begin implements soakOperators. What the journals have from before is left out by its markers not being sent.
func (x *external) Begin(j *journal.Writer) error {
	readers, err := verify.Open(journal.RoleSimulator, x.files...)
	if err != nil {
		return err
	}
	begun := time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	x.cancel = cancel
	all := verify.NewJournals(readers...)
	x.wg.Go(func() {
		err := follow(ctx, all, func(e *journal.Entry) {
			if e.At.After(begun) {
				j.Write(e)
			}
		})
		for _, r := range readers {
			err = errors.Join(err, r.Close())
		}
		x.errMu.Lock()
		x.err = err
		x.errMu.Unlock()
	})
	return nil
}

// follow reads what is there and what comes, until ctx ends and no more is there.
func follow(ctx context.Context, all *verify.Journals, each func(*journal.Entry)) error {
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	var e journal.Entry
	for last := false; ; {
		err := all.Next(&e)
		switch {
		case err == nil:
			each(&e)
			continue
		case !errors.Is(err, io.EOF):
			return err
		case last:
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			last = true
		}
	}
}

// call asks a control for something.
func (x *external) call(method, url string, body any, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(text)) // bounded by the client's timeout
	if err != nil {
		return err
	}
	resp, err := x.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, resp.Status, bytes.TrimSpace(got))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(got, answer)
}

// externalState is what a control tells of a carrier.
type externalState struct {
	Carrier  string                     `json:"carrier"`
	Stats    SMSCStats                  `json:"stats"`
	Settings map[string]json.RawMessage `json:"settings"`
}

func (x *external) states() (all []externalState, err error) {
	for _, c := range x.controls {
		var some []externalState
		err = errors.Join(err, x.call(http.MethodGet, c+"/stats", nil, &some))
		all = append(all, some...)
	}
	return all, err
}

// Bound implements soakOperators.
func (x *external) Bound() int {
	all, err := x.states()
	if err != nil {
		return 0 // is asked again, until it is too late
	}
	least := 0
	for i, s := range all {
		if i == 0 || s.Stats.Sessions < least {
			least = s.Stats.Sessions
		}
	}
	return least
}

// Where implements soakOperators: the controls do not tell where their simulators listen.
func (x *external) Where() string { return "the simulators of " + strings.Join(x.controls, ", ") }

// Break implements soakOperators.
func (x *external) Break(f *soakFault) error {
	set, err := f.patch()
	if err != nil {
		return err
	}
	if err := x.remember(); err != nil {
		return err
	}
	for _, c := range x.controls {
		if set != nil {
			err = errors.Join(err, x.call(http.MethodPost, c+"/phase", map[string]any{"set": set}, nil))
		}
		if f.Fault == faultCut || f.Fault == faultAway {
			err = errors.Join(err, x.call(http.MethodPost, c+"/disconnect", map[string]any{}, nil))
		}
	}
	return err
}

// remember keeps the settings from before the first fault.
func (x *external) remember() error {
	if x.usual != nil {
		return nil
	}
	usual := map[string][]externalState{}
	for _, c := range x.controls {
		var some []externalState
		if err := x.call(http.MethodGet, c+"/stats", nil, &some); err != nil {
			return err
		}
		usual[c] = some
	}
	x.usual = usual
	return nil
}

// Mend implements soakOperators: what a fault may have changed is as it was before the first one.
func (x *external) Mend(*soakFault) error {
	var err error
	for control, carriers := range x.usual {
		for _, c := range carriers {
			var receipts struct {
				Delay json.RawMessage `json:"delay"`
			}
			set := map[string]any{"listener": ListenerOpen, "throttled": 0, "errors": 0, "silent": 0}
			for _, share := range []string{"throttled", "errors", "silent"} {
				if raw, ok := c.Settings[share]; ok {
					set[share] = raw
				}
			}
			if raw, ok := c.Settings["latency"]; ok {
				set["latency"] = raw
			}
			if raw, ok := c.Settings["receipts"]; ok && json.Unmarshal(raw, &receipts) == nil && receipts.Delay != nil {
				set["receipts"] = map[string]any{"delay": receipts.Delay}
			}
			url := control + "/phase"
			if c.Carrier != "" {
				url += "?carrier=" + neturl.QueryEscape(c.Carrier)
			}
			err = errors.Join(err, x.call(http.MethodPost, url, map[string]any{"set": set}, nil))
		}
	}
	return err
}

// patch returns the settings that make the fault, in the words of the control; nil when there are none.
func (f *soakFault) patch() (map[string]any, error) {
	switch f.Fault {
	case faultCut:
		return nil, nil
	case faultAway:
		return map[string]any{"listener": ListenerClosed}, nil
	case faultThrottle:
		return map[string]any{"throttled": 1, "errors": 0, "silent": 0}, nil
	case faultSlow:
		return map[string]any{"latency": f.Latency.or(2 * time.Second).String()}, nil
	case faultReceipts:
		return map[string]any{"receipts": map[string]any{"delay": f.Delay.or(2 * time.Duration(f.For)).String()}}, nil
	default:
		return nil, fmt.Errorf("an operator has no fault %q", f.Fault)
	}
}

// Counts implements soakOperators.
func (x *external) Counts() map[string]uint64 {
	all, err := x.states()
	if err != nil {
		return nil // the simulators have ended; what they counted is in their own results
	}
	sum := map[string]uint64{}
	for _, s := range all {
		addCounts(sum, &s.Stats)
	}
	return sum
}

// End implements soakOperators: it reads the rest of the journals. The simulators go on.
func (x *external) End(context.Context) error {
	if x.cancel != nil {
		x.cancel()
	}
	x.wg.Wait()
	x.errMu.Lock()
	defer x.errMu.Unlock()
	return x.err
}
