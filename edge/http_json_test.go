package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
)

func TestReadSubmit(t *testing.T) {
	final, none := sms.FinalReceipt, sms.NoReceipt
	cases := []struct {
		name, body string
		want       submitRequest
	}{
		{"one", `{"from":"TASMAN","to":"+64211234567","text":"Kia ora"}`, submitRequest{from: "TASMAN", to: []string{"+64211234567"}, text: "Kia ora"}},
		{"several", ` {"to":["1","2"]} `, submitRequest{to: []string{"1", "2"}, toList: true}},
		{"everything", `{"from":"a","to":[],"data":"00fF","udh":"050003010201","lane":"alert","reference":"r","validity":"10m","not_before":"2026-01-02T15:04:05+13:00",
			"receipt":"none","class":0,"encoding":"binary"}`, submitRequest{
			from: "a", to: []string{}, toList: true, data: []byte{0, 0xFF}, udh: []byte{5, 0, 3, 1, 2, 1}, lane: sms.Alert, reference: "r", validity: when{in: 10 * time.Minute},
			notBefore: when{at: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)}, receipt: &none, class: 1, encoding: sms.Binary,
		}},
		{"seconds", `{"validity":90.5,"class":3,"receipt":"final"}`, submitRequest{validity: when{in: 90*time.Second + 500*time.Millisecond}, class: 4, receipt: &final}},
		{"null is absent", `{"from":null,"to":null,"text":null,"data":null,"lane":null,"validity":null,"receipt":null,"class":null}`, submitRequest{data: []byte{}}},
		{"escapes", `{"text":"\u0041\n\ud83d\udc4d"}`, submitRequest{text: "A\n👍"}},
		{"half a surrogate pair", `{"text":"a\ud83db"}`, submitRequest{text: "a\uFFFDb"}},
		{"name with escapes", `{"\u0066rom":"\u0061"}`, submitRequest{from: "a"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := readSubmit([]byte(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			tc.want.given = got.given
			if diff := cmp.Diff(&tc.want, got, cmp.AllowUnexported(submitRequest{}, when{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadSubmitWrongFields(t *testing.T) {
	cases := []struct {
		body   string
		fields []string
	}{
		{`{"from":1}`, []string{"from"}},
		{`{"to":{}}`, []string{"to"}},
		{`{"to":["a",2]}`, []string{"to"}},
		{`{"to":["a",null]}`, []string{"to"}},
		{`{"text":[],"from":true,"to":"1"}`, []string{"text", "from"}},
		{`{"data":"0"}`, []string{"data"}},
		{`{"udh":"zz"}`, []string{"udh"}},
		{`{"lane":"fast"}`, []string{"lane"}},
		{`{"lane":""}`, []string{"lane"}},
		{`{"validity":"tomorrow"}`, []string{"validity"}},
		{`{"validity":-1}`, []string{"validity"}},
		{`{"validity":1e300}`, []string{"validity"}},
		{`{"validity":"-5m"}`, []string{"validity"}},
		{`{"not_before":true}`, []string{"not_before"}},
		{`{"receipt":true}`, []string{"receipt"}},
		{`{"class":4}`, []string{"class"}},
		{`{"class":1.5}`, []string{"class"}},
		{`{"class":-1}`, []string{"class"}},
		{`{"encoding":"utf8"}`, []string{"encoding"}},
		{`{"Text":"x"}`, []string{"Text"}},
		{`{"text":"x","text":"y"}`, []string{"text"}},
		{`{"txt":{"a":[1,{}]},"to":7}`, []string{"txt", "to"}},
		{`{"a\u0000\nb":1}`, []string{"a??b"}},
		{`{"` + strings.Repeat("n", 100) + `":1}`, []string{strings.Repeat("n", 64) + "..."}},
	}
	for _, tc := range cases {
		_, err := readSubmit([]byte(tc.body))
		var p *problem
		if !errors.As(err, &p) || p.Status != 422 {
			t.Errorf("%s: got %v", tc.body, err)
			continue
		}
		var fields []string
		for _, e := range p.Errors {
			fields = append(fields, e.Field)
		}
		if diff := cmp.Diff(tc.fields, fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.body, diff)
		}
	}
}

func TestReadSubmitTooManyErrors(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"x":1`)
	for i := range 100 {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	b.WriteString("}")
	_, err := readSubmit([]byte(b.String()))
	var p *problem
	if !errors.As(err, &p) || len(p.Errors) != maxFieldErrors {
		t.Errorf("got %v with %d errors, want %d", err, len(p.Errors), maxFieldErrors)
	}
}

func TestReadSubmitBadJSON(t *testing.T) {
	deep := strings.Repeat("[", 20_000)
	for _, body := range []string{`{"x":` + deep, `{"to":` + deep, `{"to":["1"`, `{"to":["1"}`, `{"text":"\u00`, "", "null", "[]", `"x"`, "{", `{"from"`, `{"from":`, `{"from":"a"`, `{"from":"a",}`, `{"from":"a"} {}`, `{"from":"a"}x`, `{from:1}`,
		`{"text":"` + "\xff" + `"}`, `{"to":[}`, `{"x":tru}`, `{1:2}`} {
		_, err := readSubmit([]byte(body))
		var p *problem
		if !errors.As(err, &p) || p.Status != 400 {
			t.Errorf("%q: got %v", body, err)
		}
	}
}

func TestReadSubmitSaysWhere(t *testing.T) {
	for body, want := range map[string]string{
		`{"from":x}`:                       "octet 9.",
		`{"from":"a" "to":"1"}`:            "octet 13.",
		`{"to":["1", 2,, 3]}`:              "octet 15.",
		`{"from":"a","text":"\x"}`:         "octet 21.",
		"{\"from\":\"a\",\"text\":\"\n\"}": "octet 21.",
		`{"from":"a"`:                      "ends before",
		`{"from":"a"},`:                    "more after",
	} {
		_, err := readSubmit([]byte(body))
		var p *problem
		if !errors.As(err, &p) || !strings.Contains(p.Detail, want) {
			t.Errorf("%s: got %+v, want %s", body, p, want)
		}
	}
}

// What is read must outlive the body, and a reader what it read before.
func TestReadSubmitKeepsNothing(t *testing.T) {
	body := []byte(`{"from":"TASMAN","to":["1","2"],"text":"Kia ora","reference":"r-1"}`)
	first, err := readSubmit(body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = 'x'
	}
	if _, err := readSubmit(body); err == nil {
		t.Error("read what is no JSON")
	}
	second, err := readSubmit([]byte(`{"from":"other","to":"3"}`))
	if err != nil {
		t.Fatal(err)
	}
	if first.from != "TASMAN" || !slices.Equal(first.to, []string{"1", "2"}) || first.text != "Kia ora" || first.reference != "r-1" {
		t.Errorf("first became %+v", first)
	}
	if second.from != "other" || !slices.Equal(second.to, []string{"3"}) || second.text != "" {
		t.Errorf("second is %+v", second)
	}
}

func TestAcceptedBody(t *testing.T) {
	ids := sms.NewIDs(nil)
	for _, n := range []int{0, 1, 3} {
		want := submitReply{Messages: []acceptedView{}}
		var msgs []*sms.Message
		for i := range n {
			m := &sms.Message{ID: ids.Next(), Segments: 1 + 300*i, Destination: sms.Address{Kind: sms.Alphanumeric, Value: "\"<é>\\\n\u2028👍&"}}
			msgs = append(msgs, m)
			want.Messages = append(want.Messages, acceptedView{m.ID, m.Destination.String(), sms.StateAccepted.String(), m.Segments})
		}
		var got submitReply
		body := acceptedBody(msgs)
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if body := acceptedBody([]*sms.Message{{Destination: sms.Address{Value: "a\xff"}}}); !json.Valid(body) || !utf8.Valid(body) {
		t.Errorf("got %q", body)
	}
}

func FuzzReadSubmit(f *testing.F) {
	f.Add([]byte(`{"from":"TASMAN","to":["+64211234567"],"text":"Kia ora","validity":"10m","class":0}`))
	f.Add([]byte(`{"to":{"x":[1,2]},"x":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := readSubmit(body)
		var p *problem
		if err != nil && !errors.As(err, &p) {
			t.Errorf("error is no problem: %v", err)
		}
		if err == nil && r == nil {
			t.Error("neither request nor error")
		}
	})
}

func BenchmarkReadSubmit(b *testing.B) {
	const rest = `"text":"Kia ora, your parcel is waiting at the counter","reference":"order-1234"}`
	var list strings.Builder
	for i := range 100 {
		fmt.Fprintf(&list, `,"+6421%07d"`, i)
	}
	for _, bench := range []struct{ name, body string }{
		{"one", `{"from":"TASMAN","to":"+64211234567",` + rest},
		{"hundred", `{"from":"TASMAN","to":[` + list.String()[1:] + `],` + rest},
	} {
		b.Run(bench.name, func(b *testing.B) {
			body := []byte(bench.body)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := readSubmit(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAcceptedBody(b *testing.B) {
	ids := sms.NewIDs(nil)
	msgs := make([]*sms.Message, 100)
	for i := range msgs {
		msgs[i] = &sms.Message{ID: ids.Next(), Destination: sms.Address{Kind: sms.MSISDN, Value: fmt.Sprintf("6421%07d", i)}, Segments: 1}
	}
	for name, n := range map[string]int{"one": 1, "hundred": len(msgs)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if len(acceptedBody(msgs[:n])) == 0 {
					b.Fatal("no body")
				}
			}
		})
	}
}
