package edge

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	"github.com/emersion/go-smtp"
)

const (
	// mailDepth bounds how deep multiparts may nest.
	mailDepth = 8
	// mailText bounds the octets of text that are read: the longest message, 255 segments of 153 characters, has fewer.
	mailText = 128 << 10
)

// mailContent returns what an e-mail says: its first text/plain part that is no attachment, or its subject when that is
// blank. reference is its Message-ID without brackets. The error is an *smtp.SMTPError.
func mailContent(raw []byte) (text, reference string, err error) {
	entity, err := message.Read(bytes.NewReader(raw))
	if err != nil && (entity == nil || !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)) {
		return "", "", errMailMIME
	}
	text, found, err := plainText(entity, err, 0)
	if err != nil {
		return "", "", err
	}
	if !found {
		return "", "", errMailNoText
	}
	if text = tidyText(text); text == "" {
		if text = tidyText(mailSubject(entity)); text == "" {
			return "", "", errMailEmpty
		}
	}
	return text, strings.Trim(entity.Header.Get("Message-Id"), " <>"), nil
}

// plainText looks for the text in an entity, which was read with the given error.
func plainText(e *message.Entity, readErr error, depth int) (text string, found bool, err error) {
	kind, _, err := e.Header.ContentType()
	if err != nil && e.Header.Has("Content-Type") {
		kind = "application/octet-stream" // RFC 2045 5.2 leaves it open; text it is not for sure
	}
	if parts := e.MultipartReader(); parts != nil {
		if depth == mailDepth {
			return "", false, errMailMIME
		}
		return plainPart(parts, depth+1)
	}
	disposition, _, _ := e.Header.ContentDisposition() // a bad one is no attachment
	if !strings.EqualFold(kind, "text/plain") || strings.EqualFold(disposition, "attachment") {
		return "", false, nil
	}
	if readErr != nil {
		return "", false, errMailCharset
	}
	b, err := io.ReadAll(io.LimitReader(e.Body, mailText+1))
	switch {
	case err != nil:
		return "", false, errMailMIME
	case len(b) > mailText:
		return "", false, &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "The text is too long for a message"}
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), true, nil
}

func plainPart(parts message.MultipartReader, depth int) (string, bool, error) {
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return "", false, nil
		case err != nil && (part == nil || !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)):
			return "", false, errMailMIME
		}
		if text, found, err := plainText(part, err, depth); found || err != nil {
			return text, found, err
		}
	}
}

// mailSubject returns the subject decoded, or as it stands when it cannot be.
func mailSubject(e *message.Entity) string {
	words := mime.WordDecoder{CharsetReader: charset.Reader}
	raw := e.Header.Get("Subject")
	if s, err := words.DecodeHeader(raw); err == nil {
		return s
	}
	return raw
}

// tidyText makes lines end as handsets expect and takes the blank lines around the text away, which mailers add.
func tidyText(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}
