package interop

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"tasman/smpp"
)

var update = flag.Bool("update", false, "write docs/conformance.md anew")

// TestConformanceDoc does each operation, in each version and bind mode, on both sides of the wire, and compares what came of
// it with the document.
func TestConformanceDoc(t *testing.T) {
	var doc strings.Builder
	doc.WriteString("<!-- Made from bench/interop by: go test ./bench/interop -run ConformanceDoc -update -->\n\n# SMPP: what is answered to what\n\n" +
		"Each cell was measured by the test that writes this page: a bare connection sends the PDU and looks at what comes back. Where the bind\n" +
		"modes differ there is a row for each. \"No response\" is by design: the PDU has none, or must be ignored.\n")
	g := newGateway(t, newOperator(t).Addr(), "", "")
	doc.WriteString("\n## Server: the edge, as a customer's client meets it\n\n### Bind\n\n")
	doc.WriteString(table("request", bindRows(t, g)))
	doc.WriteString("\n### Before the bind\n\n")
	doc.WriteString(table("request", rowsOf(early(), nil, func(uint8, smpp.Bind) *wire { return dialWire(t, g.smpp) }, func() string { return "" })))
	doc.WriteString("\n### Bound\n\n")
	doc.WriteString(table("request", rowsOf(operations(), modes, func(v uint8, m smpp.Bind) *wire { return bindWire(t, g, v, m) }, g.scheduled(t))))
	doc.WriteString("\n### What the edge sends\n\n" + table("what", sentRows(t)))
	doc.WriteString("\n## Client: a session to an operator\n\n### What it answers\n\n")
	smsc := newBareSMSC(t)
	doc.WriteString(table("request of the operator", rowsOf(fromOperator(), modes, func(v uint8, m smpp.Bind) *wire {
		_, w := smsc.dial(v, m)
		return w
	}, func() string { return "1" })))
	doc.WriteString("\n### What it sends\n\n")
	doc.WriteString(table("request", sendRows(smsc)))
	doc.WriteString("\n## Facts that gateways get wrong\n\nWhat this one does, and the tests that pin it.\n\n" + factsTable())
	golden(t, "../../docs/conformance.md", doc.String())
}

// row is an operation and what comes of it in each version.
type row struct {
	name  string
	cells []string
}

func table(head string, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | 3.3 (0x33) | 3.4 (0x34) | 5.0 (0x50) |\n|---|---|---|---|\n", head)
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", r.name, strings.Join(r.cells, " | "))
	}
	return b.String()
}

// rowsOf probes each operation on a connection of its own. Modes that do not differ share a row.
func rowsOf(all []operation, modes []smpp.Bind, connect func(version uint8, mode smpp.Bind) *wire, waits func() string) []row {
	var rows []row
	for _, o := range all {
		rows = append(rows, byMode(o.name, modes, func(v uint8, m smpp.Bind) string {
			w := connect(v, m)
			defer w.conn.Close()
			id := ""
			if strings.HasSuffix(o.name, "what waits") {
				id = waits()
			}
			return w.probe(o.pdu(id), o.quiet)
		})...)
	}
	return rows
}

// byMode fills the rows of one operation, one for all modes that do not differ.
func byMode(name string, modes []smpp.Bind, cell func(version uint8, mode smpp.Bind) string) []row {
	if len(modes) == 0 {
		modes = []smpp.Bind{0}
	}
	var rows []row
	for _, m := range modes {
		r := row{name: m.String()}
		for _, v := range versions {
			r.cells = append(r.cells, cell(v, m))
		}
		if i := slices.IndexFunc(rows, func(o row) bool { return slices.Equal(o.cells, r.cells) }); i >= 0 {
			rows[i].name += " or " + r.name
		} else {
			rows = append(rows, r)
		}
	}
	if len(rows) == 1 {
		return []row{{name, rows[0].cells}}
	}
	for i := range rows {
		rows[i].name = name + ", " + rows[i].name
	}
	return rows
}

func bindRequest(v uint8, m smpp.Bind) *smpp.BindRequest {
	return &smpp.BindRequest{Mode: m, SystemID: systemID, Password: password, InterfaceVersion: v}
}

// bindRows are the binds, and what is refused of them.
func bindRows(t *testing.T, g *gateway) []row {
	var rows []row
	for _, c := range []struct {
		name   string
		change func(*smpp.BindRequest)
	}{
		{"bind_transmitter", func(b *smpp.BindRequest) { b.Mode = smpp.BindTransmitter }},
		{"bind_receiver", func(b *smpp.BindRequest) { b.Mode = smpp.BindReceiver }},
		{"bind_transceiver", func(*smpp.BindRequest) {}},
		{"wrong password", func(b *smpp.BindRequest) { b.Password = "wrong" }},
		{"unknown system_id", func(b *smpp.BindRequest) { b.SystemID = "nobody" }},
		{"bind mode that the user may not use", func(b *smpp.BindRequest) { b.SystemID = "probe" }},
	} {
		r := row{name: c.name}
		for _, v := range versions {
			b := bindRequest(v, smpp.BindTransceiver)
			c.change(b)
			w := dialWire(t, g.smpp)
			r.cells = append(r.cells, w.probe(of(func(string) smpp.PDU { return b })(""), false))
			w.conn.Close()
		}
		rows = append(rows, r)
	}
	return rows
}

// bindWire binds a bare connection to the edge.
func bindWire(t *testing.T, g *gateway, v uint8, m smpp.Bind) *wire {
	t.Helper()
	w := dialWire(t, g.smpp)
	w.send(1, smpp.StatusOK, bindRequest(v, m))
	if h, _, err := w.read(); err != nil || h.Status != smpp.StatusOK {
		t.Fatalf("bind: %v %v", h.Status, err)
	}
	return w
}

// scheduled returns a function that submits a message for tomorrow and returns its id.
func (g *gateway) scheduled(t *testing.T) func() string {
	t.Helper()
	esme := customer(t, g)
	return func() string {
		m := submit()
		m.ScheduleDeliveryTime = "000001000000000R"
		id, err := esme.Submit(within(t, answerTime), m)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
}

// golden compares text with a file; -update writes it.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, old := strings.Split(text, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(old)) {
		if i >= len(got) || i >= len(old) || got[i] != old[i] {
			t.Fatalf("%s is not fresh (go generate ./bench/interop); line %d:\n got  %s\n file %s", file, i+1, at(got, i), at(old, i))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(end)"
}
