package bench

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// placedError is an error of a file, with its place. The places of JSON sent to a control address count like those of a file.
type placedError struct {
	file         string
	line, column int
	msg          string
}

func (e *placedError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.file, e.line, e.column, e.msg)
}

// fileDecoder reads YAML, and so JSON too, into structs by their yaml tags. Fields that the file leaves out keep their
// value; unknown ones are errors. It notes all errors it finds, not only the first.
type fileDecoder struct {
	file string
	errs []error
}

// decodeYAML reads a document of one mapping into v, a pointer to a struct.
func decodeYAML(file string, data []byte, v any) error {
	doc, err := parseOneDocument(file, data)
	if err != nil || doc == nil {
		return err
	}
	d := fileDecoder{file: file}
	d.value(doc, reflect.ValueOf(v).Elem())
	return errors.Join(d.errs...)
}

// parseOneDocument returns the document of a file, nil when it is empty. A panic of the parser becomes an error.
func parseOneDocument(file string, data []byte) (doc ast.Node, err error) {
	defer func() {
		if recover() != nil {
			err = &placedError{file, 1, 1, "cannot be read as YAML"}
		}
	}()
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		e := &placedError{file, 1, 1, err.Error()}
		var at yaml.Error
		if errors.As(err, &at) {
			e.msg = at.GetMessage()
			if t := at.GetToken(); t != nil && t.Position != nil {
				e.line, e.column = t.Position.Line, t.Position.Column
			}
		}
		return nil, e
	}
	for _, d := range f.Docs {
		switch d.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.NullNode:
			continue
		}
		if doc != nil {
			p := d.Body.GetToken().Position
			return nil, &placedError{file, p.Line, p.Column, "want one document, this is the second"}
		}
		doc = d.Body
	}
	return doc, nil
}

func (d *fileDecoder) fail(n ast.Node, format string, args ...any) {
	e := &placedError{file: d.file, line: 1, column: 1, msg: fmt.Sprintf(format, args...)}
	if t := n.GetToken(); t != nil && t.Position != nil {
		e.line, e.column = t.Position.Line, t.Position.Column
	}
	d.errs = append(d.errs, e)
}

// pairsOf returns the pairs of a mapping.
func pairsOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// mappingText is implemented by what can be written as a mapping although it is a text.
type mappingText interface {
	textOfMapping(pairs []string) string
}

func (d *fileDecoder) value(n ast.Node, v reflect.Value) {
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(n, v, text)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem()) // never through the pointer: others may hold it
		}
		d.value(n, fresh.Elem())
		v.Set(fresh)
	case reflect.Struct:
		d.fields(n, v)
	case reflect.Slice:
		d.list(n, v)
	default:
		d.scalar(n, v)
	}
}

func (d *fileDecoder) text(n ast.Node, v reflect.Value, u encoding.TextUnmarshaler) {
	text, ok := scalarOf(n)
	if pairs, isMap := pairsOf(n); isMap {
		if m, can := v.Addr().Interface().(mappingText); can {
			var parts []string
			for _, p := range pairs {
				value, _ := scalarOf(p.Value)
				parts = append(parts, p.Key.GetToken().Value+"="+value)
			}
			text, ok = m.textOfMapping(parts), true
		}
	}
	if !ok {
		d.fail(n, "want a text, not %s", strings.ToLower(n.Type().String()))
		return
	}
	if err := u.UnmarshalText([]byte(text)); err != nil {
		d.fail(n, "%v", err)
	}
}

func (d *fileDecoder) fields(n ast.Node, v reflect.Value) {
	pairs, ok := pairsOf(n)
	if !ok {
		d.fail(n, "want a mapping of %s", strings.Join(tagNames(v.Type()), ", "))
		return
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		name := p.Key.GetToken().Value
		field := fieldOfTag(v, name)
		switch {
		case !field.IsValid():
			d.fail(p.Key, "no field %q here; allowed are %s", name, strings.Join(tagNames(v.Type()), ", "))
		case seen[name]:
			d.fail(p.Key, "%s is given twice", name)
		default:
			seen[name] = true
			d.value(p.Value, field)
		}
	}
}

// list reads a sequence; a single scalar stands for a list of one.
func (d *fileDecoder) list(n ast.Node, v reflect.Value) {
	items := []ast.Node{n}
	if seq, ok := n.(*ast.SequenceNode); ok {
		items = seq.Values
	} else if _, ok := scalarOf(n); !ok {
		d.fail(n, "want a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		d.value(item, out.Index(i))
	}
	v.Set(out)
}

// scalarOf returns a scalar as written.
func scalarOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func (d *fileDecoder) scalar(n ast.Node, v reflect.Value) {
	text, ok := scalarOf(n)
	var err error
	want := map[reflect.Kind]string{reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Uint64: "a whole number from 0",
		reflect.Float64: "a number", reflect.String: "a text", reflect.Int64: "a time such as 500ms, 20s or 1h"}[v.Kind()]
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		ok = ok && (text == "true" || text == "false")
		v.SetBool(text == "true")
	case reflect.Int:
		var i int64
		i, err = strconv.ParseInt(text, 10, 0)
		v.SetInt(i)
	case reflect.Uint64:
		var u uint64
		u, err = strconv.ParseUint(text, 10, 64)
		v.SetUint(u)
	case reflect.Float64:
		var f float64
		if f, err = strconv.ParseFloat(text, 64); math.IsNaN(f) || math.IsInf(f, 0) {
			ok = false
		}
		v.SetFloat(f)
	case reflect.Int64: // time.Duration is the only one
		var t time.Duration
		if t, err = time.ParseDuration(text); t < 0 {
			ok = false
		}
		v.SetInt(int64(t))
	default:
		panic("bench: a field of a kind that files cannot have: " + v.Type().String())
	}
	if !ok || err != nil {
		d.fail(n, "want %s, not %q", want, text)
	}
}

// fieldOfTag finds the field with a yaml name, also those of embedded structs.
func fieldOfTag(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			if inner := fieldOfTag(v.Field(i), name); inner.IsValid() {
				return inner
			}
		} else if tag := f.Tag.Get("yaml"); tag == name && tag != "" && tag != "-" {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

func tagNames(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			names = append(names, tagNames(f.Type)...)
		} else if tag := f.Tag.Get("yaml"); tag != "" && tag != "-" {
			names = append(names, tag)
		}
	}
	return names
}
