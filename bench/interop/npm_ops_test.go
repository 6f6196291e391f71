package interop

import (
	"fmt"
	"testing"

	"tasman/smpp"
)

// later is a submission that is due in a day.
func later(text string) fields {
	return toHandset("64211234567", fields{"registered_delivery": 1, "schedule_delivery_time": "000001000000000R", "short_message": text})
}

// status checks the status of a response.
func (p *npm) status(command string, f fields, want smpp.Status) {
	p.t.Helper()
	if got := p.ask(command, f); got.Command != command+"_resp" || got.Status != uint32(want) {
		p.t.Errorf("%s %v: %s with status 0x%X, want %s", command, f, got.Command, got.Status, want)
	}
}

// awaitState asks with query_sm until the message has the state.
func (p *npm) awaitState(id string, want smpp.MessageState) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("query_sm says %s", want), func() error {
		got := p.ok("query_sm", fields{"message_id": id, "source_addr_ton": 5, "source_addr": "TASMAN"})
		if got.MessageID != id || got.MessageState == nil || *got.MessageState != int(want) {
			return fmt.Errorf("it says %+v", got)
		}
		return nil
	})
}

// TestNPMClientSubmitMulti has one message go to two handsets and a number that is none.
func TestNPMClientSubmitMulti(t *testing.T) {
	op := newOperator(t)
	c := newNPM(t, newGateway(t, op.Addr(), "", "").smpp)
	c.bind("transceiver")
	to := []fields{}
	for _, number := range []string{"64211234567", "12", "64211234568"} {
		to = append(to, fields{"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": number})
	}
	got := c.ok("submit_multi", fields{"source_addr_ton": 5, "source_addr": "TASMAN", "dest_address": to, "registered_delivery": 1,
		"data_coding": 0, "short_message": "to all"})
	if len(got.Unsuccess) != 1 || got.Unsuccess[0].Destination != "12" || got.Unsuccess[0].Status != uint32(smpp.StatusInvalidDestination) {
		t.Errorf("destinations refused: %+v", got.Unsuccess)
	}
	reached := map[string]bool{}
	for range 2 {
		s := next(t, op)
		reached[s.Destination.Addr] = string(s.ShortMessage) == "to all"
	}
	if !reached["64211234567"] || !reached["64211234568"] {
		t.Errorf("the operator got %v", reached)
	}
	c.receipt(got.MessageID, "64211234567")
	c.receipt(got.MessageID, "64211234568")
}

// TestNPMClientQueries asks for the state of what was delivered and of what is unknown.
func TestNPMClientQueries(t *testing.T) {
	op := newOperator(t)
	c := newNPM(t, newGateway(t, op.Addr(), "", "").smpp)
	c.bind("transceiver")
	id := c.ok("submit_sm", toHandset("64211234567", fields{"registered_delivery": 1, "short_message": "hello"})).MessageID
	c.receipt(id, "64211234567")
	c.awaitState(id, smpp.StateDelivered)
	if got := c.ask("query_sm", fields{"message_id": id, "source_addr_ton": 5, "source_addr": "OTHER"}); got.Command != "query_sm_resp" || got.Status == 0 {
		t.Errorf("query_sm with another source: %+v", got)
	}
	if got := c.ask("query_sm", fields{"message_id": "nonsense", "source_addr_ton": 5, "source_addr": "TASMAN"}); got.Command != "query_sm_resp" || got.Status == 0 {
		t.Errorf("query_sm of an unknown id: %+v", got)
	}
}

// TestNPMClientCancels what waits, and is told when it is too late.
func TestNPMClientCancels(t *testing.T) {
	op := newOperator(t)
	c := newNPM(t, newGateway(t, op.Addr(), "", "").smpp)
	c.bind("transceiver")
	source := fields{"source_addr_ton": 5, "source_addr": "TASMAN", "dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": "64211234567"}
	cancel := func(id string) fields {
		f := fields{"message_id": id}
		for k, v := range source {
			f[k] = v
		}
		return f
	}
	waiting := c.ok("submit_sm", later("never")).MessageID
	c.ok("cancel_sm", cancel(waiting))
	c.awaitState(waiting, smpp.StateDeleted)
	c.ok("cancel_sm", cancel(waiting)) // it is cancelled
	gone := c.ok("submit_sm", toHandset("64211234567", fields{"registered_delivery": 1, "short_message": "gone"})).MessageID
	c.receipt(gone, "64211234567")
	c.status("cancel_sm", cancel(gone), smpp.StatusCancelFailed)
	first, second := c.ok("submit_sm", later("never")).MessageID, c.ok("submit_sm", later("never")).MessageID
	c.ok("cancel_sm", cancel("")) // all that wait from this source for this destination
	c.awaitState(first, smpp.StateDeleted)
	c.awaitState(second, smpp.StateDeleted)
	if got := texts(t, op, 1); got != "gone" || op.Count() != 1 {
		t.Errorf("the operator got %d messages, first %q", op.Count(), got)
	}
}

// TestNPMClientReplaces what waits, and is told when it is too late.
func TestNPMClientReplaces(t *testing.T) {
	op := newOperator(t)
	c := newNPM(t, newGateway(t, op.Addr(), "", "").smpp)
	c.bind("transceiver")
	id := c.ok("submit_sm", later("before")).MessageID
	change := fields{"message_id": id, "source_addr_ton": 5, "source_addr": "TASMAN", "registered_delivery": 1,
		"schedule_delivery_time": "000000000002000R", "short_message": bytesOf([]byte("after"))}
	c.ok("replace_sm", change)
	if got := texts(t, op, 1); got != "after" {
		t.Errorf("the operator got %q", got)
	}
	c.receipt(id, "64211234567")
	c.status("replace_sm", change, smpp.StatusReplaceFailed)
}
