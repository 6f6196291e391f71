package bench

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tasman/smpp"
)

// hookCall is what a call to the webhook listener says.
type hookCall struct {
	mo       bool
	to, text string // of an MO
	id       string // of a receipt; empty: nothing that counts
	noID     bool   // a receipt, but nobody's
	state    smpp.MessageState
	word     string // as the call has the state
	answer   string // body of the answer; empty: 204
}

// hookReader reads the calls of one form.
type hookReader struct {
	preset    string
	secret    []byte // nil: not checked
	id, state *pick  // of the form of the user
}

const secretPrefix = "whsec_"

func newHookReader(o *LoadOptions) (hookReader, error) {
	h := hookReader{preset: o.Call.presetOf(o.HTTP)}
	var err error
	if o.Hook.Secret != "" {
		if h.secret, err = signingKey(o.Hook.Secret); err != nil {
			return h, err
		}
	}
	if (o.Hook.IDFrom == "") != (o.Hook.StateFrom == "") {
		return h, errors.New("load: receipt-id-from and receipt-state-from are needed together")
	}
	if h.id, err = newPick(o.Hook.IDFrom); err != nil {
		return h, fmt.Errorf("load: receipt-id-from: %w", err)
	}
	if h.state, err = newPick(o.Hook.StateFrom); err != nil {
		return h, fmt.Errorf("load: receipt-state-from: %w", err)
	}
	return h, nil
}

// signingKey returns the octets that sign: those of the base64 behind whsec_, or else the text itself, as accounts of Tasman have it.
func signingKey(secret string) ([]byte, error) {
	coded, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok {
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		return nil, errors.New("load: what follows whsec_ in the secret of the webhook is not base64")
	}
	return key, nil
}

// read reads a call.
func (h *hookReader) read(r *http.Request, body []byte) (hookCall, error) {
	if h.secret != nil && !h.signed(r.Header, body) {
		return hookCall{}, errors.New("the signature does not match")
	}
	f := &places{body: body, header: r.Header, form: r.URL.Query()}
	if strings.Contains(r.Header.Get("Content-Type"), "form-urlencoded") {
		if form, err := url.ParseQuery(string(body)); err == nil {
			for name, values := range form {
				f.form[name] = append(f.form[name], values...)
			}
		}
	}
	switch {
	case h.id != nil:
		c := hookCall{id: h.id.first(f), word: h.state.first(f)}
		c.noID, c.state = c.id == "", stateOf(c.word)
		return c, nil
	case h.preset == presetKannel:
		return readKannel(f), nil
	case h.preset == presetJasmin:
		return readJasmin(f), nil
	}
	return readTasman(body)
}

// signed checks the signature of Standard Webhooks 1.0.
func (h *hookReader) signed(header http.Header, body []byte) bool {
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte(header.Get("webhook-id") + "." + header.Get("webhook-timestamp") + "."))
	mac.Write(body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for got := range strings.FieldsSeq(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(got), []byte(want)) {
			return true
		}
	}
	return false
}

// stateOf reads a state as a word or as a number of message_state.
func stateOf(text string) smpp.MessageState {
	if n, err := strconv.ParseUint(text, 10, 8); err == nil {
		if n > uint64(smpp.StateSkipped) {
			return smpp.StateNone
		}
		return smpp.MessageState(n)
	}
	return smpp.StateOfStat(text)
}

func readTasman(body []byte) (hookCall, error) {
	var m struct {
		Type string `json:"type"`
		Data struct {
			ID    string `json:"id"`
			State string `json:"state"`
			To    string `json:"to"`
			Text  string `json:"text"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return hookCall{}, errors.New("the body is not JSON")
	}
	switch m.Type {
	case "message.receipt":
		return hookCall{id: m.Data.ID, noID: m.Data.ID == "", state: smpp.StateOfStat(m.Data.State), word: m.Data.State}, nil
	case "message.received":
		return hookCall{mo: true, to: strings.TrimPrefix(m.Data.To, "+"), text: m.Data.Text}, nil
	}
	return hookCall{}, nil
}

// readKannel reads a call of our dlr-url, or of a get-url with from, to and text.
func readKannel(f *places) hookCall {
	if f.form.Has("text") {
		return hookCall{mo: true, to: strings.TrimPrefix(f.form.Get("to"), "+"), text: f.form.Get("text"), answer: " "}
	}
	// The types of Kannel's reports: of the handset delivered and failed; of the operator queued, taken and refused.
	const delivered, failed, queued, taken, refused = "1", "2", "4", "8", "16"
	c := hookCall{id: f.form.Get("id"), noID: !f.form.Has("id"), answer: "OK"}
	switch f.form.Get("type") {
	case delivered:
		c.state = smpp.StateDelivered
	case failed:
		c.state = smpp.StateUndeliverable
	case refused:
		c.state = smpp.StateRejected
	case queued:
		c.state = smpp.StateEnroute
	case taken:
		c.state = smpp.StateAccepted
	default:
		c.id, c.noID = "", false
	}
	return c
}

// jasminAnswer is what Jasmin waits for; otherwise it calls again.
const jasminAnswer = "ACK/Jasmin"

func readJasmin(f *places) hookCall {
	if !f.form.Has("message_status") {
		return hookCall{mo: f.form.Has("content"), to: strings.TrimPrefix(f.form.Get("to"), "+"), text: f.form.Get("content"), answer: jasminAnswer}
	}
	state := f.form.Get("message_status")
	c := hookCall{id: f.form.Get("id"), noID: !f.form.Has("id"), state: smpp.StateOfStat(state), word: state, answer: jasminAnswer}
	if strings.HasPrefix(state, "ESME_") { // the operator's answer to the submit_sm, of level 1
		c.state = smpp.StateAccepted
		if state != "ESME_ROK" {
			c.state = smpp.StateRejected
		}
	}
	return c
}
