package streams

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/nats-io/nats-server/v2/server"
)

// Rights compares what this node's connection may do with what its roles need.
type Rights struct {
	Problem string   `json:",omitempty"` // why it is not known
	All     bool     // nothing is forbidden
	Missing []string `json:",omitempty"` // needed and not allowed, as "publish SUBJECT" or "subscribe SUBJECT"
	Excess  []string `json:",omitempty"` // allowed and not needed
}

// whoAmI is the server's account of the one who asks.
const whoAmI = "$SYS.REQ.USER.INFO"

func (b *Bus) surveyRights(ctx context.Context) Rights {
	if b.srv != nil {
		return Rights{All: true} // the server is this process's
	}
	ctx, cancel := context.WithTimeout(ctx, serverPatience)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, whoAmI, nil)
	if err != nil {
		return Rights{Problem: "the server does not tell (may this node publish to " + whoAmI + "?): " + err.Error()}
	}
	var reply struct {
		Data *struct {
			Permissions *server.Permissions `json:"permissions"`
		} `json:"data"`
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil || reply.Data == nil {
		return Rights{Problem: "the server's answer to " + whoAmI + " is not understood"}
	}
	r, err := compareRights(reply.Data.Permissions, b.cfg)
	if err != nil {
		return Rights{Problem: err.Error()}
	}
	return r
}

// compareRights tells what of a user's permissions the roles of cfg lack and do not need.
func compareRights(have *server.Permissions, cfg Config) (Rights, error) {
	if have == nil {
		return Rights{All: true}, nil
	}
	if len(cfg.Roles) == 0 {
		return Rights{}, errors.New("the roles of this node are not known")
	}
	// Who may change the resources is told by the servers' list alone.
	apply := have.Publish != nil && covered("$KV."+configBucket+"."+manifestKey, have.Publish.Allow)
	want, err := rightsOf(Peer{Node: cfg.Node, Roles: cfg.Roles, Apply: apply}, cfg)
	if err != nil {
		return Rights{}, err
	}
	var r Rights
	for _, side := range []struct {
		verb       string
		have, want *server.SubjectPermission
	}{{"publish ", have.Publish, want.Publish}, {"subscribe ", have.Subscribe, want.Subscribe}} {
		allowed, denied := []string{">"}, []string(nil)
		if side.have != nil {
			denied = side.have.Deny
			if len(side.have.Allow) > 0 {
				allowed = side.have.Allow
			}
		}
		for _, s := range side.want.Allow {
			if !covered(s, allowed) || slices.ContainsFunc(denied, func(d string) bool { return server.SubjectsCollide(s, d) }) {
				r.Missing = append(r.Missing, side.verb+s)
			}
		}
		for _, s := range allowed {
			if !covered(s, side.want.Allow) && !covered(s, denied) {
				r.Excess = append(r.Excess, side.verb+s)
			}
		}
	}
	return r, nil
}

// covered reports whether one of the patterns has every subject that s has.
func covered(s string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return server.SubjectMatchesFilter(s, p) })
}
