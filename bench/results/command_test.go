package results

import (
	"strings"
	"testing"
)

func TestCommandLeavesSecretsOut(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"tasman bench load --smpp h:1 --rate 5":         "tasman bench load --smpp h:1 --rate 5",
		"load --password s3cret --rate 5":               "load --password *** --rate 5",
		"load --password=s3cret":                        "load --password=***",
		"load --key s3cret --http http://h/x":           "load --key *** --http http://h/x",
		"load --header Authorization:s3cret":            "load --header Authorization:***",
		"load --account alice:s3cret --account bob:s3":  "load --account alice:*** --account bob:***",
		"load --account=alice:s3cret":                   "load --account=alice:***",
		"load --http http://u:s3cret@h/x?to=1":          "load --http http://u:***@h/x?to=1",
		"load --http http://h/x?username=u&password=s3": "load --http http://h/x?username=u&password=***",
		"load --http=http://h/x?pass=s3&to={to}":        "load --http=http://h/x?pass=***&to={to}",
		`load --body {"password":"s3cret","to":"1"}`:    `load --body {"password":"***","to":"1"}`,
		"verify --mysql u:s3cret@tcp(h)/d":              "verify --mysql ***",
		"load --password":                               "load --password",
	} {
		if got := strings.Join(Command(strings.Fields(given)), " "); got != want {
			t.Errorf("%s\n got %s\nwant %s", given, got, want)
		}
	}
}
