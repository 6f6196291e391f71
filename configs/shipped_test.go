package configs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tasman/sms"
)

func sprint(format string, v any) string { return fmt.Sprintf(format, v) }

func TestExampleResourcesShowEveryField(t *testing.T) {
	resources, err := Parse("resources.yaml", ExampleResources())
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(resources); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, r := range resources {
		for p := range r.positions {
			shown[r.Kind+" "+strings.TrimPrefix(p, "spec.")] = true
		}
	}
	for _, kind := range Kinds() {
		names := fieldNames(reflect.TypeOf(newSpec(kind)).Elem())
		if kind == KindAccount {
			for _, n := range fieldNames(reflect.TypeFor[Webhook]()) {
				names = append(names, "webhook."+n)
			}
			for _, n := range fieldNames(reflect.TypeFor[AccountSMPP]()) {
				names = append(names, "smpp."+n)
			}
		}
		for _, name := range names {
			if !shown[kind+" "+name] && !slices.Contains([]string{"key_sha256", "password_hash"}, name) {
				t.Errorf("resources.yaml shows no %s of %s", name, kind)
			}
		}
	}
}

func demoValues() DemoValues {
	return DemoValues{
		APIKey: "0123456789abcdef", SMPPPassword: "p\"w: #1'", MailPassword: "{{mail}}", Webhook: "http://127.0.0.1:9/hook", WebhookSecret: "0123456789abcdef",
		Carriers: []DemoCarrier{
			{Name: "spark", Address: "127.0.0.1:2001", SystemID: "a", Password: "pw", Prefix: "64"},
			{Name: "telstra", Address: "127.0.0.1:2002", SystemID: "b", Password: "pw", Prefix: "61"},
			{Name: "optus", Address: "127.0.0.1:2003", SystemID: "c", Password: "pw", Prefix: "61"},
		},
	}
}

func TestDemoResources(t *testing.T) {
	text, err := DemoResources(demoValues())
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	s, err := NewSnapshot(1, mustParse(t, string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if _, a, ok := s.APIKey("0123456789abcdef"); !ok || a.Name != "demo" || !a.Webhook.Wants(WebhookMO) {
		t.Error("the API key does not work")
	}
	if u, _, ok := s.SMPPUser("demo"); !ok || !s.CheckPassword(u.PasswordHash, `p"w: #1'`) {
		t.Error("the SMPP user does not work")
	}
	for dest, want := range map[string]string{"64211234567": "spark|telstra,optus", "61412345678": "telstra,optus|spark", "15551234567": "spark,telstra,optus"} {
		r, ok := s.Route(dest, "demo", sms.Alert)
		if !ok || planOf(r) != want {
			t.Errorf("%s is routed to %s, want %s", dest, planOf(r), want)
		}
	}
	one := demoValues()
	one.Webhook, one.Carriers = "", one.Carriers[:1]
	if text, err := DemoResources(one); err != nil {
		t.Errorf("one carrier: %v\n%s", err, text)
	}
	if _, err := DemoResources(DemoValues{}); err == nil {
		t.Error("no values make no error")
	}
}

func planOf(r *Route) string {
	if r == nil {
		return ""
	}
	var tiers []string
	for _, tier := range r.Tiers {
		var names []string
		for _, s := range tier {
			names = append(names, s.Carrier)
		}
		tiers = append(tiers, strings.Join(names, ","))
	}
	return strings.Join(tiers, "|")
}

func TestSpecsShowNoSecrets(t *testing.T) {
	resources := mustParse(t, strings.ReplaceAll(string(ExampleResources()), "example", "hunter2"))
	for _, r := range resources {
		b, err := json.Marshal(r.Spec)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b)+sprint("%+v", r.Spec)+sprint("%#v", r.Spec), "hunter2/tasman", "")
		for _, name := range []string{"hunter2-", "hunter21", "hunter22"} {
			if strings.Contains(text, name) {
				t.Errorf("%s %s shows a secret: %s", r.Kind, r.Name, text)
			}
		}
	}
}
