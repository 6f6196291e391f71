package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// checkFields returns an error that names the path of the first field that Result does not have.
func checkFields(text []byte) error {
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return explain(text, err)
	}
	return unknown(v, reflect.TypeFor[Result](), "")
}

func unknown(v any, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := v.(type) {
	case map[string]any:
		return unknownInObject(v, t, path)
	case []any:
		if t.Kind() != reflect.Slice {
			return nil // of the wrong type: decoding tells
		}
		for i, e := range v {
			if err := unknown(e, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func unknownInObject(v map[string]any, t reflect.Type, path string) error {
	if t.Kind() == reflect.Map {
		for _, name := range sortedKeys(v) {
			if err := unknown(v[name], t.Elem(), fmt.Sprintf("%s[%q]", path, name)); err != nil {
				return err
			}
		}
		return nil
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return nil
	}
	known := fieldsOf(t)
	for _, name := range sortedKeys(v) {
		at := strings.TrimPrefix(path+"."+name, ".")
		field, ok := known[name]
		if !ok {
			return fmt.Errorf("result: unknown field %s; known there: %s", at, strings.Join(sortedKeys(known), ", "))
		}
		if err := unknown(v[name], field, at); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf returns the types of a struct's fields by their JSON names, those of embedded structs included.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	all := make(map[string]reflect.Type)
	for f := range t.Fields() {
		if f.Anonymous {
			for name, typ := range fieldsOf(f.Type) {
				all[name] = typ
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all[name] = f.Type
	}
	return all
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
