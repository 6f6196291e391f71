package bench

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// HTTPCall says what the requests of a load are like. What is given replaces what the preset says. URL, header values and
// body may have placeholders: see the README.
type HTTPCall struct {
	Preset       string   // tasman, kannel, jasmin, json; empty: tasman, unless there is a body or a placeholder in the URL
	Method       string   // empty: POST with a body, GET without
	Headers      []string // "NAME:VALUE"
	Body         string
	AcceptStatus []int  // empty: 200, 201, 202
	IDFrom       string // see newPick
	ErrorFrom    string
}

// The presets.
const (
	presetTasman = "tasman"
	presetKannel = "kannel"
	presetJasmin = "jasmin"
	presetJSON   = "json"
)

// call is an HTTPCall made ready.
type call struct {
	url    *url.URL // scheme and host
	path   *template
	method string
	header []headerLine
	body   *template // nil: none
	accept map[int]bool
	id     *pick // nil: answers have no id
	idFrom string
	fault  *pick
	strict bool // an answer with a fault is a refusal whatever its status
	// textless: the requests are without the text, and so without a marker.
	textless bool
	preset   string
}

type headerLine struct {
	name  string
	value *template
}

// presetOf returns the preset that is meant when none is given.
func (h *HTTPCall) presetOf(target string) string {
	if h.Preset != "" {
		return h.Preset
	}
	if h.Body != "" || strings.Contains(target, "{") {
		return presetJSON
	}
	return presetTasman
}

// word names what the requests are like: the preset, or the template of the user by a hash.
func (h *HTTPCall) word(target string) string {
	preset := h.presetOf(target)
	_, path, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(target, "http://"), "https://"), "/")
	if h.Body == "" && !strings.Contains(path, "{") {
		return preset
	}
	return "template " + hashOf(h.Method, path, h.Body)
}

// newCall makes the call of a load ready.
func newCall(o *LoadOptions, b *blend) (*call, error) {
	h := o.Call
	h.Preset = h.presetOf(o.HTTP)
	target := o.HTTP
	strict := h.ErrorFrom != "" && h.ErrorFrom != "body" // of a body it cannot be said whether it is an error
	scan := h.Preset == presetTasman && h.IDFrom == ""
	if err := h.complete(&target, o, b); err != nil {
		return nil, err
	}
	place := strings.IndexAny(strings.TrimPrefix(strings.TrimPrefix(target, "http://"), "https://"), "/?")
	host := target
	if place >= 0 {
		host = target[:len(target)-len(strings.TrimPrefix(strings.TrimPrefix(target, "http://"), "https://"))+place]
	}
	u, err := url.Parse(host)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("load: the HTTP target is not a URL with http or https and a host")
	}
	c := &call{url: u, method: h.Method, preset: h.Preset, strict: strict, accept: make(map[int]bool)}
	path := strings.TrimPrefix(target, host)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if c.path, err = parseTemplate(path, asURL); err != nil {
		return nil, fmt.Errorf("load: URL: %w", err)
	}
	if err := c.addHeadersAndBody(&h); err != nil {
		return nil, err
	}
	for _, s := range h.AcceptStatus {
		c.accept[s] = true
	}
	if len(c.accept) == 0 {
		c.accept = map[int]bool{http.StatusOK: true, http.StatusCreated: true, http.StatusAccepted: true}
	}
	c.idFrom = h.IDFrom
	if c.id, err = newPick(h.IDFrom); err != nil {
		return nil, fmt.Errorf("load: id-from: %w", err)
	}
	if scan { // many times a second
		c.id.scan = "id"
	}
	if c.fault, err = newPick(h.ErrorFrom); err != nil {
		return nil, fmt.Errorf("load: error-from: %w", err)
	}
	if o.Recipients > 1 && (c.body == nil || !c.body.has("to_list")) {
		return nil, errors.New("load: several recipients of a request need {to_list} in its body")
	}
	c.textless = !c.path.has("text") && (c.body == nil || !c.body.has("text")) &&
		!slices.ContainsFunc(c.header, func(l headerLine) bool { return l.value.has("text") })
	return c, c.prepare(b)
}

func (c *call) addHeadersAndBody(h *HTTPCall) error {
	kind := ""
	for _, line := range h.Headers {
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(line, "\r\n") {
			return fmt.Errorf("load: header %q is not NAME:VALUE", line)
		}
		v, err := parseTemplate(strings.TrimSpace(value), asLine)
		if err != nil {
			return fmt.Errorf("load: header %s: %w", name, err)
		}
		if strings.EqualFold(name, "Content-Type") {
			kind = value
		}
		c.header = append(c.header, headerLine{name, v})
	}
	if h.Body != "" {
		var err error
		if kind == "" {
			kind = bodyKind(h.Body)
			c.header = append(c.header, headerLine{"Content-Type", &template{parts: []templatePart{{literal: kind}}}})
		}
		if c.body, err = parseTemplate(h.Body, escapingOf(kind)); err != nil {
			return fmt.Errorf("load: body: %w", err)
		}
	}
	if user := c.url.User; user != nil && !c.hasHeader("Authorization") {
		password, _ := user.Password()
		value := "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
		c.header = append(c.header, headerLine{"Authorization", &template{parts: []templatePart{{literal: value}}}})
	}
	switch {
	case c.method != "":
		c.method = strings.ToUpper(c.method)
	case c.body != nil:
		c.method = http.MethodPost
	default:
		c.method = http.MethodGet
	}
	return nil
}

// refuses reports whether an answer has a fault, whatever its status says. 0 is what many have in its place.
func (c *call) refuses(answer *places) bool {
	if !c.strict {
		return false
	}
	text := c.fault.first(answer)
	return text != "" && text != "0"
}

func (c *call) hasHeader(name string) bool {
	return slices.ContainsFunc(c.header, func(h headerLine) bool { return strings.EqualFold(h.name, name) })
}

// bodyKind guesses the Content-Type of a body.
func bodyKind(body string) string {
	switch strings.TrimSpace(body)[:min(1, len(strings.TrimSpace(body)))] {
	case "{", "[":
		if !strings.HasPrefix(strings.TrimSpace(body), "{to}") {
			return "application/json"
		}
	case "<":
		return "application/xml"
	}
	return "application/x-www-form-urlencoded"
}

func escapingOf(kind string) escaping {
	switch {
	case strings.Contains(kind, "json"):
		return asJSON
	case strings.Contains(kind, "xml"):
		return asXML
	case strings.Contains(kind, "form-urlencoded"):
		return asURL
	}
	return asIs
}

// prepare has all templates write the texts of the mix.
func (c *call) prepare(b *blend) error {
	all := []*template{c.path}
	if c.body != nil {
		all = append(all, c.body)
	}
	for _, h := range c.header {
		all = append(all, h.value)
	}
	for _, t := range all {
		if err := t.prepare(b); err != nil {
			return fmt.Errorf("load: text: %w", err)
		}
	}
	return nil
}
