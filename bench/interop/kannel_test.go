package interop

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"tasman/streams/streamstest/ports"
)

// kannel is a running bearerbox with its smsbox.
type kannel struct {
	t         *testing.T
	sendsms   string // address
	hook      string // address of dlr-url and get-url
	admin     string
	hits      chan hit // what came to its dlr-url and get-url
	early     []hit    // read while waiting for something else
	bearerbox *exec.Cmd
}

// hit is a request of Kannel.
type hit struct {
	path  string
	query url.Values
}

// kannelConf fills in testdata/kannel/kannel.conf.
type kannelConf struct {
	Version                 string // 33, with a bind for each direction, or 34, with a transceiver
	Window                  int
	Admin, Smsbox, Sendsms  string   // ports
	Binds                   []string // what is special of each bind
	SystemID, Password, URL string
}

// newKannel starts Kannel as a client of the SMPP server at addr and waits until it is bound and its boxes
// are connected: an smsbox that is asked before dies.
func newKannel(t *testing.T, addr string, c kannelConf) *kannel {
	t.Helper()
	bearerbox, smsbox := need(t, "bearerbox", "kannel"), need(t, "smsbox", "kannel")
	k := &kannel{t: t, hits: make(chan hit, 100_000)}
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.hits <- hit{r.URL.Path, r.URL.Query()}
		io.WriteString(w, "ok")
	}))
	t.Cleanup(hook.Close)
	ports := freePorts(t, 3)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	c.Admin, c.Smsbox, c.Sendsms, c.URL = ports[0], ports[1], ports[2], hook.URL
	c.Binds = []string{"transceiver-mode = true\nport = " + port}
	if c.Version == "33" {
		c.Binds = []string{"port = " + port, "receive-port = " + port}
	}
	c.SystemID, c.Password = systemID, password
	k.hook = hook.Listener.Addr().String()
	k.sendsms, k.admin = net.JoinHostPort("127.0.0.1", c.Sendsms), net.JoinHostPort("127.0.0.1", c.Admin)
	dir := t.TempDir()
	conf := filepath.Join(dir, "kannel.conf")
	file, err := os.Create(conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := template.Must(template.ParseFiles("testdata/kannel/kannel.conf")).Execute(file, c); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	k.bearerbox = k.run(dir, bearerbox, "-v", "1", conf)
	eventually(t, "bearerbox listens", func() error { return reachable(net.JoinHostPort("127.0.0.1", c.Smsbox)) })
	k.run(dir, smsbox, "-v", "1", conf)
	eventually(t, "smsbox listens", func() error { return reachable(k.sendsms) })
	eventually(t, "Kannel is bound", func() error {
		status, body, err := get(k.admin, "/status.txt", url.Values{"password": {"interop"}})
		if err != nil || status != http.StatusOK || strings.Count(body, "(online ") != len(c.Binds) || !strings.Contains(body, "smsbox:") {
			return fmt.Errorf("%d %v: %s", status, err, body)
		}
		return nil
	})
	return k
}

// run starts a box, which is ended with the test.
func (k *kannel) run(dir, program string, args ...string) *exec.Cmd {
	k.t.Helper()
	var out strings.Builder
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // it may just have ended
			_ = cmd.Wait()         // killed
		}
		if k.t.Failed() {
			lines := strings.Split(out.String(), "\n")
			k.t.Logf("%s:\n%s", filepath.Base(program), strings.Join(lines[max(0, len(lines)-60):], "\n"))
		}
	})
	return cmd
}

// freePorts returns ports of loopback that nobody listens on: Kannel cannot choose its own.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	free := make([]string, n)
	for i, addr := range ports.Free(t, n) {
		_, free[i], _ = net.SplitHostPort(addr)
	}
	return free
}

func reachable(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

func get(addr, path string, query url.Values) (int, string, error) {
	resp, err := http.Get("http://" + addr + path + "?" + query.Encode())
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// send submits by sendsms with a dlr-url that has the name of the message.
func (k *kannel) send(name string, query url.Values) {
	k.t.Helper()
	q := url.Values{"username": {"tester"}, "password": {"interop"}, "from": {"TASMAN"}, "to": {"+64211234567"}, "charset": {"UTF-8"}, "dlr-mask": {"31"},
		"dlr-url": {"http://" + k.hook + "/dlr?name=" + name + "&type=%d&text=%A"}}
	for key, v := range query {
		q[key] = v
	}
	status, body, err := get(k.sendsms, "/cgi-bin/sendsms", q)
	if err != nil || status != http.StatusAccepted {
		k.t.Fatalf("sendsms: %d %s %v", status, body, err)
	}
}

// await returns the first hit that fits.
func (k *kannel) await(what string, fits func(hit) bool) hit {
	k.t.Helper()
	for i, h := range k.early {
		if fits(h) {
			k.early = slices.Delete(k.early, i, i+1)
			return h
		}
	}
	limit := time.After(20 * time.Second)
	for {
		select {
		case h := <-k.hits:
			if fits(h) {
				return h
			}
			k.early = append(k.early, h)
		case <-limit:
			k.t.Fatalf("no %s; seen meanwhile: %v", what, k.early)
		}
	}
}

// dlr waits for the delivery report of a type: 1 delivered, 2 undeliverable, 8 taken by the gateway, 16 refused by it.
func (k *kannel) dlr(name, kind string) {
	k.t.Helper()
	k.await("report "+kind+" of "+name, func(h hit) bool {
		return h.path == "/dlr" && h.query.Get("name") == name && h.query.Get("type") == kind
	})
}

// stop asks bearerbox to end and waits until it has.
func (k *kannel) stop() {
	k.t.Helper()
	if err := k.bearerbox.Process.Signal(syscall.SIGTERM); err != nil {
		k.t.Fatal(err)
	}
	if err := k.bearerbox.Wait(); err != nil {
		k.t.Errorf("bearerbox ended with %v", err)
	}
}
