package streams

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Authorization returns what servers that are not Tasman's need in their configuration, in its format, so that the peers may
// connect and each has the rights of its roles. Of shape only the numbers of replicas and partitions count.
func Authorization(peers []Peer, shape Config) (string, error) {
	var b strings.Builder
	b.WriteString("authorization {\n  users = [\n")
	for _, p := range peers {
		if err := p.check(); err != nil {
			return "", err
		}
		rights, err := rightsOf(p, shape)
		if err != nil {
			return "", fmt.Errorf("peer %s: %w", p.Node, err)
		}
		fmt.Fprintf(&b, "    # %s: %s\n    {\n      nkey: %s\n      permissions: {\n", p.Node, strings.Join(p.Roles, ", "), p.Key)
		for _, list := range []struct {
			name  string
			allow []string
		}{{"publish", rights.Publish.Allow}, {"subscribe", rights.Subscribe.Allow}} {
			subjects, err := json.Marshal(list.allow)
			if err != nil {
				return "", fmt.Errorf("peer %s: %w", p.Node, err)
			}
			// A greater-than sign is escaped in JSON, for browsers.
			fmt.Fprintf(&b, "        %s: {allow: %s}\n", list.name, strings.ReplaceAll(string(subjects), `\u003e`, ">"))
		}
		fmt.Fprintf(&b, "        allow_responses: {max: %d, expires: %q}\n      }\n    }\n", rights.Response.MaxMsgs, rights.Response.Expires.String())
	}
	b.WriteString("  ]\n}\n")
	return b.String(), nil
}
