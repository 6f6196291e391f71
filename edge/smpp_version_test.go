package edge

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// interface_version (SMPP 3.4 5.2.4): up to 0x33 a client is of 3.3 and gets no TLV in anything; what lies between 3.4 and 5.0
// is 3.4, and what comes after 5.0 is 5.0, as sc_interface_version tells.
func TestInterfaceVersions(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	for version, told := range map[uint8]uint8{
		0x00: 0, 0x21: 0, 0x33: 0, 0x34: 0x34, 0x35: 0x34, 0x4F: 0x34, 0x50: 0x50, 0x51: 0x50, 0xFF: 0x50,
	} {
		t.Run(fmt.Sprintf("0x%02X", version), func(t *testing.T) {
			c, resp := e.rawBind(t, smpp.BindTransceiver, version)
			if got, ok := resp.TLVs.GetByte(smpp.TagSCInterfaceVersion); ok != (told > 0) || got != told {
				t.Errorf("sc_interface_version 0x%02X, %v", got, ok)
			}
			c.send(aSubmit())
			h, pdu, frame := c.read()
			answer, ok := pdu.(*smpp.SubmitSMResp)
			if !ok || h.Status != smpp.StatusOK {
				t.Fatalf("answer %v %v", h, pdu)
			}
			if want := 16 + len(answer.MessageID) + 1; told == 0 && len(frame) != want {
				t.Errorf("submit_sm_resp has %d octets, want %d", len(frame), want)
			}
			d := receiptFor("acme", "acme-smpp", sms.Normal)
			deliver(t, e.bus, d)
			h, pdu, _ = c.read()
			receipt, ok := pdu.(*smpp.DeliverSM)
			if !ok {
				t.Fatalf("got %v, want a receipt", pdu)
			}
			if !bytes.Contains(receipt.ShortMessage, []byte("id:"+d.ID.String())) {
				t.Errorf("receipt %q", receipt.ShortMessage)
			}
			if (len(receipt.TLVs) > 0) != (told > 0) {
				t.Errorf("TLVs of the receipt: %v", receipt.TLVs)
			}
			c.answer(h, &smpp.DeliverSMResp{})
			c.send(smpp.Unbind{})
			if h, _, _ := c.read(); h.Command != smpp.CommandUnbindResp {
				t.Errorf("unbind was answered with %v", h)
			}
			c.wantClosed()
			waitFor(t, "the end of the session", func() bool { return len(e.smpp.sessions.all()) == 0 })
		})
	}
}

// A 3.3 client gets a long MO in segments. What has more of them than its window holds is never sent, and the story says so.
func TestLongMOForA33Client(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), func(c *Config) { c.DeliverWindow = 1 })
	esme := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{Mode: smpp.BindReceiver, InterfaceVersion: smpp.Version33}})
	long, after := overlongMO("acme"), receiptFor("acme", "acme-smpp", sms.Normal)
	deliver(t, e.bus, long, after)
	wantReceipt(t, esme, after.ID)
	waitFor(t, "the event", func() bool { return len(e.handedOver(t)) == 1 })
	if x := e.handedOver(t)[0]; x.ID != long.ID || smpp.Status(x.Status) != smpp.StatusInvalidMessageLength {
		t.Errorf("event %+v", x)
	}
}

func TestOperationsByBindMode(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	data := &smpp.DataSM{Source: aSubmit().Source, Destination: aSubmit().Destination, TLVs: payloadTLV([]byte("a"))}
	for mode, want := range map[smpp.Bind]smpp.Status{
		smpp.BindReceiver: smpp.StatusInvalidBindStatus, smpp.BindTransmitter: smpp.StatusOK, smpp.BindTransceiver: smpp.StatusOK,
	} {
		c, _ := e.rawBind(t, mode, smpp.Version34)
		c.send(aSubmit())
		c.wantStatus(smpp.CommandSubmitSM, want)
		c.send(data)
		c.wantStatus(smpp.CommandDataSM, want)
		c.send(&smpp.DeliverSM{}) // goes the other way only
		c.wantStatus(smpp.CommandDeliverSM, smpp.StatusInvalidBindStatus)
		c.send(&smpp.BindRequest{Mode: mode, SystemID: "acme", Password: testPassword})
		c.wantStatus((&smpp.BindRequest{Mode: mode}).Command(), smpp.StatusAlreadyBound)
		_ = c.conn.Close()
	}
	c := e.raw(t)
	c.send(aSubmit())
	c.wantStatus(smpp.CommandSubmitSM, smpp.StatusInvalidBindStatus)
}

// address_range (SMPP 3.4 5.2.7) is not looked at: what comes to a session is a matter of its account and user.
func TestAddressRangeIsNoFilter(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{Mode: smpp.BindReceiver, AddressTON: 1, AddressNPI: 1, AddressRange: "^999[0-9]*$"}})
	d := receiptFor("acme", "acme-smpp", sms.Normal)
	deliver(t, e.bus, d)
	wantReceipt(t, esme, d.ID)
	mo := &sms.MO{Source: d.Destination, Destination: sms.Address{Kind: sms.ShortCode, Value: "4321"}, Encoding: sms.GSM7, Text: "STOP"}
	deliver(t, e.bus, &sms.Delivery{ID: sms.NewIDs(nil).Next(), Account: "acme", Lane: sms.Normal, Time: time.Now(), MO: mo})
	got, err := esme.Next(deadline(t))
	if err != nil || string(got.Deliver().ShortMessage) != "STOP" {
		t.Errorf("%v, %v", got, err)
	}
}
