package configs

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// maxDepth bounds the nesting of a document; the specs need five levels.
const maxDepth = 32

// parseDocuments reads the documents of a file, without empty ones. It fails for what is not YAML, with the position.
func parseDocuments(file string, data []byte) ([]ast.Node, error) {
	parsed, err := parseYAML(data)
	if err != nil {
		e := &ResourceError{File: file, Msg: err.Error()}
		var at yaml.Error
		if errors.As(err, &at) {
			e.Msg = at.GetMessage()
			if t := at.GetToken(); t != nil && t.Position != nil {
				e.Line, e.Column = t.Position.Line, t.Position.Column
			}
		}
		return nil, e
	}
	var docs []ast.Node
	for _, d := range parsed {
		switch d.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.NullNode:
		default:
			docs = append(docs, d.Body)
		}
	}
	return docs, nil
}

// decoder turns YAML nodes into Go values and notes everything that is wrong, with its place, instead of stopping at the
// first. Fields are known by their yaml tag; what the file leaves out keeps the value it had.
type decoder struct {
	positions map[string]position
	findings
}

func newDecoder() *decoder { return &decoder{positions: map[string]position{}} }

func (d *decoder) note(path string, n ast.Node) {
	if t := n.GetToken(); t != nil && t.Position != nil {
		d.positions[path] = position{t.Position.Line, t.Position.Column}
	}
}

// entries returns the pairs of a mapping; goccy gives a mapping of one pair as the pair itself.
func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// keyText returns the key of a pair as written; not ok for merge keys and keys that are no scalars.
func keyText(p *ast.MappingValueNode) (string, bool) {
	switch k := p.Key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode:
		return k.GetToken().Value, true
	}
	return "", false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// decode reads n into v.
func (d *decoder) decode(n ast.Node, v reflect.Value, path string) {
	if _, ok := d.positions[path]; !ok {
		d.note(path, n)
	}
	if strings.Count(path, ".")+strings.Count(path, "[") > maxDepth {
		d.add(path, "is nested too deeply")
		return
	}
	_, special := leaves[v.Type()]
	switch {
	case special:
		d.scalar(n, v, path)
	case v.Kind() == reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		setDefaults(fresh)
		d.decode(n, fresh.Elem(), path)
		v.Set(fresh)
	case v.Kind() == reflect.Struct:
		d.fields(n, v, path)
	case v.Kind() == reflect.Slice:
		d.sequence(n, v, path)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

func setDefaults(ptr reflect.Value) {
	if s, ok := ptr.Interface().(defaulter); ok {
		s.setDefaults()
	}
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, path string) {
	text, err := scalarText(n, v)
	if err == nil {
		err = setScalar(v, text)
	}
	if err != nil {
		d.add(path, "%v", err)
	}
}

func (d *decoder) fields(n ast.Node, v reflect.Value, path string) {
	pairs, ok := entries(n)
	if !ok {
		d.add(path, "want a mapping, not %s", nodeName(n))
		return
	}
	for _, p := range pairs {
		name, ok := keyText(p)
		if !ok {
			d.note(join(path, "?"), p.Key)
			d.add(join(path, "?"), "want the name of a field, not %s", nodeName(p.Key))
			continue
		}
		at := join(path, name)
		d.note(at, p.Key)
		i, ok := fieldNamed(v.Type(), name)
		if !ok {
			d.add(at, "unknown field; known are %s", strings.Join(fieldNames(v.Type()), ", "))
			continue
		}
		d.decode(p.Value, v.Field(i), at)
	}
}

func (d *decoder) sequence(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.add(path, "want a list, not %s", nodeName(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		setDefaults(out.Index(i).Addr())
		d.decode(item, out.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	v.Set(out)
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	pairs, ok := entries(n)
	if !ok {
		d.add(path, "want a mapping, not %s", nodeName(n))
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(pairs))
	for _, p := range pairs {
		text, ok := keyText(p)
		at := fmt.Sprintf("%s[%s]", path, text)
		d.note(at, p.Key)
		key := reflect.New(v.Type().Key()).Elem()
		if err := setScalar(key, text); err != nil || !ok {
			d.add(at, "%v", err)
			continue
		}
		if out.MapIndex(key).IsValid() {
			d.add(at, "is listed twice")
		}
		val := reflect.New(v.Type().Elem()).Elem()
		before := len(d.list)
		d.decode(p.Value, val, at)
		if len(d.list) == before {
			out.SetMapIndex(key, val)
		}
	}
	v.Set(out)
}

// addOthers adds the findings about fields that could be read; what was wrong with the others is known already.
func (d *decoder) addOthers(list []finding) {
	unread := slices.Clone(d.list)
	for _, f := range list {
		if !slices.ContainsFunc(unread, func(u finding) bool { return within(u.field, f.field) || within(f.field, u.field) }) {
			d.list = append(d.list, f)
		}
	}
}

// within reports whether field is outer or a part of it.
func within(field, outer string) bool {
	rest, ok := strings.CutPrefix(field, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// fieldNamed finds the struct field of a YAML name.
func fieldNamed(t reflect.Type, name string) (int, bool) {
	for i := range t.NumField() {
		if n := yamlName(t.Field(i)); n != "" && n == name {
			return i, true
		}
	}
	return 0, false
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if n := yamlName(t.Field(i)); n != "" {
			names = append(names, n)
		}
	}
	return names
}

// yamlName returns the field's name in YAML, "" for a field that is not in files.
func yamlName(f reflect.StructField) string {
	if name := f.Tag.Get("yaml"); name != "-" {
		return name
	}
	return ""
}
