package configs

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"tasman/smpp"
	"tasman/sms"
)

// Size is a number of octets, written with an optional unit: 65536, 64KiB, 2GiB.
type Size int64

var sizeUnits = []struct {
	suffix string
	shift  uint
}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"", 0}}

// ParseSize reads a size.
func ParseSize(s string) (Size, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
		if err != nil || n > math.MaxInt64>>u.shift {
			break
		}
		return Size(n << u.shift), nil
	}
	return 0, errors.New("want a size such as 512MiB or 8GiB (KiB, MiB, GiB, TiB)")
}

// String writes the size with the largest unit that divides it.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%(1<<u.shift) == 0 {
			return strconv.FormatInt(int64(s>>u.shift), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// formatDuration writes 24h rather than 24h0m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// A leaf is what stands in one place of a YAML file. Its text comes from a YAML scalar or from an environment variable.
type leaf struct {
	read  func(text string) (any, error)
	write func(v any) string
}

// leaves are the types that have a text form of their own.
var leaves = map[reflect.Type]leaf{
	reflect.TypeFor[time.Duration](): {
		read: func(s string) (any, error) {
			d, err := time.ParseDuration(s)
			if err != nil {
				return nil, errors.New("want a duration with its unit, such as 500ms, 10s or 24h")
			}
			return d, nil
		},
		write: func(v any) string { return formatDuration(v.(time.Duration)) },
	},
	reflect.TypeFor[Size](): {
		read:  func(s string) (any, error) { return anyOf(ParseSize(s)) },
		write: func(v any) string { return v.(Size).String() },
	},
	reflect.TypeFor[sms.Lane](): {
		read:  func(s string) (any, error) { return anyOf(sms.ParseLane(s)) },
		write: func(v any) string { return v.(sms.Lane).String() },
	},
	reflect.TypeFor[sms.ReceiptWish](): {
		read:  readWish,
		write: func(v any) string { return wishNames[v.(sms.ReceiptWish)] },
	},
	reflect.TypeFor[sms.ReceiptRule](): {
		read:  readReceiptRule,
		write: func(v any) string { return receiptRules[v.(sms.ReceiptRule)] },
	},
	reflect.TypeFor[smpp.Tag](): {
		read:  readTag,
		write: func(v any) string { return fmt.Sprintf("0x%04X", uint16(v.(smpp.Tag))) },
	},
	reflect.TypeFor[TagRange](): {
		read:  func(s string) (any, error) { return anyOf(ParseTagRange(s)) },
		write: func(v any) string { return v.(TagRange).String() },
	},
	reflect.TypeFor[Fingerprint](): {
		read:  func(s string) (any, error) { return anyOf(ParseFingerprint(s)) },
		write: func(v any) string { return v.(Fingerprint).String() },
	},
	reflect.TypeFor[netip.Prefix](): {
		read:  readPrefix,
		write: func(v any) string { return writePrefix(v.(netip.Prefix)) },
	},
	reflect.TypeFor[Class](): {
		read:  readClass,
		write: func(v any) string { return v.(Class).String() },
	},
	reflect.TypeFor[smpp.Status](): {
		read:  func(s string) (any, error) { return anyOf(ParseStatus(s)) },
		write: func(v any) string { return formatStatus(v.(smpp.Status)) },
	},
}

func anyOf[T any](v T, err error) (any, error) { return v, err }

var wishNames = map[sms.ReceiptWish]string{sms.NoReceipt: "none", sms.FinalReceipt: "final", sms.FailureReceipt: "failure", sms.SuccessReceipt: "success"}

func readWish(s string) (any, error) {
	for w, name := range wishNames {
		if name == s {
			return w, nil
		}
	}
	return nil, errors.New("want final, failure, success or none")
}

// readClass reads what a carrier may override a status with.
func readClass(s string) (any, error) {
	c, err := ParseClass(s)
	if err != nil || !c.Answered() {
		return nil, fmt.Errorf("want one of %s", answeredClasses())
	}
	return c, nil
}

// readPrefix takes a single address for a network of one. Bits beyond the mask are an error, since they usually mean that
// somebody meant another network.
func readPrefix(s string) (any, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return nil, errors.New("want an IP address or a network such as 192.0.2.0/24")
	}
	if p.Masked() != p {
		return nil, fmt.Errorf("has bits beyond its mask: want %s", p.Masked())
	}
	return p, nil
}

func writePrefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// setScalar reads text into v, whose kind or type is that of a leaf.
func setScalar(v reflect.Value, text string) error {
	if l, ok := leaves[v.Type()]; ok {
		x, err := l.read(text)
		if err == nil {
			v.Set(reflect.ValueOf(x))
		}
		return err
	}
	switch v.Kind() {
	case reflect.String:
		if strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
			return errors.New("must be UTF-8 without control characters")
		}
		v.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "false":
			v.SetBool(text == "true")
		default:
			return errors.New("want true or false")
		}
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 0, v.Type().Bits())
		if err != nil {
			return errors.New("want a whole number")
		}
		v.SetInt(n)
	case reflect.Uint8:
		n, err := strconv.ParseUint(text, 0, 8)
		if err != nil {
			return errors.New("want a whole number from 0 to 255")
		}
		v.SetUint(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return errors.New("want a number")
		}
		v.SetFloat(x)
	default:
		return fmt.Errorf("no text form for %s", v.Type())
	}
	return nil
}

// scalarText returns the text of a YAML scalar that may stand for a value of v's type, and why not otherwise. Numbers are
// taken as written, so that an unquoted 0064 given for a string keeps its zeros.
func scalarText(n ast.Node, v reflect.Value) (string, error) {
	_, special := leaves[v.Type()]
	wantString := v.Kind() == reflect.String || special
	switch n := n.(type) {
	case *ast.StringNode:
		// goccy/go-yaml takes unquoted 1e+06 for a string
		if wantString || (v.Kind() == reflect.Float64 && n.GetToken().Type == token.StringType) {
			return n.Value, nil
		}
		return "", fmt.Errorf("want %s, not a string", typeName(v))
	case *ast.MappingNode, *ast.MappingValueNode:
		if wantString {
			return "", fmt.Errorf("want %s, not a mapping: put text that holds a colon into quotes", typeName(v))
		}
	case *ast.LiteralNode:
		if wantString {
			return strings.TrimRight(n.Value.Value, "\n"), nil
		}
	case *ast.IntegerNode:
		if v.Kind() != reflect.Bool {
			return n.GetToken().Value, nil
		}
	case *ast.FloatNode:
		if v.Kind() == reflect.Float64 {
			return n.GetToken().Value, nil
		}
		if wantString {
			return "", errors.New("want a string: put it into quotes")
		}
	case *ast.BoolNode:
		if v.Kind() == reflect.Bool {
			return strconv.FormatBool(n.Value), nil
		}
		if wantString {
			return "", errors.New("want a string: put it into quotes")
		}
	case *ast.NullNode:
		return "", fmt.Errorf("want %s, not nothing: leave the field out for its default", typeName(v))
	}
	return "", fmt.Errorf("want %s, not %s", typeName(v), nodeName(n))
}

func typeName(v reflect.Value) string {
	switch v.Type() {
	case reflect.TypeFor[time.Duration]():
		return "a duration"
	case reflect.TypeFor[Size]():
		return "a size"
	}
	if _, ok := leaves[v.Type()]; ok {
		return "a word"
	}
	switch v.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint8:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	}
	return "a mapping"
}

func nodeName(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode:
		return "a number"
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number with a fraction"
	case *ast.NullNode:
		return "nothing"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias, which are not supported"
	case *ast.TagNode:
		return "a tag, which is not supported"
	}
	return "a string"
}
