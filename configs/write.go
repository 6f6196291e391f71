package configs

import (
	"regexp"
	"strings"
)

// The canonical form is written here and not by goccy/go-yaml, which leaves texts such as .inf unquoted that it does not
// read back as texts. Values are scalar (as it stands in the file), []any and mapping.
type (
	scalar  string
	mapping []pair
	pair    struct {
		key   string // as it stands in the file
		value any
	}
)

// safeText needs no quotes: a duration, or what starts with a letter, ends in a letter or digit and is not among yamlWords.
var safeText = regexp.MustCompile(`^([A-Za-z]([A-Za-z0-9_./-]*[A-Za-z0-9])?|[0-9]+(ms|s|m|h))$`)

// yamlWords mean something else to one version of YAML or another.
var yamlWords = map[string]bool{"true": true, "false": true, "null": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true}

// quoted returns a text as a scalar. Texts hold no control characters, see setScalar.
func quoted(s string) scalar {
	if safeText.MatchString(s) && !yamlWords[strings.ToLower(s)] {
		return scalar(s)
	}
	return scalar(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`)
}

const step = 2 // spaces of indentation

// appendBlock writes a mapping or list with one line per scalar; the first line is indented by the caller's line.
func appendBlock(dst []byte, v any, indent int) []byte {
	switch v := v.(type) {
	case mapping:
		for _, p := range v {
			dst = append(pad(dst, indent), p.key...)
			dst = appendInner(append(dst, ':'), p.value, indent)
		}
	case []any:
		for _, item := range v {
			dst = append(pad(dst, indent), '-')
			dst = appendInner(dst, item, indent)
		}
	}
	return dst
}

// appendInner writes what follows a key or dash: on the same line when it is a scalar or empty, else on lines of its own.
func appendInner(dst []byte, v any, indent int) []byte {
	if _, ok := v.(scalar); ok || isEmptyNode(v) {
		return append(appendFlow(append(dst, ' '), v), '\n')
	}
	return appendBlock(append(dst, '\n'), v, indent+step)
}

func isEmptyNode(v any) bool {
	switch v := v.(type) {
	case mapping:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func pad(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, ' ')
	}
	return dst
}

// appendFlow writes a value on one line.
func appendFlow(dst []byte, v any) []byte {
	switch v := v.(type) {
	case scalar:
		dst = append(dst, v...)
	case mapping:
		dst = append(dst, '{')
		for i, p := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendFlow(append(append(dst, p.key...), ": "...), p.value)
		}
		dst = append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendFlow(dst, item)
		}
		dst = append(dst, ']')
	}
	return dst
}
