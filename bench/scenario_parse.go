package bench

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// maxCarriers bounds the operators of one process, Copies included.
const maxCarriers = 10_000

// ParseScenario reads a scenario; file is its name for messages. All that is wrong comes back at once, joined.
func ParseScenario(file string, data []byte) (*Scenario, error) {
	s := new(Scenario)
	doc, err := parseOneDocument(file, data)
	if err != nil {
		return nil, err
	}
	if doc == nil {
		return nil, &placedError{file, 1, 1, "is empty; want a mapping"}
	}
	d := fileDecoder{file: file}
	carriers := d.operator(doc, &s.Operator, reflect.ValueOf(s).Elem(), "carriers")
	if carriers != nil {
		d.carriers(carriers, s)
	}
	if len(d.errs) > 0 {
		return nil, errors.Join(d.errs...)
	}
	return s, nil
}

// operator reads a mapping whose fields are those of v, which holds op, and phases and extra besides. It returns the node of
// extra.
func (d *fileDecoder) operator(n ast.Node, op *Operator, v reflect.Value, extra string) (found ast.Node) {
	pairs, ok := pairsOf(n)
	if !ok {
		d.fail(n, "want a mapping")
		return nil
	}
	rest := &ast.MappingNode{Start: n.GetToken(), BaseNode: &ast.BaseNode{}}
	var phases ast.Node
	for _, p := range pairs {
		switch key := p.Key.GetToken().Value; {
		case key == "phases":
			phases = p.Value
		case key == extra && extra != "":
			found = p.Value
		default:
			rest.Values = append(rest.Values, p)
		}
	}
	before := len(d.errs)
	d.fields(rest, v)
	d.settings(n, &op.Settings, before)
	if phases != nil {
		d.phases(phases, op)
	}
	return found
}

// settings reports what Validate finds, unless something of it could not be read.
func (d *fileDecoder) settings(n ast.Node, s *Settings, before int) {
	if len(d.errs) > before {
		return
	}
	if err := s.Validate(); err != nil {
		if pairs, ok := pairsOf(n); ok && len(pairs) > 0 {
			n = pairs[0].Key
		}
		d.fail(n, "%v", err)
	}
}

// phaseFields are what a phase can say besides its Set.
type phaseFields struct {
	Phase    `yaml:",inline"`
	Settings *Settings `yaml:"set"`
}

// phases reads the phases; each begins with the settings of the operator.
func (d *fileDecoder) phases(n ast.Node, op *Operator) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, "want a list of phases")
		return
	}
	op.Phases = nil
	names := map[string]bool{}
	for i, item := range seq.Values {
		base := op.Settings
		f := phaseFields{Settings: &base}
		before := len(d.errs)
		d.fields(item, reflect.ValueOf(&f).Elem())
		f.Set = f.Settings
		if f.Name == "" {
			f.Name = fmt.Sprint(i + 1)
		}
		if names[f.Name] {
			d.fail(item, "phase %q is there twice", f.Name)
		}
		names[f.Name] = true
		if last := i == len(seq.Values)-1; len(d.errs) == before && f.For == 0 && !f.Cut && (!last || op.Loop) {
			d.fail(item, "phase %q would be over at once: want for (only the last one may go on for ever, without loop) or cut", f.Name)
		}
		d.settings(item, f.Set, before)
		op.Phases = append(op.Phases, f.Phase)
	}
	if op.Loop && !slices.ContainsFunc(op.Phases, func(p Phase) bool { return p.For > 0 }) {
		d.fail(n, "loop: want at least one phase with a time (for)")
	}
}

// carrierFields are what an entry of carriers can say.
type carrierFields struct {
	Operator `yaml:",inline"`
	Copies   int `yaml:"copies"`
}

func (d *fileDecoder) carriers(n ast.Node, s *Scenario) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, "want a list of carriers")
		return
	}
	names := map[string]bool{}
	for i, item := range seq.Values {
		f := carrierFields{Operator: s.Operator, Copies: 1}
		f.Listen, f.Carrier = nil, fmt.Sprint(i+1)
		d.operator(item, &f.Operator, reflect.ValueOf(&f).Elem(), "")
		if f.Copies < 1 || len(s.Carriers)+f.Copies > maxCarriers {
			d.fail(item, "copies: want 1 or more, and no more than %d carriers in all", maxCarriers)
			continue
		}
		for c := range f.Copies {
			op := f.Operator
			if f.Copies > 1 {
				op.Carrier = fmt.Sprintf("%s-%d", f.Carrier, c+1)
			}
			if names[op.Carrier] {
				d.fail(item, "carrier %q is there twice", op.Carrier)
			}
			names[op.Carrier] = true
			s.Carriers = append(s.Carriers, op)
		}
	}
}
