package edge

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
	"tasman/sms"
)

const (
	// webhookCalls bounds the calls to one account's endpoint at a time.
	webhookCalls = 16
	// webhookReply bounds what is read of an answer: enough to use the connection again.
	webhookReply = 64 << 10
	// webhookIdle is how long an unused connection to an endpoint is kept.
	webhookIdle = 90 * time.Second
)

// errNoWebhook is returned by webhooks.Send when the account has no webhook for this kind of delivery.
var errNoWebhook = errors.New("the account has no webhook for it")

// webhookError is returned by webhooks.Send when the endpoint did not take a delivery. Whatever the status says, the
// delivery is worth another try later: endpoints are repaired and rules of proxies change.
type webhookError struct {
	Status int   // HTTP status of the answer, 0 when there was none
	Err    error // why there was no answer
}

// Error implements error. It never names the URL, which may hold a token.
func (e *webhookError) Error() string {
	if e.Status != 0 {
		return "webhook answered " + strconv.Itoa(e.Status)
	}
	return fmt.Sprintf("webhook did not answer: %v", e.Err)
}

// Unwrap returns the cause.
func (e *webhookError) Unwrap() error { return e.Err }

// webhooks hands receipts and MOs to the HTTP endpoints of accounts, signed as Standard Webhooks 1.0 say. It is safe for
// concurrent use.
type webhooks struct {
	client *http.Client
	slots  *slots
	now    func() time.Time
	log    *slog.Logger

	calls *prometheus.CounterVec
	took  prometheus.Histogram
}

// newWebhooks returns a sender. reg may be nil.
func newWebhooks(log *slog.Logger, reg prometheus.Registerer) (*webhooks, error) {
	w := &webhooks{
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				MaxConnsPerHost:        4 * webhookCalls, // several accounts may share a host
				MaxIdleConnsPerHost:    webhookCalls,
				IdleConnTimeout:        webhookIdle,
				TLSHandshakeTimeout:    10 * time.Second,
				MaxResponseHeaderBytes: webhookReply,
				ForceAttemptHTTP2:      true,
			},
			// A redirect is an answer like any other that is not 2xx: following it would sign for another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		slots: newSlots(webhookCalls),
		now:   time.Now,
		log:   log,
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tasman_edge_webhook_calls_total", Help: "Calls to webhooks by what came of them.",
		}, []string{"result"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tasman_edge_webhook_seconds", Help: "Time of one call to a webhook.", Buckets: prometheus.ExponentialBuckets(0.005, 3, 9),
		}),
	}
	return w, registerAll(reg, w.calls, w.took)
}

// Wants reports whether the account has a webhook for this delivery.
func (w *webhooks) Wants(account *configs.Account, d *sms.Delivery) bool {
	return account != nil && account.Webhook.Wants(webhookEventOf(d))
}

// Send hands one delivery to the account's webhook and returns nil when it was taken, which a 2xx answer says. It waits
// for a free slot of the account and for the answer, at most the webhook's timeout or until ctx ends. Errors:
// errNoWebhook; *webhookError, also when no slot became free in time.
func (w *webhooks) Send(ctx context.Context, account *configs.Account, d *sms.Delivery) error {
	if !w.Wants(account, d) {
		return errNoWebhook
	}
	ctx, cancel := context.WithTimeout(ctx, account.Webhook.Timeout)
	defer cancel()
	if err := w.slots.take(ctx, account.Name); err != nil {
		return w.result(&webhookError{Err: err})
	}
	defer w.slots.give(account.Name)
	start := w.now()
	err := w.call(ctx, account.Webhook, d)
	w.took.Observe(w.now().Sub(start).Seconds())
	return w.result(err)
}

// result counts what came of a call.
func (w *webhooks) result(err error) error {
	label := "taken"
	var answer *webhookError
	switch {
	case errors.As(err, &answer) && answer.Status != 0:
		label = strconv.Itoa(answer.Status/100) + "xx"
	case errors.Is(err, context.DeadlineExceeded):
		label = "timeout"
	case err != nil:
		label = "unreachable"
	}
	w.calls.WithLabelValues(label).Inc()
	return err
}

func (w *webhooks) call(ctx context.Context, hook *configs.Webhook, d *sms.Delivery) error {
	key, err := hook.SigningKey()
	if err != nil {
		return &webhookError{Err: err}
	}
	body, err := webhookBody(d)
	if err != nil {
		return &webhookError{Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(body))
	if err != nil {
		return &webhookError{Err: withoutURL(err)}
	}
	sign(req.Header, key, webhookID(d), w.now(), body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tasman")
	resp, err := w.client.Do(req)
	if err != nil {
		return &webhookError{Err: withoutURL(err)}
	}
	// An answer counts by its status; its body is read only so that the connection can serve the next call.
	_, _ = io.CopyN(io.Discard, resp.Body, webhookReply)
	_ = resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return &webhookError{Status: resp.StatusCode}
	}
	return nil
}

// close ends idle connections. Calls that are under way end with their contexts.
func (w *webhooks) close() { w.client.CloseIdleConnections() }

// sign sets the three headers of Standard Webhooks 1.0: the signature is HMAC-SHA256 over "id.timestamp.body".
func sign(h http.Header, key []byte, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// withoutURL takes the URL out of an error of net/http.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
