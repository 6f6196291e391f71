package results

import (
	"regexp"
	"slices"
	"strings"
)

// hidden is what stands for a secret.
const hidden = "***"

// Flags whose value is a secret as a whole, and those in which it is what follows the first colon.
var (
	secretFlags = []string{"password", "key", "secret", "webhook-secret", "token", "mysql", "dsn", "api-key"}
	pairFlags   = []string{"header", "account", "user"}
)

// secretParameter finds secrets within URLs, headers and bodies: user:password@ and password=, in its usual names.
var secretParameter = regexp.MustCompile(`(?i)(://[^/@:\s]*:)[^/@\s]+(@)|((?:^|[?&;\s{"',])"?(?:password|passwd|pass|secret|token|api_?key|key|authorization)"?\s*[=:]\s*"?)[^&\s"]+`)

// Command returns a command line as a document may have it: values that are secrets are replaced by ***. Flags are known by
// their names, with = or without, and secrets in URLs, headers and bodies by the names of the parameters.
func Command(args []string) []string {
	clean := slices.Clone(args)
	for i := 0; i < len(clean); i++ {
		name, value, joined := strings.Cut(clean[i], "=")
		flag, isFlag := strings.CutPrefix(name, "--")
		if !isFlag {
			clean[i] = cleanValue("", clean[i])
			continue
		}
		switch {
		case joined:
			clean[i] = name + "=" + cleanValue(flag, value)
		case takesSecret(flag) && i+1 < len(clean):
			i++
			clean[i] = cleanValue(flag, clean[i])
		}
	}
	return clean
}

// Target returns the URL of a target as a document may have it.
func Target(url string) string { return cleanValue("", url) }

func takesSecret(flag string) bool {
	return slices.Contains(secretFlags, flag) || slices.Contains(pairFlags, flag)
}

func cleanValue(flag, value string) string {
	if slices.Contains(secretFlags, flag) {
		return hidden
	}
	if slices.Contains(pairFlags, flag) {
		if name, _, ok := strings.Cut(value, ":"); ok {
			return name + ":" + hidden
		}
		return value
	}
	return secretParameter.ReplaceAllString(value, "${1}${3}"+hidden+"${2}")
}
