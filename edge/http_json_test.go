package edge

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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
	for _, body := range []string{"", "null", "[]", `"x"`, "{", `{"from"`, `{"from":`, `{"from":"a"`, `{"from":"a",}`, `{"from":"a"} {}`, `{"from":"a"}x`, `{from:1}`,
		`{"text":"` + "\xff" + `"}`, `{"to":[}`, `{"x":tru}`, `{1:2}`} {
		_, err := readSubmit([]byte(body))
		var p *problem
		if !errors.As(err, &p) || p.Status != 400 {
			t.Errorf("%q: got %v", body, err)
		}
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
	body := []byte(`{"from":"TASMAN","to":"+64211234567","text":"Kia ora, your parcel is waiting at the counter","reference":"order-1234"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readSubmit(body); err != nil {
			b.Fatal(err)
		}
	}
}
