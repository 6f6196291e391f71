package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// pickNumber says that the id is the number of the message.
const pickNumber = "number"

// pick says where something is in an answer or in a call to the webhook listener:
//
//	json:messages.0.id   a member of a JSON body; * is every element of a list
//	regex:id=(\w+)       what the first group matches in the body
//	body                 the whole body, without blanks around it
//	header:NAME          a header
//	form:NAME, query:NAME  a parameter
//	number               the number of the message, which the target was given
type pick struct {
	kind string
	name string // of header and parameter
	scan string // the member that is looked for without decoding the body; empty: none
	path []string
	re   *regexp.Regexp
}

// newPick reads where; empty gives nil.
func newPick(where string) (*pick, error) {
	kind, rest, _ := strings.Cut(where, ":")
	p := &pick{kind: kind, name: rest}
	switch kind {
	case "":
		return nil, nil
	case "body", pickNumber:
		return p, nil
	case "json":
		p.path = strings.Split(rest, ".")
	case "regex":
		re, err := regexp.Compile(rest)
		if err != nil {
			return nil, err
		}
		if re.NumSubexp() < 1 {
			return nil, fmt.Errorf("%q has no group", rest)
		}
		p.re = re
	case "header", "form", "query":
	default:
		return nil, fmt.Errorf("%q; allowed are json:PATH, regex:RE, body, header:NAME, form:NAME, query:NAME and number", where)
	}
	if rest == "" {
		return nil, fmt.Errorf("%q has nothing behind the ':'", where)
	}
	return p, nil
}

// places are the places that a pick looks at.
type places struct {
	body   []byte
	header http.Header
	form   url.Values
}

// each calls do with everything that is picked.
func (p *pick) each(f *places, do func(string)) {
	switch p.kind {
	case "body":
		do(string(bytes.TrimSpace(f.body)))
	case "regex":
		if m := p.re.FindSubmatch(f.body); m != nil {
			do(string(m[1]))
		}
	case "header":
		if v := f.header.Get(p.name); v != "" {
			do(v)
		}
	case "form", "query":
		if v := f.form.Get(p.name); v != "" {
			do(v)
		}
	case "json":
		if p.scan != "" {
			eachMember(f.body, p.scan, do)
			return
		}
		var v any
		dec := json.NewDecoder(bytes.NewReader(f.body))
		dec.UseNumber()
		if dec.Decode(&v) == nil {
			walk(v, p.path, do)
		}
	}
}

// first returns the first that is picked, empty when there is none.
func (p *pick) first(f *places) (s string) {
	if p == nil {
		return ""
	}
	taken := false
	p.each(f, func(v string) {
		if !taken {
			s, taken = v, true
		}
	})
	return s
}

// eachMember finds members of that name with a string, at any depth, without decoding the body. That is for the answers of our
// own API only, where no other member has the name of the id and no id has an escape.
func eachMember(b []byte, name string, do func(string)) {
	key := []byte(`"` + name + `":`)
	for {
		i := bytes.Index(b, key)
		if i < 0 {
			return
		}
		b = bytes.TrimLeft(b[i+len(key):], " ")
		if len(b) == 0 || b[0] != '"' {
			continue
		}
		end := bytes.IndexByte(b[1:], '"')
		if end < 0 {
			return
		}
		do(string(b[1 : 1+end]))
		b = b[1+end:]
	}
}

// walk follows a path through a decoded document.
func walk(v any, path []string, do func(string)) {
	if len(path) == 0 {
		switch v := v.(type) {
		case string:
			do(v)
		case json.Number:
			do(v.String())
		}
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if e, ok := v[path[0]]; ok {
			walk(e, path[1:], do)
		}
	case []any:
		if path[0] == "*" {
			for _, e := range v {
				walk(e, path[1:], do)
			}
		} else if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(v) {
			walk(v[i], path[1:], do)
		}
	}
}
