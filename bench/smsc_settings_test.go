package bench

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tasman/smpp"
)

func startWith(t *testing.T, s Settings) *SMSC {
	t.Helper()
	return startSMSC(t, SMSCOptions{Settings: &s})
}

func TestRules(t *testing.T) {
	t.Parallel()
	s := startSMSC(t, SMSCOptions{FirstMO: 1, Settings: &Settings{Rules: []Rule{
		{To: []string{"6140*"}, Status: StatusCode(smpp.StatusProhibited)},
		{To: []string{"+6141???0001"}, Receipt: &RuleReceipt{State: ReceiptState(smpp.StateRejected), Err: "A01"}},
		{From: []string{"BANK"}, Receipt: &RuleReceipt{None: true}},
		{To: []string{"*77"}, Receipt: &RuleReceipt{Twice: true, Intermediate: true}},
		{To: []string{"*88"}, Receipt: &RuleReceipt{UnknownID: true}},
		{To: []string{"*55"}, Every: 3, Status: 0x400},
		{To: []string{"*66"}, Reply: "no thanks"},
	}}})
	c := bindTo(t, s, smpp.BindTransceiver)
	for _, r := range []struct {
		from, to string
		want     []string
	}{
		{"TASMAN", "61400000000", []string{"refused prohibited"}},
		{"TASMAN", "61411230001", []string{"answer", "receipt REJECTD"}},
		{"BANK", "61420000000", []string{"answer"}},
		{"TASMAN", "61420000077", []string{"answer", "receipt DELIVRD", "receipt DELIVRD", "receipt ENROUTE"}},
		{"TASMAN", "61420000088", []string{"answer", "receipt DELIVRD"}},
		{"TASMAN", "61420000055", []string{"answer", "receipt DELIVRD"}},
		{"TASMAN", "61420000055", []string{"answer", "receipt DELIVRD"}},
		{"TASMAN", "61420000055", []string{"refused status"}},
		{"614899", "61420000066", []string{"answer", "mo #9000000001 = no thanks", "receipt DELIVRD"}},
	} {
		m := message(r.to, "Kia ora")
		m.Source = smpp.Address{TON: 1, Addr: r.from}
		c.send(t, m)
		var got, ids []string
		for range r.want {
			h := c.wait(t)
			got = append(got, h.String())
			if h.id != "" {
				ids = append(ids, h.id)
			}
			if h.receipt != nil && r.to == "61411230001" && h.receipt.Err != "A01" {
				t.Errorf("err %q", h.receipt.Err)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, r.want) {
			t.Errorf("%s to %s: %q, not %q", r.from, r.to, got, r.want)
		}
		if same := len(slices.Compact(ids)) <= 1; same == (r.to == "61420000088") {
			t.Errorf("%s: ids %q", r.to, ids)
		}
	}
}

func TestSetSwapsAtOnce(t *testing.T) {
	t.Parallel()
	s := startWith(t, Settings{})
	c := bindTo(t, s, smpp.BindTransceiver)
	if _, err := c.Submit(t.Context(), message("61400000000", "x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(Settings{Throttled: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(t.Context(), message("61400000000", "x")); !errors.Is(err, smpp.StatusThrottled) {
		t.Errorf("after Set: %v", err)
	}
	if err := s.Set(Settings{Silent: 2}); err == nil || s.Settings().Throttled != 1 {
		t.Errorf("a share of 2: %v, in force %+v", err, s.Settings())
	}
	if err := s.Set(Settings{RefuseBinds: StatusCode(smpp.StatusBindFailed)}); err != nil {
		t.Fatal(err)
	}
	_, err := smpp.Dial(t.Context(), s.Addr().String(), smpp.BindRequest{Mode: smpp.BindTransceiver}, smpp.Options{})
	var refused *smpp.BindError
	if !errors.As(err, &refused) || refused.Status != smpp.StatusBindFailed {
		t.Errorf("bind: %v", err)
	}
	if n := s.Disconnect("other"); n != 0 {
		t.Errorf("cut %d of another", n)
	}
	if n := s.Disconnect("test"); n != 1 {
		t.Errorf("cut %d", n)
	}
	<-c.Done()
}

func TestClosedListenerComesBack(t *testing.T) {
	t.Parallel()
	s := startWith(t, Settings{})
	c := bindTo(t, s, smpp.BindTransceiver)
	if err := s.Set(Settings{Listener: ListenerClosed}); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", s.Addr().String()); err == nil {
		conn.Close()
		t.Error("somebody listens")
	}
	if _, err := c.Submit(t.Context(), message("61400000000", "x")); err != nil {
		t.Errorf("the session that was there: %v", err)
	}
	if err := s.Set(Settings{}); err != nil {
		t.Fatal(err)
	}
	bindAs(t, s, smpp.BindTransceiver, "again")
}

func TestBlackholeHoldsUpEverything(t *testing.T) {
	t.Parallel()
	s := startWith(t, Settings{})
	c := bindTo(t, s, smpp.BindTransceiver)
	if err := s.Set(Settings{Listener: ListenerBlackhole}); err != nil {
		t.Fatal(err)
	}
	c.send(t, message("61400000000", "held up"))
	conn, err := net.Dial("tcp", s.Addr().String()) // is taken
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if n := s.Stats().Submits; n != 0 {
		t.Errorf("%d were read", n)
	}
	if err := s.Set(Settings{}); err != nil {
		t.Fatal(err)
	}
	if h := c.wait(t); h.String() != "answer" {
		t.Errorf("afterwards: %v", h)
	}
}

// receiptsOf submits to several destinations and returns the places of the receipts' destinations, in order.
func receiptsOf(t *testing.T, set Settings, n int) (order []int) {
	s := startWith(t, set)
	c := bindTo(t, s, smpp.BindTransceiver)
	for i := range n {
		c.send(t, message(fmt.Sprintf("614000%05d", i), "x"))
	}
	for len(order) < n {
		if h := c.wait(t); h.receipt != nil {
			var i int
			if _, err := fmt.Sscanf(h.source, "614000%05d", &i); err != nil {
				t.Fatal(err)
			}
			order = append(order, i)
		}
	}
	return order
}

func TestReceiptOrder(t *testing.T) {
	t.Parallel()
	random := Delay{Min: 0, Max: 200 * time.Millisecond, Spread: SpreadUniform}
	const n = 50
	if got := receiptsOf(t, Settings{Receipts: ReceiptSettings{Delay: random, Order: OrderSubmitted}}, n); !slices.IsSorted(got) {
		t.Errorf("submitted: %v", got)
	}
	if got := receiptsOf(t, Settings{Receipts: ReceiptSettings{Delay: random}}, n); slices.IsSorted(got) {
		t.Errorf("due: %v", got)
	}
	if got := receiptsOf(t, Settings{Receipts: ReceiptSettings{Order: OrderShuffled, Every: 300 * time.Millisecond}}, n); slices.IsSorted(got) {
		t.Errorf("shuffled: %v", got)
	}
	// All are of one window, or of two when a window ends meanwhile: then the first of the second is the last one of all.
	got := receiptsOf(t, Settings{Receipts: ReceiptSettings{Order: OrderReversed, Every: time.Second}}, n)
	rises := 0
	for i := 1; i < n; i++ {
		if got[i] > got[i-1] {
			rises++
		}
	}
	if rises > 1 {
		t.Errorf("reversed: %v", got)
	}
}

func TestReceiptsOnTheOtherBind(t *testing.T) {
	t.Parallel()
	for on, same := range map[ReceiptBind]bool{BindSame: true, BindOther: false} {
		s := startWith(t, Settings{Receipts: ReceiptSettings{On: on}})
		a, b := bindTo(t, s, smpp.BindTransceiver), bindTo(t, s, smpp.BindTransceiver)
		for range 10 {
			a.send(t, message("61400000000", "x"))
			if h := a.wait(t); h.String() != "answer" && !same {
				t.Fatalf("%s: %v came first", on, h)
			}
			from := b
			if same {
				from = a
			}
			from.wait(t)
		}
	}
}

func TestReceiptsOfAnotherSystemID(t *testing.T) {
	t.Parallel()
	s := startWith(t, Settings{Receipts: ReceiptSettings{SystemID: "receipts"}})
	a, b := bindAs(t, s, smpp.BindTransceiver, "submits"), bindAs(t, s, smpp.BindReceiver, "receipts")
	id, err := a.Submit(t.Context(), message("61400000000", "x"))
	if h := b.wait(t); err != nil || h.id != id {
		t.Errorf("%s, %v; receipt %v %s", id, err, h, h.id)
	}
}

func TestLongMOsComeInSegments(t *testing.T) {
	t.Parallel()
	s := startWith(t, Settings{MO: MOSettings{Rate: 200, From: []string{"6421xxxxxxx"}, To: []string{"61480000001"},
		Texts: []MOText{{Text: strings.Repeat("\u4f60\u597d", 50)}}}})
	parts := make(chan string, 1000)
	session, err := smpp.Dial(t.Context(), s.Addr().String(), smpp.BindRequest{Mode: smpp.BindReceiver, SystemID: "x"},
		smpp.Options{Handler: smpp.HandlerFunc(func(r *smpp.Request) {
			m := r.PDU().(*smpp.DeliverSM)
			udh, body, err := smpp.SplitUDH(m.Payload())
			_, total, seq, ok := smpp.Concat(udh)
			n, marked := parseMarker(body)
			if at, ok := stampOf(body); ok != (seq == 1) || ok && at.After(time.Now()) {
				t.Errorf("segment %d: stamp %v, %v", seq, at, ok)
			}
			if err != nil || !ok || m.DataCoding != 8 || marked != (seq == 1) || marked && n < moMarkers || !strings.HasPrefix(m.Source.Addr, "6421") {
				t.Errorf("%v: segment %d of %d, coding %d, marker %d from %s", err, seq, total, m.DataCoding, n, m.Source.Addr)
			}
			_ = r.Reply(smpp.StatusOK, nil)
			parts <- fmt.Sprintf("%d/%d", seq, total)
		})})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for range 4 {
		if a, b := <-parts, <-parts; a != "1/2" || b != "2/2" {
			t.Errorf("segments %s, %s", a, b)
		}
	}
}

func TestVersionsAndCongestion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		speaks, binds, want uint8
		congestion          bool
	}{{0, 0x50, 0x50, true}, {0x34, 0x50, 0x34, false}, {0, 0x34, 0x34, false}, {0, 0x33, 0x33, false}} {
		s := startSMSC(t, SMSCOptions{Version: c.speaks, Settings: &Settings{Congestion: 70}})
		tlv := make(chan bool, 1)
		session, err := smpp.Dial(t.Context(), s.Addr().String(), smpp.BindRequest{Mode: smpp.BindTransceiver, InterfaceVersion: c.binds, SystemID: "x"},
			smpp.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = session.Send(t.Context(), message("61400000000", "x"), nil, func(o smpp.Outcome) {
			v, ok := o.Resp.(*smpp.SubmitSMResp).TLVs.GetByte(smpp.TagCongestionState)
			tlv <- ok && v == 70
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := <-tlv; got != c.congestion || session.Version() != c.want {
			t.Errorf("%+v: version %#x, congestion_state %v", c, session.Version(), got)
		}
		session.Close()
	}
}

func TestTLSWithACertificateOfItsOwn(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	config, err := serverTLS("", "", ca, []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	s := startWith(t, Settings{})
	if err := s.StartTLS("127.0.0.1:0", config); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(ca)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s, %v", pem, err)
	}
	session, err := smpp.Dial(t.Context(), s.Addrs()[1].String(), smpp.BindRequest{Mode: smpp.BindTransceiver, SystemID: "x"},
		smpp.Options{TLS: &tls.Config{RootCAs: roots}})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if _, err := session.Submit(t.Context(), message("61400000000", "x")); err != nil {
		t.Error(err)
	}
	if _, err := serverTLS("cert.pem", "", "", nil); err == nil {
		t.Error("a certificate without a key was taken")
	}
}

func TestReorderedMarkersAreCounted(t *testing.T) {
	t.Parallel()
	var s sequences
	for _, m := range []struct {
		to string
		n  uint64
	}{{"1", 1}, {"1", 3}, {"2", 2}, {"1", 2}, {"1", 3}, {"2", 9}, {"+2", 8}, {"1", 4}} {
		s.see(m.to, m.n)
	}
	if reordered, unwatched := s.counts(); reordered != 2 || unwatched != 0 {
		t.Errorf("reordered %d, unwatched %d", reordered, unwatched)
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	sc, err := ParseScenario("f", []byte("phases: [{name: good}]\ncarriers: [{carrier: a}, {carrier: b}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sc.Carriers {
		sc.Carriers[i].Phases = sc.Phases
	}
	f, err := startFleet(t.Context(), sc, fleetOptions{listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(f.controlHandler())
	t.Cleanup(server.Close)
	ask := func(method, path, body string, status int) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		out, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status {
			t.Errorf("%s %s %s: %s, %s, %v", method, path, body, resp.Status, out, err)
		}
		return string(out)
	}
	c := bindTo(t, f.carriers[0].smsc, smpp.BindTransceiver)
	if _, err := c.Submit(t.Context(), message("61400000000", "x")); err != nil {
		t.Fatal(err)
	}
	var states []carrierState
	if err := json.Unmarshal([]byte(ask("GET", "/stats", "", 200)), &states); err != nil || len(states) != 2 || states[0].Stats.Submits != 1 {
		t.Errorf("stats: %+v, %v", states, err)
	}
	if m := ask("GET", "/metrics", "", 200); !strings.Contains(m, `bench_smsc_submits_total{carrier="a"} 1`) {
		t.Errorf("metrics: %s", m)
	}
	ask("POST", "/phase?carrier=a", `{"set": {"errors": 1, "receipts": {"delay": "fixed:2s"}}}`, 200)
	if _, err := c.Submit(t.Context(), message("61400000000", "x")); !errors.Is(err, smpp.StatusSystemError) {
		t.Errorf("after the change: %v", err)
	}
	ask("POST", "/phase?carrier=a", `{"set": {"late": 0.5}}`, 200)
	if set := f.carriers[0].smsc.Settings(); set.Errors != 1 || set.Late != 0.5 || set.Receipts.Delay.Mean != 2*time.Second {
		t.Errorf("changes do not add up: %+v", set)
	}
	if set := f.carriers[1].smsc.Settings(); set.Errors != 0 {
		t.Errorf("the other carrier: %+v", set)
	}
	ask("POST", "/phase?carrier=a", `{"name": "good"}`, 200)
	await(t, func() bool { return f.carriers[0].smsc.Settings().Errors == 0 })
	ask("POST", "/refuse-binds", `{"status": "RINVSYSID"}`, 200)
	if set := f.carriers[1].smsc.Settings(); smpp.Status(set.RefuseBinds) != smpp.StatusInvalidSystemID {
		t.Errorf("refuse-binds: %+v", set)
	}
	ask("POST", "/disconnect", `{"system_id": "test"}`, 200)
	<-c.Done()
	for path, body := range map[string]string{"/phase": `{"name": "none"}`, "/phase?carrier=c": `{"name": "good"}`, "/phase?": `{"set": {"errors": 2}}`,
		"/phase?x": `{}`, "/phase?y": `{"sets": {}}`, "/refuse-binds": `{"status": "NO"}`} {
		if out := ask("POST", path, body, 400); !strings.Contains(out, "error") {
			t.Errorf("%s %s: %s", path, body, out)
		}
	}
}
