package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// LoadMix reads a mix file. Its errors say file, line, field and what is allowed.
func LoadMix(file string) (*Mix, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("mix: %w", err)
	}
	m := new(Mix)
	if err := decodeYAML(file, text, m); err != nil {
		return nil, fmt.Errorf("mix: %w", err)
	}
	if len(m.Texts)+len(m.Destinations)+len(m.Senders)+len(m.Lanes) == 0 {
		return nil, fmt.Errorf("mix: %s: says nothing; want one or several of texts, destinations, senders and lanes", file)
	}
	o := LoadOptions{Count: 1}.withDefaults()
	if _, err := m.blend(&o, filepath.Dir(file)); err != nil {
		return nil, fmt.Errorf("mix: %s:%d: %w", file, lineOf(text, err), err)
	}
	return m, nil
}

// positioned writes an error of the YAML library as "line:column message".
func positioned(err error) string {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		p := e.GetToken().Position
		return fmt.Sprintf("%d:%d: %s", p.Line, p.Column, e.GetMessage())
	}
	return err.Error()
}

// lineOf returns the line of the field that err is about, or of its list item, 1 when neither can be told.
func lineOf(text []byte, err error) int {
	var item *itemError
	if !errors.As(err, &item) {
		return 1
	}
	file, perr := parser.ParseBytes(text, 0)
	if perr != nil {
		return 1
	}
	paths := []string{fmt.Sprintf("$.%s[%d]", item.list, item.item)}
	var field *fieldError
	if errors.As(item.err, &field) {
		paths = append([]string{paths[0] + "." + field.field}, paths...)
	}
	for _, path := range paths {
		if node := nodeAt(file, path); node != nil {
			return node.GetToken().Position.Line
		}
	}
	return 1
}

func nodeAt(file *ast.File, path string) ast.Node {
	p, err := yaml.PathString(path)
	if err != nil {
		return nil
	}
	node, err := p.FilterFile(file)
	if err != nil {
		return nil
	}
	return node
}
