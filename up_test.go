package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tasman/reporting/mariadb"
	"tasman/smpp"
	"tasman/smpp/smpptest"
)

// gateway is a running `tasman up` and what it printed.
type gateway struct {
	*process
	data                      string
	http, smpp, smtp, console string
	metrics                   string
	key, systemID, password   string
}

// up starts `tasman up` on free ports and waits until it printed its addresses.
func up(t *testing.T, data string, args ...string) *gateway {
	t.Helper()
	if _, err := mariadb.Find(); err != nil && os.Getenv("TASMAN_INSTALL") != "1" {
		t.Fatalf("%v (TASMAN_INSTALL=1 installs it)", err)
	}
	all := append([]string{"up", "--install", "--data", data, "--http", ":0", "--smpp", ":0", "--smtp", ":0", "--console", ":0", "--metrics", ":0"}, args...)
	t.Cleanup(func() { awaitDatabaseEnd(t, data) })
	g := &gateway{process: start(t, all...), data: data}
	eventually(t, "up prints where it listens", 4*time.Minute, func() error {
		select {
		case err := <-g.done:
			g.done <- err
			t.Fatalf("up ended: %v\n%s", err, g.out)
		default:
		}
		if !strings.Contains(g.out.String(), "Or look at") {
			return fmt.Errorf("not yet:\n%s", tail(g.process))
		}
		return nil
	})
	out := g.out.String()
	field := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("the output has no %s:\n%s", pattern, out)
		}
		return m[1]
	}
	g.http, g.smpp, g.smtp = field(`HTTP API +(\S+)`), field(`SMPP +(\S+:\d+)`), field(`SMTP +(\S+)`)
	g.console, g.metrics = field(`console +(\S+)`), field(`metrics, health +(\S+)`)
	env, err := os.ReadFile(filepath.Join(data, "demo.env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(env)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "TASMAN_KEY":
			g.key = value
		case "TASMAN_SYSTEM_ID":
			g.systemID = value
		case "TASMAN_PASSWORD":
			g.password = value
		}
	}
	return g
}

// awaitDatabaseEnd waits for the MariaDB of a gateway that was killed: it ends by itself, and writes to its folder until then.
func awaitDatabaseEnd(t *testing.T, data string) {
	t.Helper()
	folder := "--datadir=" + filepath.Join(data, "mysql", "data")
	eventually(t, "MariaDB ends with its gateway", 30*time.Second, func() error {
		all, err := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range all {
			if line, _ := os.ReadFile(file); strings.Contains(string(line), folder) { // one that ended meanwhile has none
				return fmt.Errorf("%s: %s", file, folder)
			}
		}
		return err
	})
}

type shown struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Carrier string `json:"carrier"`
	Events  []struct {
		Event string    `json:"event"`
		Time  time.Time `json:"time"`
	} `json:"events"`
}

func (g *gateway) post(ctx context.Context, body string, header ...string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.http+"/v1/messages", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+g.key)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer), err
}

// submit posts one message and returns its id.
func (g *gateway) submit(t *testing.T, to string) string {
	t.Helper()
	status, body, err := g.post(t.Context(), fmt.Sprintf(`{"from":"TASMAN","to":%q,"text":"Kia ora"}`, to))
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("POST: %d %s %v\n%s", status, body, err, tail(g.process))
	}
	var answer struct{ Messages []shown }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Messages) != 1 {
		t.Fatalf("answer %s: %v", body, err)
	}
	return answer.Messages[0].ID
}

func (g *gateway) message(ctx context.Context, id string) (shown, error) {
	status, body, err := get(ctx, "http://"+g.http+"/v1/messages/"+id, g.key)
	var s shown
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("GET: %d %s", status, body)
	}
	if err == nil {
		err = json.Unmarshal([]byte(body), &s)
	}
	return s, err
}

func (g *gateway) awaitDelivered(t *testing.T, id string) shown {
	t.Helper()
	var s shown
	eventually(t, "delivery of "+id, 30*time.Second, func() (err error) {
		if s, err = g.message(t.Context(), id); err == nil && s.State != "delivered" {
			err = fmt.Errorf("state %s, events %+v", s.State, s.Events)
		}
		return err
	})
	return s
}

