package configs

import (
	"bytes"
	_ "embed"
	"text/template"
)

var (
	//go:embed node.yaml
	nodeYAML []byte
	//go:embed resources.yaml
	resourcesYAML []byte
	//go:embed demo.yaml.tmpl
	demoTemplate string
)

// PrintDefaults returns the documented node.yaml: every field with its default.
func PrintDefaults() []byte { return bytes.Clone(nodeYAML) }

// ExampleResources returns the documented resources.yaml: one resource or more of every kind with every field.
func ExampleResources() []byte { return bytes.Clone(resourcesYAML) }

// DemoValues fill the resources that `tasman up` starts with. All secrets are random and made by the caller.
type DemoValues struct {
	APIKey       string // at least 16 octets
	SMPPPassword string // at most 8 octets, so that every SMPP client takes it
	MailPassword string
	// Webhook takes receipts and MOs of the account; "" = none.
	Webhook       string
	WebhookSecret string // at least 16 octets, when Webhook is set
	// Carriers to route over; at least one.
	Carriers []DemoCarrier
}

// DemoCarrier is one simulated operator.
type DemoCarrier struct {
	Name     string // of the resource
	Address  string // host:port
	SystemID string
	Password string // at most 8 octets
	// Prefix is the country code of the messages it takes first, such as 64.
	Prefix string
}

// DemoResources returns the YAML of a working start: the account "demo" with an API key "demo-key", an SMPP user "demo", a
// mail user "demo" and the number 61480000000, the carriers given, a route per prefix over its carriers with the others
// behind them, and a default route over all. It fails for values that Parse or Check would refuse.
func DemoResources(v DemoValues) ([]byte, error) {
	t, err := template.New("demo").Parse(demoTemplate)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := t.Execute(&buf, demoRoutes(v)); err != nil {
		return nil, err
	}
	resources, err := Parse("demo.yaml", buf.Bytes())
	if err != nil {
		return nil, err
	}
	return buf.Bytes(), Check(resources)
}

// demo is what the template sees.
type demo struct {
	DemoValues
	Routes []demoRoute
}

type demoRoute struct {
	Name, Prefix  string
	First, Behind []string
}

func demoRoutes(v DemoValues) demo {
	d := demo{DemoValues: v}
	all := demoRoute{Name: "default"}
	seen := map[string]bool{}
	for _, c := range v.Carriers {
		all.First = append(all.First, c.Name)
		if seen[c.Prefix] || c.Prefix == "" {
			continue
		}
		seen[c.Prefix] = true
		r := demoRoute{Name: "to-" + c.Prefix, Prefix: c.Prefix}
		for _, other := range v.Carriers {
			if other.Prefix == c.Prefix {
				r.First = append(r.First, other.Name)
			} else {
				r.Behind = append(r.Behind, other.Name)
			}
		}
		d.Routes = append(d.Routes, r)
	}
	d.Routes = append(d.Routes, all)
	return d
}
