package streams

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"tasman/sms"
)

// operator signs accounts and users of external servers in operator mode.
type operator struct {
	t             *testing.T
	dir           string
	account       nkeys.KeyPair
	configuration string // of the servers
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	key, err := nkeys.CreateOperator()
	check(t, err)
	public, err := key.PublicKey()
	check(t, err)
	o := &operator{t: t, dir: t.TempDir()}
	self, err := jwt.NewOperatorClaims(public).Encode(key)
	check(t, err)
	account := func(stores bool) (nkeys.KeyPair, string, string) {
		pair, err := nkeys.CreateAccount()
		check(t, err)
		public, err := pair.PublicKey()
		check(t, err)
		claims := jwt.NewAccountClaims(public)
		if stores {
			claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
		}
		token, err := claims.Encode(key)
		check(t, err)
		return pair, public, token
	}
	_, system, systemToken := account(false)
	pair, tasman, tasmanToken := account(true)
	o.account = pair
	o.configuration = fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {%s: %s, %s: %s}\n", self, system, system, systemToken, tasman, tasmanToken)
	return o
}

// creds makes the file of a user with the rights of a role, good for so long.
func (o *operator) creds(role string, lives time.Duration) string {
	o.t.Helper()
	pair, err := nkeys.CreateUser()
	check(o.t, err)
	public, err := pair.PublicKey()
	check(o.t, err)
	seed, err := pair.Seed()
	check(o.t, err)
	rights, err := rightsOf(Peer{Node: role, Roles: []string{role}}, Config{})
	check(o.t, err)
	claims := jwt.NewUserClaims(public)
	claims.Pub.Allow, claims.Sub.Allow = rights.Publish.Allow, rights.Subscribe.Allow
	claims.Resp = &jwt.ResponsePermission{MaxMsgs: rights.Response.MaxMsgs, Expires: rights.Response.Expires}
	claims.Expires = time.Now().Add(lives).Unix()
	token, err := claims.Encode(o.account)
	check(o.t, err)
	text, err := jwt.FormatUserConfig(token, seed)
	check(o.t, err)
	file := filepath.Join(o.dir, role+".creds")
	check(o.t, os.WriteFile(file, text, 0o600))
	return file
}

// Nodes of all roles work with servers in operator mode, by the credentials of their users, and a node knows what it may do there.
func TestExternalServerInOperatorMode(t *testing.T) {
	o := newOperator(t)
	srv := external(t, o.configuration)
	config := func(role string) Config {
		return Config{Node: role, URLs: []string{srv.ClientURL()}, Shards: 2, Creds: o.creds(role, time.Hour), Roles: []string{role}}
	}
	serves(t, func(role string) *Bus { return elsewhere(t, config(role)) })
	edge := elsewhere(t, config("edge"))
	if r := edge.surveyRights(t.Context()); r.Problem != "" || r.All || len(r.Missing)+len(r.Excess) > 0 {
		t.Errorf("rights of an edge: %+v", r)
	}
	if s := ProbeServer(t.Context(), config("edge"), srv.ClientURL()); s.Problem != "" || s.JetStream == nil || !*s.JetStream {
		t.Errorf("probed: %+v", s)
	}
	nc, err := nats.Connect(srv.ClientURL(), nats.UserCredentials(o.creds("edge", time.Hour)), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	check(t, err)
	t.Cleanup(nc.Close)
	subject := DispatchSubject("one", sms.Normal)
	if !denied(t, nc, subject, func() error { return nc.Publish(subject, nil) }) {
		t.Error("an edge may store in a carrier's queue")
	}
}

// Credentials that have expired do not end the node: it is let in again when its file has new ones.
func TestCredentialsAreRenewed(t *testing.T) {
	o := newOperator(t)
	srv := external(t, o.configuration)
	check(t, elsewhere(t, Config{Node: "streams", URLs: []string{srv.ClientURL()}, Shards: 2, Creds: o.creds("streams", time.Hour)}).Apply(timeout(t), Topology{}))
	var told lines
	log := slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug}))
	edge, err := Open(timeout(t), Config{Node: "edge", URLs: []string{srv.ClientURL()}, Shards: 2, Creds: o.creds("edge", 2*time.Second)}, log, nil)
	check(t, err)
	t.Cleanup(func() { _ = edge.Close(timeout(t)) })
	eventually(t, "the edge was refused again and again", func() bool { return strings.Count(told.String(), "uthorization") > 2 })
	o.creds("edge", time.Hour)
	eventually(t, "the edge is there again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return edge.Store(ctx, MTSubject(0, sms.Normal), message("again")) == nil
	})
}

// Servers that list users by name let the node in by its password, and by no other.
func TestExternalServerWithUsers(t *testing.T) {
	srv := external(t, "authorization {users: [{user: tasman, password: right}]}\n")
	config := Config{Node: "any", URLs: []string{srv.ClientURL()}, Shards: 2, User: "tasman", Password: "right"}
	serves(t, func(role string) *Bus {
		c := config
		c.Node = role
		return elsewhere(t, c)
	})
	config.Password = "wrong"
	if s := ProbeServer(t.Context(), config, srv.ClientURL()); !strings.Contains(s.Problem, "uthorization") {
		t.Errorf("with a wrong password: %+v", s)
	}
}

func TestLoginsThatCannotWork(t *testing.T) {
	file := filepath.Join(t.TempDir(), "creds")
	check(t, os.WriteFile(file, []byte("-----BEGIN USER NKEY SEED-----\nSUnonsense\n------END USER NKEY SEED------\n"), 0o600))
	for name, cfg := range map[string]Config{
		"no file":       {Creds: file + "2"},
		"no JWT":        {Creds: file},
		"several kinds": {Creds: file, User: "tasman"},
	} {
		cfg.Node, cfg.URLs = "edge", []string{"nats://127.0.0.1:1"}
		b, err := Open(timeout(t), cfg, slog.New(slog.DiscardHandler), nil)
		if err == nil {
			_ = b.Close(timeout(t))
		}
		if err == nil || strings.Contains(err.Error(), "nonsense") {
			t.Errorf("%s: got %v, want an error that does not tell the seed", name, err)
		}
	}
}
