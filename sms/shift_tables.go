package sms

// shiftTable is one of the tables of 3GPP TS 23.038, both ways. 0 stands where a single shift table is empty.
type shiftTable struct {
	runes [128]rune
	codes map[rune]byte
}

// shiftTables are the tables that a Shift names. single is nil for a language whose table we do not have.
type shiftTables struct {
	locking, single *shiftTable
}

func (s Shift) tables() shiftTables {
	t := shiftTables{locking: &lockingTables[0]}
	if s.Locking <= LanguagePortuguese && s.Locking != LanguageSpanish {
		t.locking = &lockingTables[s.Locking]
	}
	if s.Single <= LanguagePortuguese {
		t.single = &singleTables[s.Single]
	}
	return t
}

// code returns the code of r, with gsm7Escaped set when an escape goes before it.
func (t shiftTables) code(r rune) (byte, bool) {
	if c, ok := t.locking.codes[r]; ok {
		return c, true
	}
	if t.single == nil {
		return escape, r == escape
	}
	c, ok := t.single.codes[r]
	return c | gsm7Escaped, ok
}

// lockingTables are the alphabets by language: 0 is the default one, 1 that of A.3.1 (Turkish), 3 that of A.3.3 (Portuguese).
var lockingTables = [LanguagePortuguese + 1]shiftTable{
	0: newLocking(nil),
	LanguageTurkish: newLocking(map[byte]rune{
		0x04: '€', 0x07: 'ı', 0x0B: 'Ğ', 0x0C: 'ğ', 0x1C: 'Ş', 0x1D: 'ş', 0x40: 'İ', 0x60: 'ç',
	}),
	LanguagePortuguese: newLocking(map[byte]rune{
		0x04: 'ê', 0x06: 'ú', 0x07: 'í', 0x08: 'ó', 0x09: 'ç', 0x0B: 'Ô', 0x0C: 'ô', 0x0E: 'Á', 0x0F: 'á',
		0x12: 'ª', 0x13: 'Ç', 0x14: 'À', 0x15: '∞', 0x16: '^', 0x17: '\\', 0x18: '€', 0x19: 'Ó', 0x1A: '|', 0x1C: 'Â', 0x1D: 'â', 0x1E: 'Ê',
		0x24: 'º', 0x40: 'Í', 0x5B: 'Ã', 0x5C: 'Õ', 0x5D: 'Ú', 0x60: '~', 0x7B: 'ã', 0x7C: 'õ', 0x7D: '`',
	}),
}

// singleTables are the extension tables by language: 0 is the default one, the others those of A.2.1 to A.2.3. Each has the
// default one's characters too.
var singleTables = [LanguagePortuguese + 1]shiftTable{
	0: newSingle(nil),
	LanguageTurkish: newSingle(map[byte]rune{
		0x47: 'Ğ', 0x49: 'İ', 0x53: 'Ş', 0x63: 'ç', 0x67: 'ğ', 0x69: 'ı', 0x73: 'ş',
	}),
	LanguageSpanish: newSingle(map[byte]rune{
		0x09: 'ç', 0x41: 'Á', 0x49: 'Í', 0x4F: 'Ó', 0x55: 'Ú', 0x61: 'á', 0x69: 'í', 0x6F: 'ó', 0x75: 'ú',
	}),
	LanguagePortuguese: newSingle(map[byte]rune{
		0x05: 'ê', 0x09: 'ç', 0x0B: 'Ô', 0x0C: 'ô', 0x0E: 'Á', 0x0F: 'á',
		0x12: 'Φ', 0x13: 'Γ', 0x15: 'Ω', 0x16: 'Π', 0x17: 'Ψ', 0x18: 'Σ', 0x19: 'Θ', 0x1F: 'Ê',
		0x41: 'À', 0x49: 'Í', 0x4F: 'Ó', 0x55: 'Ú', 0x5B: 'Ã', 0x5C: 'Õ',
		0x61: 'Â', 0x69: 'í', 0x6F: 'ó', 0x75: 'ú', 0x7B: 'ã', 0x7C: 'õ', 0x7F: 'â',
	}),
}

func newLocking(changes map[byte]rune) shiftTable { return newShiftTable(gsm7Runes, changes) }

func newSingle(changes map[byte]rune) shiftTable { return newShiftTable(gsm7Extension, changes) }

func newShiftTable(runes [128]rune, changes map[byte]rune) shiftTable {
	for code, r := range changes {
		runes[code] = r
	}
	t := shiftTable{runes: runes, codes: make(map[rune]byte, len(runes))}
	for code, r := range runes {
		if r != 0 && code != escape {
			t.codes[r] = byte(code)
		}
	}
	return t
}
