package configs

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

func kindList() string { return strings.Join(Kinds(), ", ") }

// Marshal writes resources in the canonical form that the config store keeps: sorted by kind and name, every field
// written whose value or default is not empty, so that a later change of a default changes no stored resource. Equal
// sets give equal octets, and Parse gives them back. Seal them first: Marshal refuses a spec that still holds a plain
// key or password which should be stored as a hash.
func Marshal(resources []Resource) ([]byte, error) {
	sorted := slices.Clone(resources)
	slices.SortStableFunc(sorted, compareResources)
	var out []byte
	for i := range sorted {
		r := &sorted[i]
		if r.Delete {
			return nil, r.errorAt("delete", "cannot be stored: merge it first")
		}
		s, ok := r.Spec.(spec)
		if !ok {
			return nil, r.errorAt("spec", "is no spec of a known kind")
		}
		if field := plainSecret(s); field != "" {
			return nil, r.errorAt(join("spec", field), "is still in plain")
		}
		fields := fieldsOf(reflect.ValueOf(s).Elem(), reflect.ValueOf(newSpec(r.Kind)).Elem())
		if i > 0 {
			out = append(out, "---\n"...)
		}
		out = appendBlock(out, mapping{{"kind", quoted(r.Kind)}, {"name", quoted(r.Name)}, {"spec", fields}}, 0)
	}
	return out, nil
}

func compareResources(a, b Resource) int {
	kinds := Kinds()
	return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), strings.Compare(a.Name, b.Name))
}

// fieldsOf returns the fields of a struct that are to be written; def is the same struct with its defaults.
func fieldsOf(v, def reflect.Value) mapping {
	var out mapping
	for i := range v.NumField() {
		name := yamlName(v.Type().Field(i))
		if name == "" || (isEmpty(v.Field(i)) && isEmpty(def.Field(i))) {
			continue
		}
		out = append(out, pair{name, valueOf(v.Field(i), def.Field(i))})
	}
	return out
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// valueOf returns v as the writer takes it: scalar, []any or mapping.
func valueOf(v, def reflect.Value) any {
	if l, ok := leaves[v.Type()]; ok {
		return quoted(l.write(v.Interface()))
	}
	switch v.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		setDefaults(fresh)
		return valueOf(v.Elem(), fresh.Elem())
	case reflect.Struct:
		return fieldsOf(v, def)
	case reflect.Slice:
		return listOf(v)
	case reflect.Map:
		return mapOf(v)
	case reflect.String:
		return quoted(v.String())
	case reflect.Float64:
		return scalar(plain(v.Float()))
	}
	return scalar(fmt.Sprint(v.Interface()))
}

func listOf(v reflect.Value) []any {
	out := make([]any, v.Len())
	for i := range out {
		fresh := reflect.New(v.Type().Elem())
		setDefaults(fresh)
		out[i] = valueOf(v.Index(i), fresh.Elem())
	}
	return out
}

func mapOf(v reflect.Value) mapping {
	var out mapping
	for it := v.MapRange(); it.Next(); {
		text := valueOf(it.Key(), reflect.Value{}).(scalar)
		out = append(out, pair{string(text), valueOf(it.Value(), reflect.Value{})})
	}
	slices.SortFunc(out, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	return out
}
