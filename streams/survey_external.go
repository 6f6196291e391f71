package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// probeWait bounds each server that is asked by itself.
const probeWait = 3 * time.Second

// ProbeServer connects to one of the URLs of cfg, as the node would, and tells what the server says of itself.
func ProbeServer(ctx context.Context, cfg Config, url string) ServerState {
	state := ServerState{URL: redact(url)}
	nc, err := dialOne(ctx, cfg, url)
	if err != nil {
		state.Problem = oneLine(strings.ReplaceAll(err.Error(), url, state.URL))
		return state
	}
	defer nc.Close()
	on, _ := nc.ConnectedServerJetStream()
	state.Name, state.Version, state.JetStream = nc.ConnectedServerName(), nc.ConnectedServerVersion(), &on
	return state
}

// dialOne connects to the server of url alone, until ctx ends.
func dialOne(ctx context.Context, cfg Config, url string) (*nats.Conn, error) {
	dialer := &boundDialer{ctx: ctx}
	options := []nats.Option{nats.Name("tasman probe " + cfg.Node), nats.NoReconnect(), nats.Timeout(probeWait), nats.IgnoreDiscoveredServers(),
		nats.SetCustomDialer(dialer),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})} // LastError tells
	if err := (&Bus{cfg: cfg}).identify(&options); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	nc, err := nats.Connect(url, options...)
	if errors.Is(err, nats.ErrNoServers) && dialer.err != nil { // says less
		err = dialer.err
	}
	return nc, err
}

// boundDialer makes connections that end with a context, so that nobody waits for a server that says nothing.
type boundDialer struct {
	ctx context.Context
	err error // the last one
}

// Dial implements nats.CustomDialer.
func (d *boundDialer) Dial(network, address string) (conn net.Conn, err error) {
	conn, err = (&net.Dialer{Timeout: probeWait}).DialContext(d.ctx, network, address)
	if err == nil {
		context.AfterFunc(d.ctx, func() { _ = conn.Close() }) // fails only when it is closed already
	}
	d.err = err
	return conn, err
}

// varz is what we read of a server's own account of itself.
type varz struct {
	Name      string    `json:"server_name"`
	Version   string    `json:"version"`
	Now       time.Time `json:"now"`
	Tags      []string  `json:"tags"`
	JetStream struct {
		Config *struct {
			SyncAlways bool `json:"sync_always"`
		} `json:"config"`
	} `json:"jetstream"`
}

func (v *varz) state(asked, answered time.Time) ServerState {
	on := v.JetStream.Config != nil
	s := ServerState{Name: v.Name, Version: v.Version, JetStream: &on, Tagged: true, clocks: []Clock{clockOf(v.Name, asked, answered, v.Now)}}
	if on {
		s.Sync = &v.JetStream.Config.SyncAlways
	}
	for _, tag := range v.Tags {
		if region, ok := strings.CutPrefix(tag, regionTag); ok {
			s.Region = region
		}
	}
	return s
}

// AskSystem asks all servers of a cell by way of a user of its system account, whose name and password are in the URL.
func AskSystem(ctx context.Context, cfg Config, url string) ([]ServerState, error) {
	cfg.forgetLogin() // another user
	nc, err := dialOne(ctx, cfg, url)
	if err != nil {
		return nil, fmt.Errorf("system account at %s: %w", redact(url), err)
	}
	defer nc.Close()
	var list []ServerState
	err = gather(ctx, nc, "$SYS.REQ.SERVER.PING.VARZ", func(m *nats.Msg, asked, answered time.Time) bool {
		var reply struct {
			Data varz `json:"data"`
		}
		if json.Unmarshal(m.Data, &reply) == nil && reply.Data.Name != "" {
			list = append(list, reply.Data.state(asked, answered))
		}
		return len(list) > 0
	})
	if err == nil && len(list) == 0 {
		err = errors.New("no answer: is the user one of the system account?")
	}
	if err != nil {
		return nil, fmt.Errorf("system account at %s: %w", redact(url), err)
	}
	return list, nil
}

// AskMonitor asks a server at its monitoring address, such as http://10.0.0.1:8222.
func AskMonitor(ctx context.Context, url string) (ServerState, error) {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	var v varz
	var jsz struct {
		Disabled bool `json:"disabled"`
	}
	asked := time.Now()
	if err := getJSON(ctx, url, "/varz", &v); err != nil {
		return ServerState{}, err
	}
	answered := time.Now()
	if v.Name == "" {
		return ServerState{}, fmt.Errorf("monitor %s: it is no NATS server", redact(url))
	}
	if err := getJSON(ctx, url, "/jsz", &jsz); err != nil { // varz keeps what was once there
		return ServerState{}, err
	}
	state := v.state(asked, answered)
	*state.JetStream = *state.JetStream && !jsz.Disabled
	return state, nil
}

func getJSON(ctx context.Context, url, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+path, nil)
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("monitor %s: %s and not what was asked for", redact(url), resp.Status)
	}
	return nil
}

// redact leaves out who logs in and by what.
func redact(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if at := strings.LastIndex(rest, "@"); ok && at >= 0 {
		return scheme + "://" + rest[at+1:]
	}
	return url
}
