package bench

import (
	"tasman/sms"
)

// Mix says what the messages of a load are like: shares of texts, destinations, senders and lanes. What is empty is as the
// LoadOptions say. Shares are relative to their sum.
type Mix struct {
	Texts        []TextShare        `yaml:"texts"`
	Destinations []DestinationShare `yaml:"destinations"`
	Senders      []SenderShare      `yaml:"senders"`
	Lanes        []LaneShare        `yaml:"lanes"`
}

// TextShare is one kind of text.
type TextShare struct {
	Share float64 `yaml:"share"` // above 0
	// Text is what follows the marker, cut or repeated to the length; empty: a text of the encoding.
	Text string `yaml:"text"`
	// Encoding is gsm7, gsm7-ext (with characters of two septets), latin1, ucs2 or emoji (UCS-2 with surrogate pairs);
	// empty: the smallest that can carry the text.
	Encoding TextEncoding `yaml:"encoding"`
	// Length is the number of characters with the marker, "100" or a range "20-300". At most one of Length and Segments.
	Length string `yaml:"length"`
	// Segments is the number of segments that the message has, "3" or "1-4", as full as they can be.
	Segments string `yaml:"segments"`
	// Long is how SMPP carries a text of several segments: udh8 (default), udh16, sar or payload.
	Long LongForm `yaml:"long"`
}

// DestinationShare is one set of destinations: exactly one of Prefix, Pattern and File.
type DestinationShare struct {
	Share   float64 `yaml:"share"`
	Prefix  string  `yaml:"prefix"`  // filled with random digits up to 11
	Pattern string  `yaml:"pattern"` // x is any digit; without one, a number
	File    string  `yaml:"file"`    // a number a line, '#' begins a comment; relative to the mix file
	Pool    int     `yaml:"pool"`    // that many different numbers only, so that each has many messages; 0: no limit
}

// SenderShare is one source: a number or a name.
type SenderShare struct {
	Share float64 `yaml:"share"`
	From  string  `yaml:"from"`
}

// LaneShare is one lane: alert, normal or bulk.
type LaneShare struct {
	Share float64 `yaml:"share"`
	Lane  string  `yaml:"lane"`
}

// TextEncoding names the alphabet of a text.
type TextEncoding string

// The encodings.
const (
	EncodingAuto    TextEncoding = ""
	EncodingGSM7    TextEncoding = "gsm7"
	EncodingGSM7Ext TextEncoding = "gsm7-ext"
	EncodingLatin1  TextEncoding = "latin1"
	EncodingUCS2    TextEncoding = "ucs2"
	EncodingEmoji   TextEncoding = "emoji"
)

// LongForm names how SMPP carries a text of several segments.
type LongForm string

// The forms.
const (
	LongUDH8    LongForm = "udh8"    // a submit_sm for each segment, header with an 8-bit reference
	LongUDH16   LongForm = "udh16"   // the same with a 16-bit reference
	LongSAR     LongForm = "sar"     // a submit_sm for each segment, the place in sar_ TLVs
	LongPayload LongForm = "payload" // one submit_sm with a message_payload TLV
)

// encodings are what a TextShare may ask for: the alphabet, its data_coding, and a text that needs it.
func (e TextEncoding) spec() (enc sms.Encoding, coding uint8, sample string, ok bool) {
	switch e {
	case EncodingGSM7:
		return sms.GSM7, 0, DefaultText, true
	case EncodingGSM7Ext:
		return sms.GSM7, 0, "Total {NZD} [net] 12 ~ 15 \\ 3 ^ 2 | €9.50 " + DefaultText, true
	case EncodingLatin1:
		return sms.Latin1, 3, "Café déjà ouvert à Genève, près de l'hôtel. Ça va être bien. ", true
	case EncodingUCS2:
		return sms.UCS2, 8, "Tēnā koe! Kei te tuku i tō mōkihi ināianei, ā ka tae atu i te ahiahi. ", true
	case EncodingEmoji:
		return sms.UCS2, 8, "Your parcel 📦 is on its way 🚚💨 see you soon 😀 ", true
	}
	return 0, 0, "", false
}
