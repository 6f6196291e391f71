package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/reporting"
	"tasman/reporting/mariadb"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
)

// TestMain lends one database server to all tests.
func TestMain(m *testing.M) { os.Exit(mariadb.Main(m.Run)) }

// saved is a gateway with a database that can be backed up, and restored as another.
type saved struct {
	*Node
	data, dsn, api string
}

func savable(t *testing.T, dsn string) *saved { return savableOn(t, t.TempDir(), dsn) }

func savableOn(t *testing.T, data, dsn string) *saved {
	t.Helper()
	s := &saved{data: data, dsn: dsn}
	s.Node = testNodeWith(t, data, func(c *configs.Node) { s.configure(c) }, configs.Roles()...)
	s.api = "http://" + s.Addrs().HTTP.String() + "/v1/messages"
	return s
}

func (s *saved) configure(c *configs.Node) {
	c.MySQL.DSN, c.MySQL.Settle = configs.Secret(s.dsn), 100*time.Millisecond
}

// lookedAt is what the API says of a message.
type lookedAt struct {
	State  string
	Events []struct{ Event, Reason string }
}

func (s *saved) awaitState(t *testing.T, id, state string) (got lookedAt) {
	t.Helper()
	await(t, func() bool {
		got = lookedAt{}
		return call(t, http.MethodGet, s.api+"/"+id, "", &got) == http.StatusOK && got.State == state
	})
	return got
}

func (s *saved) apply(t *testing.T, operator string) {
	t.Helper()
	resources := good + fmt.Sprintf("---\nkind: Carrier\nname: spark\nspec: {addresses: [%q], system_id: tasman}\n---\nkind: Route\nname: all\nspec: {prefixes: [\"\"], tiers: [[{carrier: spark}]]}\n", operator)
	if _, err := adminOf(t, s.data).Apply(t.Context(), "test.yaml", []byte(resources)); err != nil {
		t.Fatal(err)
	}
}

// submitOn stores a message by the API on a lane.
func (s *saved) submitOn(t *testing.T, lane string) string {
	t.Helper()
	var reply struct{ Messages []struct{ ID string } }
	var status int
	await(t, func() bool { // the resources come into service in a moment
		status = call(t, http.MethodPost, s.api, fmt.Sprintf(`{"from":"TASMAN","to":"+64211234567","text":"Kia ora","lane":%q}`, lane), &reply)
		return status != http.StatusUnauthorized
	})
	if status != http.StatusAccepted || len(reply.Messages) != 1 {
		t.Fatalf("status %d, %+v", status, reply)
	}
	return reply.Messages[0].ID
}