// TestUpMainJob is the newcomer's first five minutes.
func TestUpMainJob(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	g := up(t, data)
	if info, err := os.Stat(filepath.Join(data, "demo.env")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("demo.env: %v %v, want mode 0600", info.Mode(), err)
	}
	id := g.submit(t, "+64211234567")
	s := g.awaitDelivered(t, id)
	if s.Carrier != "sim-nz" {
		t.Errorf("carrier %q, want sim-nz", s.Carrier)
	}
	var names []string
	for _, e := range s.Events {
		names = append(names, e.Event)
		if e.Time.IsZero() {
			t.Errorf("event %s has no time", e.Event)
		}
	}
	if want := []string{"accepted", "routed", "submitted", "sent", "delivered"}; !slices.Equal(names, want) {
		t.Errorf("story %v, want %v", names, want)
	}
	for _, page := range []string{"/", "/messages/" + id} {
		status, body, err := get(t.Context(), "http://"+g.console+page, "")
		if err != nil || status != http.StatusOK || !strings.Contains(body, id) || !strings.Contains(body, "sim-nz") {
			t.Errorf("page %s: %d %v, lacks the message or its carrier:\n%s", page, status, err, body)
		}
	}
	if au := g.awaitDelivered(t, g.submit(t, "+61412345678")); au.Carrier != "sim-au" {
		t.Errorf("an AU number went to %q", au.Carrier)
	}
	eventually(t, "ready", 30*time.Second, func() error {
		status, body, err := get(t.Context(), "http://"+g.metrics+"/readyz", "")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	})
	if status, body, err := get(t.Context(), "http://"+g.metrics+"/metrics", ""); err != nil || status != 200 || !strings.Contains(body, "tasman_carriers_outcomes_total") {
		t.Errorf("metrics: %d %v", status, err)
	}
	g.overSMPP(t)
	g.onceByKey(t)
	before := g.key
	if err := g.stop(t); err != nil {
		t.Errorf("Ctrl-C: %v\n%s", err, tail(g.process))
	}
	again := up(t, data)
	if again.key != before {
		t.Error("the second start made new credentials")
	}
	if s, err := again.message(t.Context(), id); err != nil || s.State != "delivered" {
		t.Errorf("after a restart the message is %+v, %v", s, err)
	}
}

// overSMPP submits by SMPP and waits for the receipt on the same bind.
func (g *gateway) overSMPP(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	esme, err := smpptest.DialESME(ctx, g.smpp, smpptest.ESMEConfig{Bind: smpp.BindRequest{Mode: smpp.BindTransceiver, SystemID: g.systemID,
		Password: g.password, InterfaceVersion: 0x34}})
	if err != nil {
		t.Fatalf("bind: %v", err)
	}
	defer esme.Close()
	id, err := esme.Session.Submit(ctx, &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234568"},
		RegisteredDelivery: 1, ShortMessage: []byte("Kia ora")})
	if err != nil {
		t.Fatalf("submit_sm: %v", err)
	}
	for { // receipts of what was submitted by HTTP come on this bind too: it is the account's only way back
		got, err := esme.Next(ctx)
		if err != nil {
			t.Fatalf("no receipt: %v\n%s", err, tail(g.process))
		}
		receipt, ok := got.Deliver().Receipt()
		if !ok || receipt.State != smpp.StateDelivered {
			t.Fatalf("receipt %+v, want delivered", receipt)
		}
		if receipt.MessageID == id {
			return
		}
	}
}

// onceByKey repeats a POST under an idempotency key.
func (g *gateway) onceByKey(t *testing.T) {
	t.Helper()
	body := `{"from":"TASMAN","to":["+64211234567","+61412345678"],"text":"once"}`
	status, first, err := g.post(t.Context(), body, "Idempotency-Key", "order-1")
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("POST: %d %s %v", status, first, err)
	}
	eventually(t, "the repeat is answered alike", 10*time.Second, func() error {
		status, again, err := g.post(t.Context(), body, "Idempotency-Key", "order-1")
		if err != nil {
			return err
		}
		if status == http.StatusConflict { // the first one's facts are on their way to the index
			return fmt.Errorf("still in flight: %s", again)
		}
		if status != http.StatusAccepted || again != first {
			t.Fatalf("the repeat was answered %d %s, the first %s", status, again, first)
		}
		return nil
	})
	if status, again, err := g.post(t.Context(), strings.Replace(body, "once", "twice", 1), "Idempotency-Key", "order-1"); err != nil || status != http.StatusUnprocessableEntity {
		t.Errorf("another body under the key: %d %s %v, want 422", status, again, err)
	}
}

