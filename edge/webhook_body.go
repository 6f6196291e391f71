package edge

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"tasman/configs"
	"tasman/sms"
)

// The types of webhook calls.
const (
	receiptType  = "message.receipt"
	receivedType = "message.received"
)

// webhookCall is the body of a call.
type webhookCall struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when the receipt or MO came
	Data      any       `json:"data"`
}

// webhookReceipt is the data of a message.receipt.
type webhookReceipt struct {
	ID        sms.ID     `json:"id"`
	Group     *sms.ID    `json:"group,omitempty"` // of a submit_multi
	From      string     `json:"from"`
	To        string     `json:"to"`
	State     sms.State  `json:"state"`
	Segments  int        `json:"segments,omitempty"`
	Segment   int        `json:"segment,omitempty"` // of a receipt of one segment: which, from 1
	Error     string     `json:"error,omitempty"`
	Reference string     `json:"reference,omitempty"`
	Lane      sms.Lane   `json:"lane,omitempty"`
	Accepted  *time.Time `json:"accepted,omitempty"`
	Sent      *time.Time `json:"sent,omitempty"`
	Done      *time.Time `json:"done,omitempty"` // operator's clock
}

// webhookMO is the data of a message.received.
type webhookMO struct {
	ID        sms.ID `json:"id"`
	From      string `json:"from"`
	To        string `json:"to"`
	Text      string `json:"text,omitempty"`
	Data      string `json:"data,omitempty"` // hexadecimal, of a binary message
	UDH       string `json:"udh,omitempty"`  // hexadecimal
	Encoding  string `json:"encoding"`
	Reference string `json:"reference,omitempty"`
	// Incomplete says that some segments of a long message did not come in time.
	Incomplete bool `json:"incomplete,omitempty"`
}

func webhookEventOf(d *sms.Delivery) configs.WebhookEvent {
	if d.MO != nil {
		return configs.WebhookMO
	}
	return configs.WebhookReceipt
}

// webhookID is the same whenever this delivery is sent, so that the receiver can tell repeats. It has no dots, which part
// the signed content.
func webhookID(d *sms.Delivery) string {
	if d.MO != nil {
		return "mo_" + d.MO.ID.String()
	}
	id := "receipt_" + d.ID.String() + "_" + d.State.String()
	if d.Segment > 0 {
		id += "_" + strconv.Itoa(d.Segment)
	}
	return id
}

func webhookBody(d *sms.Delivery) ([]byte, error) {
	call := webhookCall{Type: receiptType, Timestamp: d.Time.UTC()}
	if d.MO == nil {
		call.Data = &webhookReceipt{
			ID: d.ID, From: d.Source.String(), To: d.Destination.String(), State: d.State, Segments: d.Segments, Segment: d.Segment, Error: d.Error,
			Reference: d.Reference, Lane: d.Lane, Accepted: instant(d.Accepted), Sent: instant(d.Sent), Done: instant(d.Done), Group: groupOf(d.Group),
		}
		return json.Marshal(&call)
	}
	call.Type = receivedType
	call.Data = &webhookMO{
		ID: d.MO.ID, From: d.MO.Source.String(), To: d.MO.Destination.String(), Text: d.MO.Text, Data: hex.EncodeToString(d.MO.Data),
		UDH: hex.EncodeToString(d.MO.UDH), Encoding: d.MO.Encoding.String(), Reference: d.Reference, Incomplete: d.MO.Incomplete,
	}
	return json.Marshal(&call)
}

// instant returns t for a JSON field that is left out when t is zero.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
