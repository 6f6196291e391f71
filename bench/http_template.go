package bench

import (
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tasman/sms"
)

// escaping is how a value is written where it stands.
type escaping uint8

const (
	asIs escaping = iota
	asURL
	asJSON
	asXML
	asHex // octets of the text in its encoding
	asLine
	escapings
)

// escape writes a value.
func (e escaping) escape(s string) string {
	switch e {
	case asURL:
		return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") // right in a path, a query and a form
	case asJSON:
		b, err := json.Marshal(s)
		if err != nil {
			return ""
		}
		return string(b[1 : len(b)-1])
	case asXML:
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
		return b.String()
	case asHex:
		return hex.EncodeToString([]byte(s))
	case asLine:
		return strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
	}
	return s
}

// filters are the names after '|' in a placeholder.
func filterOf(name string) (escaping, bool) {
	e, ok := map[string]escaping{"url": asURL, "form": asURL, "json": asJSON, "xml": asXML, "hex": asHex, "raw": asIs}[name]
	return e, ok
}

// placeholders are the names that a template may have, in the order of the README.
func placeholders() []string {
	return []string{"to", "number", "to_list", "from", "text", "marker", "n", "id", "lane", "receipt", "coding", "data_coding", "dlr_url", "user", "password", "key"}
}

// template is a text with placeholders.
type template struct{ parts []templatePart }

type templatePart struct {
	literal string // when name is empty
	name    string
	esc     escaping
}

// parseTemplate reads a template whose values are escaped as esc unless a filter says otherwise. A '{' that does not begin the
// name of a placeholder is itself, so that JSON needs no care.
func parseTemplate(text string, esc escaping) (*template, error) {
	t := new(template)
	for text != "" {
		i := strings.IndexByte(text, '{')
		end := -1
		if i >= 0 {
			end = strings.IndexByte(text[i:], '}')
		}
		if end < 0 {
			t.literal(text)
			break
		}
		inner := text[i+1 : i+end]
		name, filter, filtered := strings.Cut(inner, "|")
		if !isName(name) {
			t.literal(text[:i+1])
			text = text[i+1:]
			continue
		}
		if !slices.Contains(placeholders(), name) {
			return nil, fmt.Errorf("{%s} is not a placeholder; allowed are %s", inner, strings.Join(placeholders(), ", "))
		}
		e := esc
		if filtered {
			var ok bool
			if e, ok = filterOf(filter); !ok {
				return nil, fmt.Errorf("{%s}: %q is not a filter; allowed are url, form, json, xml, hex and raw", inner, filter)
			}
		}
		t.literal(text[:i])
		t.parts = append(t.parts, templatePart{name: name, esc: e})
		text = text[i+end+1:]
	}
	return t, nil
}

func (t *template) literal(s string) {
	if s != "" {
		t.parts = append(t.parts, templatePart{literal: s})
	}
}

func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// has reports whether a placeholder stands in the template.
func (t *template) has(name string) bool {
	return slices.ContainsFunc(t.parts, func(p templatePart) bool { return p.name == name })
}

// prepare writes the texts of the mix in the escapings that are used, so that a message only needs its marker.
func (t *template) prepare(b *blend) error {
	for _, p := range t.parts {
		if p.name != "text" {
			continue
		}
		for _, v := range b.texts.items {
			rest := v.rest
			if p.esc == asHex {
				octets, err := sms.AppendText(nil, v.rest, v.encoding)
				if err != nil {
					return err
				}
				rest = string(octets)
			}
			v.escaped[p.esc] = p.esc.escape(rest)
		}
	}
	return nil
}

// render appends the template for the messages of a job.
func (t *template) render(dst []byte, c *httpConn, m *chosen, job httpJob) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		switch p.name {
		case "":
			dst = append(dst, p.literal...)
		case "to":
			if p.esc == asURL {
				dst = append(dst, "%2B"...)
			} else {
				dst = append(dst, '+')
			}
			dst = append(dst, c.texts.destination(job.first)...)
		case "number":
			dst = append(dst, c.texts.destination(job.first)...)
		case "to_list":
			for i := range job.n {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = append(append(append(dst, `"+`...), c.texts.destination(job.first+uint64(i))...), '"')
			}
		case "text":
			dst = append(appendEscapedMarker(dst, m, p.esc), m.text.escaped[p.esc]...)
		case "marker":
			dst = appendEscapedMarker(dst, m, p.esc)
		case "n", "id":
			dst = strconv.AppendUint(dst, job.first, 10)
		default:
			dst = append(dst, p.esc.escape(c.value(p.name, m))...)
		}
	}
	return dst
}

// appendEscapedMarker appends the marker: '#' is all of it that ever needs an escape.
func appendEscapedMarker(dst []byte, m *chosen, esc escaping) []byte {
	var plain [markerLen]byte
	marker := appendMarker(plain[:0], m.n)
	switch esc {
	case asURL:
		return append(append(dst, "%23"...), marker[1:]...)
	case asHex:
		for _, c := range marker {
			if m.text.wide {
				dst = append(dst, '0', '0')
			}
			dst = hex.AppendEncode(dst, []byte{c})
		}
		return dst
	}
	return append(dst, marker...)
}

// value returns what a placeholder stands for that changes little from message to message.
func (c *httpConn) value(name string, m *chosen) string {
	a := &c.t.opts.Accounts[m.n%uint64(len(c.t.opts.Accounts))]
	switch name {
	case "from":
		return m.from.from
	case "lane":
		if m.lane == 0 {
			return sms.Normal.String()
		}
		return m.lane.String()
	case "receipt":
		if c.t.opts.Receipts {
			return "final"
		}
		return "none"
	case "coding": // Kannel's: 0 is GSM, 1 octets, 2 UCS-2
		if m.text.wide {
			return "2"
		}
		return "0"
	case "data_coding":
		return strconv.Itoa(int(m.text.coding))
	case "dlr_url":
		return c.t.hookURL
	case "user":
		return a.SystemID
	case "password":
		return a.Password
	case "key":
		return a.Key
	}
	return ""
}
