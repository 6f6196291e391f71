package bench

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestWebhookSignatures calls the listener as Standard Webhooks 1.0 say, and otherwise. What is not signed as it must be does not
// count, and the result says how many they were.
func TestWebhookSignatures(t *testing.T) {
	t.Parallel()
	key := []byte("harness-webhook-secret")
	secret := secretPrefix + base64.StdEncoding.EncodeToString(key)
	sign := func(text string) string {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	rec := newRecorder(true)
	rec.mos = newMOTracker()
	rec.begin()
	h, err := newWebhook(t.Context(), &LoadOptions{HTTP: "http://127.0.0.1:1", Webhook: "127.0.0.1:0", Hook: HookForm{Secret: secret}}, rec)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close(t.Context())
	rec.receipts.accepted("m1", 0)
	const body = `{"type":"message.receipt","data":{"id":"m1","state":"delivered"}}`
	const signed = "msg_1.1763712000." + body
	for _, c := range []struct {
		label, signature, body string
		status                 int
	}{
		{"no signature", "", body, http.StatusBadRequest},
		{"another key's", "v1," + base64.StdEncoding.EncodeToString(make([]byte, 32)), body, http.StatusBadRequest},
		{"of another version", "v2," + sign(signed), body, http.StatusBadRequest},
		{"of another id", "v1," + sign("msg_2.1763712000."+body), body, http.StatusBadRequest},
		{"of another time", "v1," + sign("msg_1.1763712001."+body), body, http.StatusBadRequest},
		{"of another body", "v1," + sign(signed), strings.Replace(body, "m1", "m2", 1), http.StatusBadRequest},
		{"signed, not JSON", "v1," + sign("msg_1.1763712000.x"), "x", http.StatusBadRequest},
		{"signed", "v1," + sign(signed), body, http.StatusNoContent},
		{"signed with an old and a new key", "v1,b2xk v1," + sign(signed), body, http.StatusNoContent},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("webhook-id", "msg_1")
		r.Header.Set("webhook-timestamp", "1763712000")
		if c.signature != "" {
			r.Header.Set("webhook-signature", c.signature)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: %s", c.label, resp.Status)
		}
	}
	if c := rec.receipts.counts(); c.Received != 1 || c.Repeated != 1 || c.Unmatched != 0 {
		t.Errorf("receipts %+v", c)
	}
	want := []string{"webhook calls refused: 1: the body is not JSON", "webhook calls refused: 6: the signature does not match"}
	if got := h.notes(); !slices.Equal(got, want) {
		t.Errorf("notes %q", got)
	}
	if plain, err := newHookReader(&LoadOptions{Hook: HookForm{Secret: string(key)}}); err != nil || string(plain.secret) != string(key) {
		t.Errorf("plain text: %q, %v", plain.secret, err) // as the account of the gateway has it
	}
	if _, err := newHookReader(&LoadOptions{Hook: HookForm{Secret: "whsec_!"}}); err == nil || strings.Contains(err.Error(), "!") {
		t.Errorf("a secret that is not base64: %v", err)
	}
}
