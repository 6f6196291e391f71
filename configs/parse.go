package configs

import (
	"cmp"
	"errors"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// envelope is the frame of a resource's document.
type envelope struct{ kind, name, spec, delete *ast.MappingValueNode }

// Parse reads the YAML documents of one file and validates each resource by itself; Check compares them with each other.
// The file's name is only for messages. Everything that is wrong comes back at once, as *ResourceError joined by
// errors.Join; then no resources are returned.
func Parse(file string, data []byte) ([]Resource, error) {
	docs, err := parseDocuments(file, data)
	if err != nil {
		return nil, err
	}
	var (
		out  []Resource
		errs []error
		seen = map[key]*Resource{}
	)
	for _, doc := range docs {
		r, found := parseResource(file, doc)
		errs = append(errs, found...)
		if first := seen[r.key()]; first != nil && r.Name != "" {
			errs = append(errs, r.errorAt("name", "is defined twice, first on line %d", first.Line))
		}
		seen[r.key()] = &r
		out = append(out, r)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return out, nil
}

func parseResource(file string, doc ast.Node) (Resource, []error) {
	d := newDecoder()
	r := Resource{File: file, positions: d.positions}
	env, ok := d.envelope(&r, doc)
	if !ok {
		return r, d.errors(&r)
	}
	s := newSpec(r.Kind)
	switch {
	case s == nil:
		if env.kind != nil {
			d.add("kind", "unknown kind; known are %s", kindList())
		}
	case r.Delete:
		if env.spec != nil {
			d.add("spec", "must be left out beside delete")
		}
	case env.spec == nil:
		d.add("spec", "is required")
	default:
		d.decode(env.spec.Value, reflect.ValueOf(s).Elem(), "spec")
		s.setName(r.Name)
		r.Spec = s
		d.addOthers(specFindings(s))
	}
	return r, d.errors(&r)
}

// specFindings validates a spec, with field paths as in the document.
func specFindings(s spec) []finding {
	var f findings
	s.validate(&f)
	for i := range f.list {
		f.list[i].field = join("spec", f.list[i].field)
	}
	return f.list
}

// errors returns what was found, in the order of the file.
func (d *decoder) errors(r *Resource) []error {
	found := make([]*ResourceError, len(d.list))
	for i, f := range d.list {
		found[i] = r.errorAt(f.field, "%s", f.msg)
	}
	slices.SortStableFunc(found, func(a, b *ResourceError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	errs := make([]error, len(found))
	for i, e := range found {
		errs[i] = e
	}
	return errs
}

// envelope reads everything of a document but its spec.
func (d *decoder) envelope(r *Resource, doc ast.Node) (envelope, bool) {
	var env envelope
	if t := doc.GetToken(); t != nil && t.Position != nil {
		r.Line, r.Column = t.Position.Line, t.Position.Column
	}
	pairs, ok := entries(doc)
	if !ok {
		d.add("", "want a mapping with kind, name and spec, not %s", nodeName(doc))
		return env, false
	}
	if len(pairs) > 0 && pairs[0].Key.GetToken() != nil {
		p := pairs[0].Key.GetToken().Position
		r.Line, r.Column = p.Line, p.Column
	}
	for _, p := range pairs {
		name, _ := keyText(p)
		if name != "" {
			d.note(name, p.Key)
		}
		switch name {
		case "kind":
			env.kind = p
			d.decode(p.Value, reflect.ValueOf(&r.Kind).Elem(), "kind")
		case "name":
			env.name = p
			d.decode(p.Value, reflect.ValueOf(&r.Name).Elem(), "name")
		case "delete":
			env.delete = p
			d.decode(p.Value, reflect.ValueOf(&r.Delete).Elem(), "delete")
		case "spec":
			env.spec = p
		default:
			d.add(name, "unknown field; known are kind, name, spec, delete")
		}
	}
	if env.kind == nil {
		d.add("kind", "is required: one of %s", kindList())
	}
	if env.name == nil {
		d.add("name", "is required")
	} else if !ValidName(r.Name) {
		d.add("name", "%s", nameRule)
	}
	return env, true
}
