package configs

import "tasman/sms"

// ID returns the language's identifier (3GPP TS 23.038 6.2.1.2.4), 0 for an unknown one.
func (l Language) ID() uint8 {
	switch l {
	case Turkish:
		return sms.LanguageTurkish
	case Spanish:
		return sms.LanguageSpanish
	case Portuguese:
		return sms.LanguagePortuguese
	}
	return 0
}

// LanguageIDs returns the identifiers of languages.
func LanguageIDs(languages []Language) []uint8 {
	ids := make([]uint8, len(languages))
	for i, l := range languages {
		ids[i] = l.ID()
	}
	return ids
}

// PassesOn reports whether the carrier passes a text in these tables on.
func (c *Carrier) PassesOn(s sms.Shift) bool {
	has := func(id uint8) bool {
		for _, l := range c.Languages {
			if l.ID() == id {
				return true
			}
		}
		return id == 0
	}
	return has(s.Locking) && has(s.Single)
}
