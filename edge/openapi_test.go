package edge

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tasman/configs"
)

// document is as much of an OpenAPI document as the tests look at.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]struct{ Responses map[string]any }
	Webhooks   map[string]any
	Components struct {
		Responses, SecuritySchemes map[string]any
		Schemas                    map[string]struct {
			Required   []string
			Properties map[string]struct{ Enum []string }
		}
	}
}

func readDocument(t *testing.T) document {
	t.Helper()
	var doc document
	if err := json.Unmarshal(openAPIDocument, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("OpenAPI %q", doc.OpenAPI)
	}
	return doc
}

func TestOpenAPIRoutes(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	d, err := newHTTPDoor(ln, newFakeFunnel(), &fakeCore{}, configs.NewLive(), httpOptions{maxBody: 1, maxConns: 1}, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var served, written []string
	param := regexp.MustCompile(`:(\w+)`)
	for _, r := range d.app.GetRoutes() {
		if r.Method != http.MethodHead { // fiber adds these
			served = append(served, r.Method+" "+param.ReplaceAllString(r.Path, "{$1}"))
		}
	}
	for path, operations := range readDocument(t).Paths {
		for method := range operations {
			written = append(written, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(served)
	slices.Sort(written)
	if diff := cmp.Diff(served, written); diff != "" {
		t.Errorf("routes (-served +written):\n%s", diff)
	}
}

// The schemas have the fields of the structs that are read and written, and require what is always written.
func TestOpenAPIFields(t *testing.T) {
	schemas := readDocument(t).Components.Schemas
	for name, v := range map[string]any{
		"Accepted": submitReply{}, "AcceptedMessage": acceptedView{}, "Messages": listView{}, "Message": messageView{}, "Event": eventView{},
		"Problem": problem{}, "FieldError": fieldError{}, "ReceiptCall": webhookCall{}, "ReceivedCall": webhookCall{}, "Receipt": webhookReceipt{}, "Received": webhookMO{},
	} {
		fields, always := jsonFields(reflect.TypeOf(v))
		if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(schemas[name].Properties))); diff != "" {
			t.Errorf("%s: properties (-struct +document):\n%s", name, diff)
		}
		if diff := cmp.Diff(always, slices.Sorted(slices.Values(schemas[name].Required))); diff != "" {
			t.Errorf("%s: required (-struct +document):\n%s", name, diff)
		}
	}
	var read []string
	for _, f := range submitFields {
		read = append(read, f.name)
	}
	slices.Sort(read)
	if diff := cmp.Diff(read, slices.Sorted(maps.Keys(schemas["Submission"].Properties))); diff != "" {
		t.Errorf("Submission (-read +document):\n%s", diff)
	}
}

func jsonFields(t reflect.Type) (all, always []string) {
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		all = append(all, name)
		if options != "omitempty" {
			always = append(always, name)
		}
	}
	slices.Sort(all)
	slices.Sort(always)
	return all, always
}

func TestOpenAPIWords(t *testing.T) {
	p := readDocument(t).Components.Schemas["Submission"].Properties
	for field, words := range map[string][]string{
		"lane": slices.Sorted(maps.Keys(lanesByName)), "receipt": slices.Sorted(maps.Keys(receiptsByName)), "encoding": slices.Sorted(maps.Keys(encodingsByName)),
	} {
		if diff := cmp.Diff(words, slices.Sorted(slices.Values(p[field].Enum))); diff != "" {
			t.Errorf("%s (-read +document):\n%s", field, diff)
		}
	}
}

// Every $ref leads somewhere, and every component is used.
func TestOpenAPIReferences(t *testing.T) {
	doc := readDocument(t)
	known := map[string]bool{}
	for name := range doc.Components.Schemas {
		known["#/components/schemas/"+name] = false
	}
	for name := range doc.Components.Responses {
		known["#/components/responses/"+name] = false
	}
	for _, m := range regexp.MustCompile(`"\$ref": "([^"]+)"`).FindAllStringSubmatch(string(openAPIDocument), -1) {
		if _, ok := known[m[1]]; !ok {
			t.Errorf("%s leads nowhere", m[1])
		}
		known[m[1]] = true
	}
	for ref, used := range known {
		if !used {
			t.Errorf("%s is not used", ref)
		}
	}
}

func TestOpenAPIServed(t *testing.T) {
	url, _ := startHTTP(t, newFakeFunnel(), &fakeCore{})
	resp, body := request{method: "GET", path: "/openapi.json"}.do(t, url)
	if resp.StatusCode != 200 || body != string(openAPIDocument) || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v, %d octets", resp.StatusCode, resp.Header, len(body))
	}
}
