package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// npm is a running peer.js.
type npm struct {
	t     *testing.T
	port  int // of a server
	in    io.Writer
	n     int
	lines chan said
	early []said // read while waiting for something else
}

// said is a line of peer.js.
type said struct {
	N       int
	Event   string
	Port    int
	Error   string
	Message string
	PDU     pdu
}

// pdu is what the tests look at of a PDU in the words of the npm package.
type pdu struct {
	Command     string
	Status      uint32 `json:"command_status"`
	MessageID   string `json:"message_id"`
	SystemID    string `json:"system_id"`
	Version     int    `json:"sc_interface_version"`
	ESMClass    int    `json:"esm_class"`
	DataCoding  int    `json:"data_coding"`
	Source      string `json:"source_addr"`
	Destination string `json:"destination_addr"`
	Short       struct {
		Message any // a string, or {hex} of a buffer
		UDH     []struct{ Hex string }
	} `json:"short_message"`
	Payload struct {
		Message any
	} `json:"message_payload"`
	Receipted    string `json:"receipted_message_id"`
	MessageState *int   `json:"message_state"`
	Unsuccess    []struct {
		Destination string `json:"destination_addr"`
		Status      uint32 `json:"error_status_code"`
	} `json:"unsuccess_sme"`
}

// fields are the fields of a PDU to send.
type fields map[string]any

// bytesOf is a buffer to send.
func bytesOf(b []byte) map[string]string { return map[string]string{"hex": fmt.Sprintf("%x", b)} }

// newNPM starts peer.js: as a client of addr, or as an operator when addr is empty.
func newNPM(t *testing.T, addr string) *npm {
	t.Helper()
	nodejs, dir := npmModules(t)
	args := []string{"peer.js", "server"}
	if addr != "" {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		args = []string{"peer.js", "client", port}
	}
	cmd := exec.Command(nodejs, args...)
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &npm{t: t, in: in, lines: make(chan said, 10_000)}
	go p.read(out)
	t.Cleanup(func() {
		in.Close()
		for range p.lines { // until it has ended
		}
		if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
			t.Errorf("peer.js: %v\n%s", err, &stderr)
		}
	})
	if addr == "" {
		p.port = p.event("listening").Port
	} else {
		p.event("connect")
	}
	return p
}

func (p *npm) read(out io.Reader) {
	defer close(p.lines)
	scan := bufio.NewScanner(out)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var s said
		if err := json.Unmarshal(scan.Bytes(), &s); err != nil {
			s = said{Event: "error", Message: fmt.Sprintf("%s: %v", scan.Bytes(), err)}
		}
		p.lines <- s
	}
}

// await returns the first line that fits.
func (p *npm) await(what string, fits func(said) bool) said {
	p.t.Helper()
	for i, s := range p.early {
		if fits(s) {
			p.early = append(p.early[:i:i], p.early[i+1:]...)
			return s
		}
	}
	limit := time.After(20 * time.Second)
	for {
		select {
		case s, open := <-p.lines:
			switch {
			case !open:
				p.t.Fatalf("peer.js ended before %s", what)
			case fits(s):
				return s
			case s.Event == "error":
				p.t.Fatalf("peer.js: %s", s.Message)
			}
			p.early = append(p.early, s)
		case <-limit:
			p.t.Fatalf("no %s; seen meanwhile: %+v", what, p.early)
		}
	}
}

// event waits for an event.
func (p *npm) event(name string) said {
	p.t.Helper()
	return p.await("event "+name, func(s said) bool { return s.Event == name })
}

// ask sends a request and returns the response.
func (p *npm) ask(command string, f fields) pdu {
	p.t.Helper()
	p.n++
	line, err := json.Marshal(map[string]any{"n": p.n, "do": command, "with": f})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatal(err)
	}
	s := p.await("response to "+command, func(s said) bool { return s.N == p.n })
	if s.Error != "" {
		p.t.Fatalf("%s: %s", command, s.Error)
	}
	return s.PDU
}

// ok is ask whose response must be the right one without an error.
func (p *npm) ok(command string, f fields) pdu {
	p.t.Helper()
	got := p.ask(command, f)
	if got.Command != command+"_resp" || got.Status != 0 {
		p.t.Fatalf("%s: %s with status 0x%X", command, got.Command, got.Status)
	}
	return got
}

// bind binds as acme.
func (p *npm) bind(mode string) pdu {
	p.t.Helper()
	return p.ok("bind_"+mode, fields{"system_id": systemID, "password": password, "interface_version": 0x34})
}

// receipt waits for the receipt of a message by a deliver_sm and checks text, TLVs and addresses.
func (p *npm) receipt(id, from string) {
	p.t.Helper()
	got := p.await("receipt of "+id, func(s said) bool { return s.Event == "deliver_sm" && s.PDU.Receipted == id }).PDU
	text, _ := got.Short.Message.(string)
	if got.ESMClass != 4 || got.MessageState == nil || *got.MessageState != 2 || got.Source != from || !strings.HasPrefix(text, "id:"+id+" ") ||
		!strings.Contains(text, "stat:DELIVRD") {
		p.t.Errorf("receipt %+v", got)
	}
}