// TestUpSurvivesKill kills the whole gateway under load and looks at each acknowledged message after the next start.
func TestUpSurvivesKill(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	g := up(t, data)
	ids := make(chan string, 10_000)
	loading := make(chan struct{})
	go func() {
		defer close(loading)
		for n := 0; ; n++ {
			status, body, err := g.post(context.Background(), fmt.Sprintf(`{"from":"TASMAN","to":"+6421%07d","text":"before the crash"}`, n))
			if err != nil || status != http.StatusAccepted {
				return // the gateway is gone
			}
			var answer struct{ Messages []shown }
			if json.Unmarshal([]byte(body), &answer) == nil && len(answer.Messages) == 1 {
				ids <- answer.Messages[0].ID
			}
			if n == 300 {
				g.cmd.Process.Kill()
			}
		}
	}()
	<-loading
	g.kill()
	close(ids)
	again := up(t, data)
	n := 0
	for id := range ids {
		eventually(t, id+" reaches the carrier", 30*time.Second, func() error { // the simulated one forgot its receipts with the crash
			s, err := again.message(t.Context(), id)
			if err == nil && s.State != "enroute" && s.State != "delivered" {
				err = fmt.Errorf("state %s, events %+v", s.State, s.Events)
			}
			return err
		})
		n++
	}
	if n < 300 {
		t.Errorf("only %d messages were acknowledged before the kill", n)
	}
}

// TestApplyWithoutRestart is the README's resource file put into service in a running gateway.
func TestApplyWithoutRestart(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	g := up(t, data)
	op := newOperator(t, "F")
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```yaml\n")
	resources, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("README.md has no resource file")
	}
	good := writeFile(t, dir, "acme.yaml", strings.Replace(resources, "127.0.0.1:2776", op.addr, 1))
	bad := writeFile(t, dir, "bad.yaml", "kind: Route\nname: broken\nspec:\n  prefixes: [\"679\"]\n  tiers: [[{carrier: nobody}]]\n")
	if out, code := tasman(t, "apply", "-f", bad, "--data", data); code == 0 || !strings.Contains(out, "bad.yaml") || !strings.Contains(out, "nobody") {
		t.Errorf("a bad file: exit %d, %s", code, out)
	}
	if out, code := tasman(t, "apply", "-f", good, "--dry-run", "--data", data); code != 0 || !strings.Contains(out, "added Carrier telco") ||
		!strings.Contains(out, "dry run: revision 1 stays") {
		t.Errorf("dry run: exit %d, %s", code, out)
	}
	if out, code := tasman(t, "apply", "-f", good, "--data", data); code != 0 || !strings.Contains(out, "in service") {
		t.Fatalf("apply: exit %d, %s", code, out)
	}
	typo := writeFile(t, dir, "typo.yaml", "kind: Carrier\nname: telcoo\ndelete: true\n")
	if out, code := tasman(t, "apply", "-f", typo, "--data", data); code != 0 || !strings.Contains(out, "there is no such Carrier") || !strings.Contains(out, "nothing to change") {
		t.Errorf("delete of what is not there: exit %d, %s", code, out)
	}
	g.key = "acme-secret-key-0123456789abcdef"
	var id string
	eventually(t, "the new key works", 10*time.Second, func() error {
		status, body, err := g.post(t.Context(), `{"from":"TASMAN","to":"+6797123456","text":"Bula"}`)
		if err == nil && status != http.StatusAccepted {
			err = fmt.Errorf("%d %s", status, body)
		}
		var answer struct{ Messages []shown }
		if err == nil {
			err = json.Unmarshal([]byte(body), &answer)
		}
		if err == nil {
			id = answer.Messages[0].ID
		}
		return err
	})
	if s := g.awaitDelivered(t, id); s.Carrier != "telco" {
		t.Errorf("carrier %q, want telco", s.Carrier)
	}
	if out, code := tasman(t, "history", "-v", "--data", data); code != 0 || !strings.Contains(out, "\t"+good+"\n  added Account acme") {
		t.Errorf("history: exit %d, %s", code, out)
	}
	if out, code := tasman(t, "streams", "cat", "MT-0", "--data", data); code != 0 || !strings.Contains(out, id) || strings.Contains(out, "Bula") {
		t.Errorf("streams cat: exit %d, must show the id and no text: %s", code, out)
	}
}

// tasman runs a command to its end and returns its output and exit code.
func tasman(t *testing.T, args ...string) (string, int) {
	t.Helper()
	p := start(t, args...)
	err := <-p.done
	p.done <- err
	return p.out.String(), p.cmd.ProcessState.ExitCode()
}
