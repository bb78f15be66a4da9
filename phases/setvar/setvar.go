// Package setvar has the functions that make one value of another: the
// directives of OpenResty's set-misc module and ndk.set_var of scripts.
package setvar

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/luahttpd/luahttpd/phases/http1"
)

// Function is one of them, called as its directive.
type Function struct {
	Name string
	// Do returns ok = false for a text that it cannot take.
	Do func(text string) (result string, ok bool)
}

// Functions is the table of them.
var Functions = []Function{
	{"set_escape_uri", plain(func(s string) string {
		return string(http1.AppendEscaped(nil, s, http1.EscapeURIComponent))
	})},
	{"set_unescape_uri", plain(UnescapeURI)},
	{"set_quote_sql_str", plain(QuoteSQL)},
	{"set_quote_pgsql_str", plain(quotePostgres)},
	{"set_quote_json_str", plain(quoteJSON)},
	{"set_encode_base32", plain(func(s string) string { return Base32.EncodeToString([]byte(s)) })},
	{"set_decode_base32", decoded(func(s string) ([]byte, error) {
		return Base32.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(s, "="))
	})},
	{"set_encode_base64", plain(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })},
	{"set_decode_base64", decoded(func(s string) ([]byte, error) {
		return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	})},
	{"set_encode_base64url", plain(func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) })},
	{"set_decode_base64url", decoded(func(s string) ([]byte, error) {
		return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	})},
	{"set_encode_hex", plain(func(s string) string { return hex.EncodeToString([]byte(s)) })},
	{"set_decode_hex", decoded(func(s string) ([]byte, error) { return hex.DecodeString(s) })},
	{"set_md5", plain(func(s string) string {
		sum := md5.Sum([]byte(s))
		return hex.EncodeToString(sum[:])
	})},
	{"set_sha1", plain(func(s string) string {
		sum := sha1.Sum([]byte(s))
		return hex.EncodeToString(sum[:])
	})},
}

// Base32 is set-misc's default alphabet.
var Base32 = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv")

func plain(do func(string) string) func(string) (string, bool) {
	return func(s string) (string, bool) { return do(s), true }
}

func decoded(do func(string) ([]byte, error)) func(string) (string, bool) {
	return func(s string) (string, bool) {
		b, err := do(s)
		return string(b), err == nil
	}
}

// UnescapeURI resolves %XX, and "+" as a space. Other percent signs stay.
func UnescapeURI(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		var one [1]byte
		switch {
		case s[i] == '+':
			b = append(b, ' ')
			continue
		case s[i] == '%' && i+2 < len(s):
			if _, err := hex.Decode(one[:], []byte(s[i+1:i+3])); err == nil {
				b = append(b, one[0])
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

var sqlEscapes = strings.NewReplacer("\x00", `\0`, "\b", `\b`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\x1a", `\Z`,
	`\`, `\\`, "'", `\'`, `"`, `\"`)

// QuoteSQL makes a string literal of MySQL.
func QuoteSQL(s string) string { return "'" + sqlEscapes.Replace(s) + "'" }

// quotePostgres makes a string literal of PostgreSQL, with escapes only where
// they are needed.
func quotePostgres(s string) string {
	b := []byte("'")
	for _, c := range []byte(s) {
		switch {
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\\' || c == '\'':
			b = append(b, '\\', c)
		case c < ' ' || c >= utf8.RuneSelf:
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			b = append(b, c)
		}
	}
	b = append(b, '\'')
	if strings.IndexByte(string(b), '\\') >= 0 {
		return "E" + string(b)
	}
	return string(b)
}

// quoteJSON makes a string of JSON, null of nothing.
func quoteJSON(s string) string {
	if s == "" {
		return "null"
	}
	b := []byte{'"'}
	for _, c := range []byte(s) {
		const from, to, digits = "\"\\\b\f\n\r\t", `"\bfnrt`, "0123456789abcdef"
		if i := strings.IndexByte(from, c); i >= 0 {
			b = append(b, '\\', to[i])
		} else if c < ' ' {
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}
