package bench

import (
	"fmt"
	"net/http"
	"strings"
)

// complete fills in what the preset says, where nothing else is given. A target without a path gets that of the preset.
func (h *HTTPCall) complete(target *string, o *LoadOptions, b *blend) error {
	bare := strings.TrimSuffix(*target, "/")
	rest := strings.TrimPrefix(strings.TrimPrefix(bare, "http://"), "https://")
	noPath := !strings.ContainsAny(rest, "/?")
	own := h.Body != "" || strings.Contains(rest, "{") // the request is the user's
	switch h.Preset {
	case presetTasman:
		if noPath {
			*target = bare + "/v1/messages"
		}
		h.completeTasman(o, b)
	case presetKannel:
		if noPath {
			*target = bare + "/cgi-bin/sendsms"
		}
		if !own {
			*target = withQuery(*target, kannelQuery(o))
		}
		// Kannel's answer has no id: its dlr-url is ours, with the number of the message in it.
		h.orElse(&h.IDFrom, pickNumber)
		h.orElse(&h.ErrorFrom, "body")
	case presetJasmin:
		if noPath {
			*target = bare + "/send"
		}
		if !own {
			*target = withQuery(*target, jasminQuery(o, b))
		}
		h.orElse(&h.IDFrom, `regex:^Success "([^"]+)"`)
		h.orElse(&h.ErrorFrom, `regex:^Error "([^"]+)"`)
	case presetJSON:
		if !own {
			h.Body = `{"from":"{from}","to":"{to}","text":"{text}"}`
		}
		if h.Body != "" && h.Method == "" {
			h.Method = http.MethodPost
		}
		h.orElse(&h.IDFrom, "json:id")
	default:
		return fmt.Errorf("load: preset %q; allowed are tasman, kannel, jasmin and json", h.Preset)
	}
	return nil
}

// withQuery adds the parameters of a query that the target does not give itself, such as smsc=x.
func withQuery(target, query string) string {
	path, given, _ := strings.Cut(target, "?")
	names := map[string]bool{}
	for part := range strings.SplitSeq(given, "&") {
		name, _, _ := strings.Cut(part, "=")
		names[name] = true
	}
	parts := []string{}
	if given != "" {
		parts = append(parts, given)
	}
	for part := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(part, "="); !names[name] {
			parts = append(parts, part)
		}
	}
	return strings.TrimSuffix(path, "/") + "?" + strings.Join(parts, "&")
}

func (h *HTTPCall) orElse(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func (h *HTTPCall) completeTasman(o *LoadOptions, b *blend) {
	h.orElse(&h.Method, http.MethodPost)
	h.orElse(&h.IDFrom, "json:messages.*.id")
	h.orElse(&h.ErrorFrom, "json:code")
	if h.Body == "" {
		h.Body = `{"from":"{from}","to":[{to_list}],"text":"{text}","receipt":"{receipt}"`
		if len(b.lanes.items) > 1 || b.lanes.items[0] != 0 {
			h.Body += `,"lane":"{lane}"`
		}
		h.Body += "}"
		h.Headers = append(h.Headers, "Content-Type: application/json")
	}
	for _, a := range o.Accounts {
		if a.Key != "" {
			h.Headers = append(h.Headers, "Authorization: Bearer {key}")
			return
		}
	}
}

// kannelQuery is the query of Kannel's sendsms. dlr-mask 31 asks for every kind of report.
func kannelQuery(o *LoadOptions) string {
	q := "username={user}&password={password}&from={from}&to={to}&text={text}&charset=UTF-8&coding={coding}"
	if o.Receipts {
		q += "&dlr-mask=31&dlr-url={dlr_url}%2Fdlr%3Fid%3D{n}%26type%3D%25d"
	}
	return q
}

// jasminQuery is the query of Jasmin's /send. Texts beyond GSM go as octets.
func jasminQuery(o *LoadOptions, b *blend) string {
	q := "username={user}&password={password}&from={from}&to={to}"
	plain := true
	for _, v := range b.texts.items {
		plain = plain && v.coding == 0
	}
	if plain {
		q += "&content={text}"
	} else {
		q += "&coding={data_coding}&hex-content={text|hex}"
	}
	if o.Receipts {
		q += "&dlr=yes&dlr-level=3&dlr-method=POST&dlr-url={dlr_url}%2Fdlr"
	}
	return q
}
