package streams

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// login returns how this node proves to servers elsewhere who it is, nil when they do not ask.
func (c Config) login() (nats.Option, error) {
	switch {
	case c.Seed != "":
		return credentials(c.Seed)
	case c.Creds != "":
		return fromFile(c.Creds)
	case c.User != "":
		return nats.UserInfo(c.User, c.Password), nil
	}
	return nil, nil
}

// fromFile takes a user's JWT and seed from a file, which is read again for each connection: it may be renewed.
func fromFile(file string) (nats.Option, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("credentials of the node: %w", err)
	}
	token, err := nkeys.ParseDecoratedJWT(raw)
	pair, keyErr := nkeys.ParseDecoratedUserNKey(raw)
	if err != nil || keyErr != nil || strings.Count(token, ".") != 2 {
		return nil, fmt.Errorf("credentials of the node: %s does not hold a user's JWT and seed", file) // the reason might tell the seed
	}
	pair.Wipe()
	return nats.UserCredentials(file), nil
}

// anonymous says that the servers know nobody, so that everybody may do all.
func (c Config) anonymous() bool {
	return c.Seed == "" && c.Creds == "" && c.User == "" && !strings.Contains(strings.Join(c.URLs, ","), "@")
}

// forgetLogin leaves out who this node is.
func (c *Config) forgetLogin() { c.Seed, c.Creds, c.User, c.Password = "", "", "", "" }

// checkLogin refuses several proofs at once.
func (c Config) checkLogin() error {
	n := 0
	for _, proof := range []string{c.Seed, c.Creds, c.User} {
		if proof != "" {
			n++
		}
	}
	if n > 1 {
		return errors.New("a node is known by a seed, by credentials or by a user's name: want one of them")
	}
	return nil
}
