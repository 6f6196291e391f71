package configs

import (
	"errors"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parseYAML reads the documents of a file one by one: the parser copies all that follows at each document of those it is
// given at once, which is gigabytes for 5,000 accounts, and drops what follows an empty one. It turns a panic of the parser
// into an error: a file from outside must not end the node.
func parseYAML(data []byte) (docs []*ast.DocumentNode, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("cannot be read as YAML")
		}
	}()
	for _, tokens := range documents(lexer.Tokenize(string(data))) {
		f, err := parser.Parse(tokens, 0)
		if err != nil {
			return nil, err
		}
		docs = append(docs, f.Docs...)
	}
	return docs, nil
}

// documents cuts before each "---", unless there are directives, which belong to the document whose "---" follows them.
func documents(all token.Tokens) (list []token.Tokens) {
	if slices.ContainsFunc(all, func(t *token.Token) bool { return t.Type == token.DirectiveType }) {
		return []token.Tokens{all}
	}
	begin := 0
	for i, t := range all {
		if t.Type == token.DocumentHeaderType && i > begin {
			list = append(list, all[begin:i])
			begin = i
		}
	}
	return append(list, all[begin:])
}
