package sms

import "strings"

// smartRunes are the typographic characters that Smarten replaces: by what looks the same to a reader, never by another
// letter. None of them is in the GSM 7 bit alphabet. "" leaves a character without width out.
var smartRunes = map[rune]string{
	// quotes, primes, accents that stand alone
	'‘': "'", '’': "'", '‚': "'", '‛': "'", '′': "'", '‵': "'", '`': "'", '´': "'", 'ʹ': "'", 'ʻ': "'", 'ʼ': "'", 'ʽ': "'", '‹': "'", '›': "'",
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '″': `"`, '‶': `"`, '«': `"`, '»': `"`, 'ʺ': `"`, '〝': `"`, '〞': `"`,
	'ˆ': "^", '˜': "~",
	// dashes and minus
	'‐': "-", '\u2011': "-", '‒': "-", '–': "-", '—': "-", '―': "-", '−': "-", '⁃': "-", '﹘': "-", '﹣': "-",
	// dots, bullets, slashes
	'…': "...", '‥': "..", '․': ".", '•': "*", '∙': "*", '●': "*", '‣': "*", '⁄': "/", '∕': "/", '∗': "*", '×': "x",
	// spaces: of any width, and of none
	'\t': " ", '\u00A0': " ", '\u2000': " ", '\u2001': " ", '\u2002': " ", '\u2003': " ", '\u2004': " ", '\u2005': " ", '\u2006': " ", '\u2007': " ",
	'\u2008': " ", '\u2009': " ", '\u200A': " ", '\u202F': " ", '\u205F': " ", '\u3000': " ",
	'\u00AD': "", '\u200B': "", '\u200C': "", '\u200D': "", '\u200E': "", '\u200F': "", '\u2060': "", '\uFEFF': "", '\uFE0E': "", '\uFE0F': "",
	'\u0085': "\n", '\u2028': "\n", '\u2029': "\n",
	// ligatures
	'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "st", 'ﬆ': "st", 'Œ': "OE", 'œ': "oe", 'Ĳ': "IJ", 'ĳ': "ij",
	// full-width forms outside the range of ASCII's
	'￡': "£", '￥': "¥", '｀': "'", '。': ".", '、': ",",
}

// Smarten returns text with its typographic characters (quotes, dashes, the ellipsis, spaces, ligatures, full-width forms)
// replaced by plain ones of the GSM 7 bit alphabet; others stay. Whether that is worth it is for the caller to decide.
func Smarten(text string) string {
	first := strings.IndexFunc(text, func(r rune) bool { _, ok := smart(r); return ok })
	if first < 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	b.WriteString(text[:first])
	for _, r := range text[first:] {
		if plain, ok := smart(r); ok {
			b.WriteString(plain)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// fullWidth is how far the full-width forms U+FF01 to U+FF5E are from the ASCII that they stand for.
const fullWidth = '！' - '!'

func smart(r rune) (string, bool) {
	if r < 0x80 && r != '`' && r != '\t' {
		return "", false
	}
	if plain, ok := smartRunes[r]; ok {
		return plain, true
	}
	if '！' <= r && r <= '～' {
		return string(r - fullWidth), true
	}
	return "", false
}
