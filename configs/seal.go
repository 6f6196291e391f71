package configs

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Seal returns the resources with plain API keys and passwords of customers replaced by their hashes, so that nothing
// plain is stored. Passwords of carriers and secrets of webhooks stay: they are needed to bind and to sign. The specs
// given are not changed. Merge keeps a stored hash that the plain password still fits, so seal after merging.
func Seal(resources []Resource) ([]Resource, error) {
	out := make([]Resource, len(resources))
	for i, r := range resources {
		s, err := sealSpec(r.Spec)
		if err != nil {
			return nil, r.errorAt("spec", "%v", err)
		}
		r.Spec = s
		out[i] = r
	}
	return out, nil
}

func sealSpec(s any) (any, error) {
	switch s := s.(type) {
	case *APIKey:
		if s.Key == "" {
			return s, nil
		}
		c := *s
		c.Key, c.KeySHA256 = "", HashKey(string(s.Key))
		return &c, nil
	case *SMPPUser:
		if s.Password == "" {
			return s, nil
		}
		h, err := HashPassword(string(s.Password))
		c := *s
		c.Password, c.PasswordHash = "", h
		return &c, err
	case *MailUser:
		if s.Password == "" {
			return s, nil
		}
		h, err := HashPassword(string(s.Password))
		c := *s
		c.Password, c.PasswordHash = "", h
		return &c, err
	}
	return s, nil
}

// plainSecret names the field that Seal would replace, "" when there is none.
func plainSecret(s spec) string {
	switch s := s.(type) {
	case *APIKey:
		if s.Key != "" {
			return "key"
		}
	case *SMPPUser:
		if s.Password != "" {
			return "password"
		}
	case *MailUser:
		if s.Password != "" {
			return "password"
		}
	}
	return ""
}

// keepHash returns the new spec with the stored hash in place of the plain password that the hash fits, so that applying
// the same file twice changes nothing although every hash has a salt of its own.
func keepHash(old, changed any) any {
	switch n := changed.(type) {
	case *SMPPUser:
		if o, ok := old.(*SMPPUser); ok && n.Password != "" && verifyPassword(string(o.PasswordHash), string(n.Password)) {
			c := *n
			c.Password, c.PasswordHash = "", o.PasswordHash
			return &c
		}
	case *MailUser:
		if o, ok := old.(*MailUser); ok && n.Password != "" && verifyPassword(string(o.PasswordHash), string(n.Password)) {
			c := *n
			c.Password, c.PasswordHash = "", o.PasswordHash
			return &c
		}
	}
	return changed
}

// HashKey returns the KeySHA256 of an API key. A plain hash is enough there, since keys are long and random.
func HashKey(k string) Secret {
	sum := sha256.Sum256([]byte(k))
	return Secret(hex.EncodeToString(sum[:]))
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && s == strings.ToLower(s)
}
