package bench

import (
	"embed"
	"fmt"
	"os"
	"path"
	"strings"
	"time"
)

// Scenario is what a simulator does over time: a file, or one that is shipped. See README.md for all its fields.
type Scenario struct {
	Name  string `yaml:"name" json:"name"`
	About string `yaml:"about" json:"about,omitempty"` // a line for people

	Operator `yaml:",inline"`
	// Carriers are further operators of the same process. Each begins with what stands above and says what differs.
	Carriers []Operator `yaml:"-" json:"carriers,omitempty"`
	Seed     uint64     `yaml:"seed" json:"seed,omitempty"` // of all that is drawn; 0: random
	Verify   bool       `yaml:"verify" json:"verify,omitempty"`
}

// Operator is one simulated operator of a Scenario.
type Operator struct {
	Carrier  string   `yaml:"carrier" json:"carrier,omitempty"` // its name in metrics and at the control address
	Listen   []string `yaml:"listen" json:"listen,omitempty"`
	SystemID string   `yaml:"system_id" json:"system_id,omitempty"`
	Password string   `yaml:"password" json:"-"`
	Version  Version  `yaml:"version" json:"version,omitempty"`
	Window   int      `yaml:"window" json:"window,omitempty"`
	MaxOwed  int      `yaml:"max_owed" json:"max_owed,omitempty"`

	Settings `yaml:",inline"`
	Phases   []Phase `yaml:"phases" json:"phases,omitempty"` // one after the other; the settings above hold where a phase says nothing else
	Loop     bool    `yaml:"loop" json:"loop,omitempty"`     // begin again after the last phase
}

// Phase is a stretch of a scenario.
type Phase struct {
	Name string        `yaml:"name" json:"name"`
	For  time.Duration `yaml:"for" json:"for"` // 0: of the last one, for ever; of others, only Cut happens
	Cut  bool          `yaml:"cut" json:"cut,omitempty"`
	Set  *Settings     `yaml:"-" json:"set,omitempty"` // all settings, as they are in the phase
}

// Version is an interface_version: 3.3, 3.4 or 5.0.
type Version uint8

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Version) UnmarshalText(text []byte) error {
	switch string(text) {
	case "3.3":
		*v = 0x33
	case "3.4":
		*v = 0x34
	case "5.0", "5":
		*v = 0x50
	default:
		return fmt.Errorf("%q is not one of 3.3, 3.4, 5.0", text)
	}
	return nil
}

// String writes the version as it is read, "5.0" for the default.
func (v Version) String() string {
	if v == 0 {
		v = 0x50
	}
	return fmt.Sprintf("%d.%d", v>>4, v&0xF)
}

// MarshalText implements encoding.TextMarshaler.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

//go:embed scenarios/*.yaml
var shippedScenarios embed.FS

// ShippedScenarios returns the names of the scenarios that LoadScenario knows without a file, sorted.
func ShippedScenarios() []string {
	entries, err := shippedScenarios.ReadDir("scenarios")
	if err != nil {
		panic(err) // they are in the binary
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}

// LoadScenario reads a scenario file, or the shipped one of that name. Errors say file, line and column, and what is allowed.
func LoadScenario(nameOrFile string) (*Scenario, error) {
	if data, err := shippedScenarios.ReadFile(path.Join("scenarios", nameOrFile+".yaml")); err == nil {
		return ParseScenario(nameOrFile+".yaml", data)
	}
	data, err := os.ReadFile(nameOrFile)
	if err != nil {
		return nil, fmt.Errorf("scenario: %w; shipped are %s", err, strings.Join(ShippedScenarios(), ", "))
	}
	return ParseScenario(nameOrFile, data)
}

// Operators returns the operators that are to be played: the carriers, or the one that the scenario itself is.
func (s *Scenario) Operators() []Operator {
	if len(s.Carriers) > 0 {
		return s.Carriers
	}
	return []Operator{s.Operator}
}

// ListScenarios describes the shipped scenarios, a line each.
func ListScenarios() (string, error) {
	var b strings.Builder
	for _, name := range ShippedScenarios() {
		s, err := LoadScenario(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%-22s %s\n", name, s.About)
	}
	return b.String(), nil
}
