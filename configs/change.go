package configs

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Merge returns base with the changes applied, in canonical order: resources of the same kind and name are replaced, those
// marked with Delete removed, new ones added. Removing what does not exist changes nothing. A plain password that the
// stored hash fits becomes that hash, so that applying a file twice changes nothing; each costs one computation.
func Merge(base, change []Resource) []Resource {
	at := make(map[key]int, len(base))
	out := slices.Clone(base)
	for i := range out {
		at[out[i].key()] = i
	}
	for _, r := range change {
		i, exists := at[r.key()]
		switch {
		case exists && !r.Delete:
			r.Spec = keepHash(out[i].Spec, r.Spec)
			out[i] = r
		case exists:
			out[i] = r
		default:
			at[r.key()] = len(out)
			out = append(out, r)
		}
	}
	out = slices.DeleteFunc(out, func(r Resource) bool { return r.Delete })
	slices.SortStableFunc(out, compareResources)
	return out
}

// formerUnclaimed is the account under which earlier versions parked MOs to numbers that nobody has.
const formerUnclaimed = "unclaimed"

// CheckChange looks at what is wrong with a change but must be borne in what is in service: a new account that would be given
// the MOs which an earlier version, or a node that still runs one, parked under its name. And no two files may define the same.
func CheckChange(base, change []Resource) error {
	before, seen := byKey(base), make(map[key]*Resource, len(change))
	var errs []error
	for i := range change {
		r := &change[i]
		if first := seen[r.key()]; first != nil {
			errs = append(errs, r.errorAt("name", "is defined twice, first %s", whereIs(first)))
			continue
		}
		seen[r.key()] = r
		if r.Kind == KindAccount && r.Name == formerUnclaimed && !r.Delete && before[r.key()] == nil {
			errs = append(errs, r.errorAt("name", "is reserved: earlier versions parked MOs under it that are nobody's, and it would be given them"))
		}
	}
	return errors.Join(errs...)
}

// NotThere returns what is to be deleted and does not exist, each with its place in the file. It is no error, so that a file may be
// applied again.
func NotThere(base, change []Resource) []string {
	before := byKey(base)
	var out []string
	for i := range change {
		if r := &change[i]; r.Delete && before[r.key()] == nil {
			out = append(out, r.errorAt("name", "nothing to delete: there is no such %s", r.Kind).Error())
		}
	}
	return out
}

// Op says what a change does to a resource.
type Op string

// The operations.
const (
	Added     Op = "added"
	Changed   Op = "changed"
	Removed   Op = "removed"
	Unchanged Op = "unchanged"
)

// Change is what becomes of one resource between two sets.
type Change struct {
	Op         Op
	Kind, Name string
	// Fields that differ, when Op is Changed, in the order of the spec.
	Fields []FieldChange
}

// FieldChange is one field of a changed spec. Values are as in YAML on one line, "" when absent; secrets show as "(secret)".
type FieldChange struct{ Field, Old, New string }

// String gives one line per resource and one, indented, per field.
func (c Change) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", c.Op, c.Kind, c.Name)
	for _, f := range c.Fields {
		fmt.Fprintf(&b, "\n    %s: %s -> %s", f.Field, orNothing(f.Old), orNothing(f.New))
	}
	return b.String()
}

func orNothing(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// Diff compares two sets, in canonical order. Compare sealed sets: a plain password differs from its hash.
func Diff(old, new []Resource) []Change {
	before := byKey(old)
	after := byKey(new)
	all := slices.Clone(old)
	for _, r := range new {
		if before[r.key()] == nil {
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, compareResources)
	changes := make([]Change, 0, len(all))
	for _, r := range all {
		c := Change{Kind: r.Kind, Name: r.Name}
		o, n := before[r.key()], after[r.key()]
		switch {
		case o == nil:
			c.Op = Added
		case n == nil:
			c.Op = Removed
		default:
			c.Op, c.Fields = Unchanged, diffFields(o.Spec, n.Spec)
			if len(c.Fields) > 0 {
				c.Op = Changed
			}
		}
		changes = append(changes, c)
	}
	return changes
}

func byKey(resources []Resource) map[key]*Resource {
	m := make(map[key]*Resource, len(resources))
	for i := range resources {
		m[resources[i].key()] = &resources[i]
	}
	return m
}

// diffFields compares two specs of one kind, one level deep: lists and nested structs show as a whole.
func diffFields(old, new any) []FieldChange {
	o, n := reflect.ValueOf(old).Elem(), reflect.ValueOf(new).Elem()
	var out []FieldChange
	for i := range o.NumField() {
		name := yamlName(o.Type().Field(i))
		if name == "" || sameValue(o.Field(i), n.Field(i)) {
			continue
		}
		out = append(out, FieldChange{Field: name, Old: shown(o.Field(i)), New: shown(n.Field(i))})
	}
	return out
}

func sameValue(a, b reflect.Value) bool {
	return (isEmpty(a) && isEmpty(b)) || reflect.DeepEqual(a.Interface(), b.Interface())
}

// shown prints a value on one line, without secrets.
func shown(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.String:
		if isEmpty(v) {
			return ""
		}
	}
	return string(appendFlow(nil, redact(v)))
}

// redact is valueOf with secrets made unreadable; it also leaves out empty fields of nested structs.
func redact(v reflect.Value) any {
	if s, ok := v.Interface().(Secret); ok {
		return scalar(s.String())
	}
	if _, ok := leaves[v.Type()]; ok {
		return valueOf(v, v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return redact(v.Elem())
	case reflect.Struct:
		var out mapping
		for i := range v.NumField() {
			if name := yamlName(v.Type().Field(i)); name != "" && !isEmpty(v.Field(i)) {
				out = append(out, pair{name, redact(v.Field(i))})
			}
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = redact(v.Index(i))
		}
		return out
	}
	return valueOf(v, v)
}
