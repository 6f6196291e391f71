package configs

import (
	"fmt"
	"regexp"
	"strings"
)

// The kinds of resources.
const (
	KindAccount  = "Account"
	KindAPIKey   = "APIKey"
	KindSMPPUser = "SMPPUser"
	KindMailUser = "MailUser"
	KindCarrier  = "Carrier"
	KindRoute    = "Route"
	KindNumber   = "Number"
)

// Kinds returns the kinds in their canonical order, in which none refers to a later one but for routes.
func Kinds() []string {
	return []string{KindAccount, KindAPIKey, KindSMPPUser, KindMailUser, KindCarrier, KindRoute, KindNumber}
}

// Resource is one YAML document: a kind, a name unique within the kind, and the spec. Resources are values: the functions
// of this package never change a spec they were given.
type Resource struct {
	// Kind is one of Kinds.
	Kind string
	// Name matches [a-z0-9][a-z0-9_-]{0,62}, since it becomes a token of NATS subjects and a label of metrics.
	Name string
	// Spec is a pointer to the spec struct of the kind (*Account for KindAccount and so on); nil when Delete is set.
	Spec any
	// Delete says that Merge removes the resource of this kind and name. Its document has no spec.
	Delete bool
	// File, Line and Column say where the document starts; Line and Column are 1-based, 0 when it came from no file.
	File         string
	Line, Column int

	positions map[string]position // by field, as in ResourceError.Field
}

type position struct{ line, column int }

// key identifies a resource within a set.
type key struct{ kind, name string }

func (r *Resource) key() key { return key{r.Kind, r.Name} }

// errorAt makes a ResourceError that points at the field, or at the nearest thing around it that is in the file.
func (r *Resource) errorAt(field, format string, args ...any) *ResourceError {
	e := &ResourceError{File: r.File, Line: r.Line, Column: r.Column, Kind: r.Kind, Name: r.Name, Field: field, Msg: fmt.Sprintf(format, args...)}
	for f := field; f != ""; f = parentField(f) {
		if p, ok := r.positions[f]; ok {
			e.Line, e.Column = p.line, p.column
			break
		}
	}
	return e
}

// parentField cuts the last step off a field path: "a.b[1]" -> "a.b" -> "a" -> "".
func parentField(f string) string {
	return f[:max(0, strings.LastIndexAny(f, ".["))]
}

// ResourceError is returned, joined with others by errors.Join, by Parse, Check, NewSnapshot and LoadNode: one thing that is
// wrong, where, and in which field.
type ResourceError struct {
	File         string // as given to Parse; "" when the resource came from no file
	Line, Column int    // 1-based; 0 when unknown
	Kind, Name   string // of the resource; both "" for a node's file and for YAML that could not be read
	Field        string // path such as "spec.tiers[0][1].carrier"; "" when the whole document is meant
	Msg          string // what is wrong and what would be right; never the value of a secret
}

// Error gives "file:line:column: Kind name: field: message", without the parts that are unknown.
func (e *ResourceError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
		}
		b.WriteString(": ")
	}
	if e.Kind != "" {
		b.WriteString(strings.TrimSpace(e.Kind + " " + e.Name))
		b.WriteString(": ")
	}
	if e.Field != "" {
		b.WriteString(e.Field)
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

var (
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	nameRule    = "must be 1 to 63 of a-z, 0-9, _ and -, and start with a letter or digit"
)

// ValidName reports whether s may name a resource.
func ValidName(s string) bool { return namePattern.MatchString(s) }

// newSpec returns a spec of the kind with its defaults, or nil for an unknown kind.
func newSpec(kind string) spec {
	var s spec
	switch kind {
	case KindAccount:
		s = &Account{}
	case KindAPIKey:
		s = &APIKey{}
	case KindSMPPUser:
		s = &SMPPUser{}
	case KindMailUser:
		s = &MailUser{}
	case KindCarrier:
		s = &Carrier{}
	case KindRoute:
		s = &Route{}
	case KindNumber:
		s = &Number{}
	default:
		return nil
	}
	s.setDefaults()
	return s
}

// spec is what the specs of all kinds have in common.
type spec interface {
	defaulter
	setName(string)
	// validate looks at the spec alone; references are compared by Check.
	validate(*findings)
}

// defaulter is implemented by every struct of a YAML file that has defaults other than zero values.
type defaulter interface{ setDefaults() }

var (
	_ spec = (*Account)(nil)
	_ spec = (*APIKey)(nil)
	_ spec = (*SMPPUser)(nil)
	_ spec = (*MailUser)(nil)
	_ spec = (*Carrier)(nil)
	_ spec = (*Route)(nil)
	_ spec = (*Number)(nil)
)