// load submits until the function that it returns is called, which returns what was acknowledged before the given time.
func (s *saved) load(t *testing.T) func(before time.Time) []string {
	ctx, cancel := context.WithCancel(t.Context())
	acked, ended := map[string]time.Time{}, make(chan struct{})
	first := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ctx.Err() == nil; n++ {
			var reply struct{ Messages []struct{ ID string } }
			if status, err := request(ctx, http.MethodPost, s.api, `{"from":"TASMAN","to":"+64211234567","text":"load"}`, &reply); err == nil && status == http.StatusAccepted {
				acked[reply.Messages[0].ID] = time.Now()
			}
			if n == 20 {
				close(first)
			}
		}
	}()
	<-first
	return func(before time.Time) (ids []string) {
		cancel()
		<-ended
		for id, at := range acked {
			if at.Before(before) {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 || len(ids) == len(acked) {
			t.Errorf("of %d loaded messages %d were acknowledged before the backup", len(acked), len(ids))
		}
		return ids
	}
}

// reported is the state that the reporting database has of a message.
func (s *saved) reported(t *testing.T, id string) (string, error) {
	t.Helper()
	q, err := reporting.OpenReader(s.dsn)
	if err != nil {
		return "", err
	}
	defer q.Close()
	parsed, err := sms.ParseID(id)
	if err != nil {
		return "", err
	}
	m, err := q.Message(t.Context(), parsed)
	return m.State, err
}

// find waits for the first record of a stream that fits.
func (s *saved) find(t *testing.T, what, stream string, fits func(*sms.Record) bool) (found sms.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := errors.New("found")
	err := s.bus.Tail(ctx, stream, 0, func(b *streams.Batch) error {
		for i := range b.Records {
			if found = b.Records[i]; fits(&found) {
				return done
			}
		}
		return nil
	})
	if !errors.Is(err, done) {
		t.Fatalf("no %s: %v", what, err)
	}
	return found
}

func (s *saved) sent(t *testing.T, id string) *sms.Event {
	t.Helper()
	return s.find(t, "sent event", streams.Events, func(r *sms.Record) bool {
		return r.Event != nil && r.Event.Kind == sms.EventSent && r.Event.ID.String() == id
	}).Event
}

// TestBackupUnderLoadIsRestored takes a backup of a gateway with traffic, and goes on with another one that is made of it.
func TestBackupUnderLoadIsRestored(t *testing.T) {
	op, err := smpptest.NewSMSC(smpptest.Config{Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}})})
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	old := savable(t, mariadb.ForTest(t))
	old.apply(t, op.Addr())
	var delivered []string
	for range 5 {
		delivered = append(delivered, old.submitOn(t, "normal"))
	}
	for _, id := range delivered {
		old.awaitState(t, id, "delivered")
	}
	link, err := op.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old.apply(t, freePort(t)) // nobody listens: the queue grows
	await(t, func() bool { return old.live.Load().Revision == 2 })
	<-link.Done() // until then the operator may still be sent something
	waiting, bulk := old.submitOn(t, "normal"), old.submitOn(t, "bulk")
	load := old.load(t)
	dir := filepath.Join(t.TempDir(), "backups", "one")
	m, err := adminOf(t, old.data).Backup(t.Context(), dir, false)
	if err != nil {
		t.Fatal(err)
	}
	loaded := load(m.Begun)
	if m.Revision != 2 || m.Database == nil || len(m.Streams) < 8 {
		t.Errorf("manifest %+v", m)
	}
	stopNode(t, old.Node)

	next := &saved{data: filepath.Join(t.TempDir(), "new"), dsn: mariadb.ForTest(t)}
	cfg := restoring(next)
	if _, err := Restore(t.Context(), dir, RestoreOptions{Config: cfg, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), dir, RestoreOptions{Config: cfg, WithoutDatabase: true, Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, streams.ErrNotEmpty) {
		t.Errorf("a second restore into the same directory: %v", err)
	}
	next = savableOn(t, next.data, next.dsn)
	for _, id := range delivered {
		if got := next.awaitState(t, id, "delivered"); len(got.Events) != 5 {
			t.Errorf("story %+v", got.Events)
		}
	}
	next.apply(t, op.Addr())
	for _, id := range append(loaded, waiting) {
		next.awaitState(t, id, "delivered")
	}
	if e := next.sent(t, waiting); !e.PossibleDuplicate {
		t.Error("what may have been sent since the backup is not marked")
	}
	doubted := next.find(t, "bulk message that waits for a receipt", streams.Dispatch, func(r *sms.Record) bool {
		return r.Dispatch != nil && r.Message.ID.String() == bulk && r.Dispatch.AwaitReceipt
	})
	if !strings.Contains(doubted.Dispatch.Reason, "backup") {
		t.Errorf("the bulk message is in doubt because %q", doubted.Dispatch.Reason)
	}
	fresh := next.submitOn(t, "normal")
	next.awaitState(t, fresh, "delivered")
	if e := next.sent(t, fresh); e.PossibleDuplicate {
		t.Error("a new message is marked")
	}
	for _, id := range append(delivered, waiting, fresh) {
		await(t, func() bool {
			shown, err := next.reported(t, id)
			return err == nil && shown == sms.StateDelivered.String()
		})
	}
}

