package configs

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
)

// LoadNode reads a node's file, applies the environment and validates. "" is no file: the defaults and the environment.
// Everything that is wrong comes back at once, as *ResourceError joined by errors.Join.
func LoadNode(file string) (*Node, error) {
	var data []byte
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		data = b
	}
	return ParseNode(file, data, os.Environ())
}

// ParseNode is LoadNode for a file that was read already and an environment of "KEY=value" entries. An empty name or an
// empty list of roles means the default.
func ParseNode(file string, data []byte, environ []string) (*Node, error) {
	n := Defaults()
	name := n.Name
	d := newDecoder()
	r := Resource{File: file, positions: d.positions}
	docs, err := parseDocuments(file, data)
	switch {
	case err != nil:
		return nil, err
	case len(docs) > 1:
		return nil, r.errorAt("", "holds %d documents: want one", len(docs))
	case len(docs) == 1:
		d.decode(docs[0], reflect.ValueOf(n).Elem(), "")
	}
	set := d.overrideFromEnv(n, environ)
	if n.Name == "" {
		n.Name = name
	}
	if len(n.Roles) == 0 {
		n.Roles = Roles()
	}
	d.addOthers(n.findings())
	errs := d.errors(&r)
	for _, err := range errs {
		if e := new(ResourceError); errors.As(err, &e) && set[firstOf(e.Field)] != "" {
			*e = ResourceError{Field: e.Field, Msg: fmt.Sprintf("%s (set by %s)", e.Msg, set[firstOf(e.Field)])}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return n, nil
}

// firstOf cuts the index off the path of a list's element.
func firstOf(field string) string {
	field, _, _ = strings.Cut(field, "[")
	return field
}

// EnvName returns the environment variable that overrides the field of a path such as "listen.http".
func EnvName(path string) string {
	return "TASMAN_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// overrideFromEnv sets the fields whose variables are there; it returns which variable set which path. What the file got
// wrong about such a field no longer matters.
func (d *decoder) overrideFromEnv(n *Node, environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, "TASMAN_") {
			env[k] = v
		}
	}
	set := map[string]string{}
	eachLeaf(reflect.ValueOf(n).Elem(), "", func(path string, v reflect.Value) {
		text, ok := env[EnvName(path)]
		if !ok {
			return
		}
		set[path] = EnvName(path)
		d.list = slices.DeleteFunc(d.list, func(f finding) bool { return within(f.field, path) })
		if err := setFromText(v, text); err != nil {
			d.add(path, "%v", err)
		}
	})
	return set
}

func setFromText(v reflect.Value, text string) error {
	if v.Kind() != reflect.Slice {
		return setScalar(v, text)
	}
	var items []string
	if text != "" {
		items = strings.Split(text, ",")
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if err := setScalar(out.Index(i), strings.TrimSpace(item)); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

// eachLeaf calls f for every field that holds a value, with its path.
func eachLeaf(v reflect.Value, path string, f func(path string, v reflect.Value)) {
	for i := range v.NumField() {
		name := yamlName(v.Type().Field(i))
		if name == "" {
			continue
		}
		field := v.Field(i)
		if _, special := leaves[field.Type()]; !special && field.Kind() == reflect.Struct {
			eachLeaf(field, join(path, name), f)
			continue
		}
		f(join(path, name), field)
	}
}
