package results

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
)

// finite sets the numbers of r to 0 that JSON cannot have (NaN and infinities, from a division by nothing), and notes it: a
// night's result must not be lost for one of them.
func (r *Result) finite() {
	var f finder
	f.walk(reflect.ValueOf(r).Elem(), "")
	switch {
	case f.found == 1:
		r.Notes = append(r.Notes, fmt.Sprintf("A number was not finite and is written as 0: %s.", f.first))
	case f.found > 1:
		r.Notes = append(r.Notes, fmt.Sprintf("%d numbers were not finite and are written as 0, the first of them %s.", f.found, f.first))
	}
}

type finder struct {
	found int
	first string
}

func (f *finder) walk(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Float64:
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			f.tell(path)
			v.SetFloat(0)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			f.walk(v.Elem(), path)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for t, field := range v.Fields() {
			name, _, _ := strings.Cut(t.Tag.Get("json"), ",")
			f.walk(field, strings.Trim(path+"."+name, "."))
		}
	case reflect.Slice:
		for i := range v.Len() {
			f.walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Map:
		f.walkMap(v, path)
	}
}

// walkMap looks at copies, since the values of a map cannot be set in place.
func (f *finder) walkMap(v reflect.Value, path string) {
	for _, key := range v.MapKeys() {
		before := f.found
		e := reflect.New(v.Type().Elem()).Elem()
		e.Set(v.MapIndex(key))
		f.walk(e, fmt.Sprintf("%s[%q]", path, key))
		if f.found > before {
			v.SetMapIndex(key, e)
		}
	}
}

func (f *finder) tell(path string) {
	f.found++
	if f.first == "" {
		f.first = path
	}
}