func restoring(s *saved) *configs.Node {
	cfg := configs.Defaults()
	cfg.Name, cfg.Data, cfg.NATS.SyncAlways = "test", s.data, false
	s.configure(cfg)
	return cfg
}

// TestRestoreSendsBulk when it is told to, marked.
func TestRestoreSendsBulk(t *testing.T) {
	op, err := smpptest.NewSMSC(smpptest.Config{Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}})})
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	old := savable(t, "")
	old.apply(t, freePort(t)) // nobody listens
	bulk := old.submitOn(t, "bulk")
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := adminOf(t, old.data).Backup(t.Context(), dir, false); err != nil {
		t.Fatal(err)
	}
	stopNode(t, old.Node)
	next := &saved{data: filepath.Join(t.TempDir(), "new")}
	if _, err := Restore(t.Context(), dir, RestoreOptions{Config: restoring(next), SendBulk: true, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	next = savableOn(t, next.data, "")
	next.apply(t, op.Addr())
	next.awaitState(t, bulk, "delivered")
	if e := next.sent(t, bulk); !e.PossibleDuplicate {
		t.Error("what may have been sent since the backup is not marked")
	}
}

// TestVerifyFindsAnyDamage flips a byte of each file of a backup in turn.
func TestVerifyFindsAnyDamage(t *testing.T) {
	data, dir := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	testNode(t, data, configs.RoleStreams)
	if _, err := adminOf(t, data).Apply(t.Context(), "good.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	if _, err := adminOf(t, data).Backup(t.Context(), dir, false); err != nil {
		t.Fatal(err)
	}
	if _, err := adminOf(t, data).Backup(t.Context(), dir, false); !strings.Contains(fmt.Sprint(err), "exists") {
		t.Errorf("a second backup into the directory: %v", err)
	}
	if m, err := VerifyBackup(dir); err != nil || m.Revision != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		whole, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		broken := append([]byte(nil), whole...)
		broken[len(broken)/2] ^= 1
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			return err
		}
		if _, err := VerifyBackup(dir); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s with another byte: %v", d.Name(), err)
		}
		to := &saved{data: filepath.Join(t.TempDir(), "new")}
		if _, err := Restore(t.Context(), dir, RestoreOptions{Config: restoring(to), Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, ErrDamaged) {
			t.Errorf("restore with another byte in %s: %v", d.Name(), err)
		}
		if _, err := os.Stat(to.data); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the restore that was refused made %s", to.data)
		}
		return os.WriteFile(path, whole, 0o600)
	})
	if err != nil || files < 12 {
		t.Errorf("%d files, %v", files, err)
	}
	if err := os.Remove(filepath.Join(dir, "streams", "EVENTS")); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyBackup(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("without a file: %v", err)
	}
	if _, err := VerifyBackup(data); !strings.Contains(fmt.Sprint(err), "is no backup") {
		t.Errorf("a directory that is no backup: %v", err)
	}
}

// TestBackupNeedsRoleStreams and leaves nothing behind when it fails.
func TestBackupNeedsRoleStreams(t *testing.T) {
	data, dir := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	n := testNodeWith(t, data, func(c *configs.Node) { c.MySQL.DSN = "nobody@tcp(127.0.0.1:1)/none" }, configs.RoleStreams)
	if _, err := n.backup(t.Context(), dir, true); err == nil {
		t.Error("a backup whose database is away succeeded")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it left %s", dir)
	}
	if m, err := n.backup(t.Context(), dir, false); err != nil || m.Database != nil {
		t.Errorf("without the database: %+v, %v", m, err)
	}
	n.cfg.Roles = []configs.Role{configs.RoleEdge}
	if _, err := n.backup(t.Context(), dir+"2", false); err == nil || !strings.Contains(err.Error(), "role streams") {
		t.Errorf("on an edge: %v", err)
	}
}
