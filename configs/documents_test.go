package configs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/parser"
)

// Cut into documents, a file is what the parser makes of it as a whole: same documents, same lines.
func TestDocumentsAreThoseOfTheParser(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	texts := map[string]string{
		"comments": "# a\n---\n# b\nkind: x\n# c\n---\n# d\n", "end": "a: 1\n...\n---\nb: 2\n...\n", "no header": "a: 1\n---\nb: |\n  text\n  --- no\n",
		"directive": "%YAML 1.2\n---\na: 1\n---\nb: 2\n", "same line": "--- {a: 1}\n--- [1]\n", "bad": "---\na: 1\n---\nb: [\n", "empty": "",
	}
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil {
			texts[file] = string(b)
		}
	}
	for name, text := range texts {
		var whole, cut []string
		f, wantErr := parser.ParseBytes([]byte(text), 0)
		if wantErr == nil {
			for _, d := range f.Docs {
				if d.Body != nil {
					whole = append(whole, fmt.Sprint(d.Body.GetToken().Position.Line, d.Body))
				}
			}
		}
		docs, err := parseYAML([]byte(text))
		for _, d := range docs {
			if d.Body != nil {
				cut = append(cut, fmt.Sprint(d.Body.GetToken().Position.Line, d.Body))
			}
		}
		if (err == nil) != (wantErr == nil) || strings.Join(cut, "\x00") != strings.Join(whole, "\x00") {
			t.Errorf("%s: %q (%v), as a whole %q (%v)", name, cut, err, whole, wantErr)
		}
	}
}

// An empty document hides nothing that follows it.
func TestWhatFollowsAnEmptyDocument(t *testing.T) {
	account := "kind: Account\nname: %s\nspec: {country: AU}\n---\n"
	resources, err := Parse("x.yaml", []byte("---\n---\n"+fmt.Sprintf(account, "one")+"---\n"+fmt.Sprintf(account, "two")))
	if err != nil || len(resources) != 2 || resources[1].Name != "two" || resources[1].Line != 8 {
		t.Errorf("%+v, %v; want two accounts, the second on line 8", resources, err)
	}
	_, err = Parse("x.yaml", []byte("---\n---\n"+fmt.Sprintf(account, "one")+"nonsense: true\n"))
	var at *ResourceError
	if !errors.As(err, &at) || at.Line != 7 {
		t.Errorf("%v; want a mistake on line 7", err)
	}
}

// The work grows with the number of documents, not with its square.
func BenchmarkParse5000Accounts(b *testing.B) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "---\nkind: Account\nname: a-%d\nspec: {country: AU, binds: 10, window: 1000}\n", i)
	}
	for b.Loop() {
		if _, err := Parse("x.yaml", []byte(text.String())); err != nil {
			b.Fatal(err)
		}
	}
}
