package lua

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"hash/crc32"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// hashArea has digests, base64 and the quoting of SQL.
var hashArea = area{rows: []row{
	{"md5", anyPhase, digest(func(b []byte) []byte {
		sum := md5.Sum(b)
		return hex.AppendEncode(nil, sum[:])
	})},
	{"md5_bin", anyPhase, digest(func(b []byte) []byte {
		sum := md5.Sum(b)
		return sum[:]
	})},
	{"sha1_bin", anyPhase, digest(func(b []byte) []byte {
		sum := sha1.Sum(b)
		return sum[:]
	})},
	{"hmac_sha1", anyPhase, func(t *vm.Thread, s *state) int {
		if t.NArg() != 2 {
			t.Errorf("expecting 2 arguments, but got %d", t.NArg())
		}
		h := hmac.New(sha1.New, []byte(t.CheckString(1)))
		h.Write([]byte(t.CheckString(2)))
		t.PushBytes(h.Sum(nil))
		return 1
	}},
	{"crc32_short", anyPhase, ngxCRC},
	{"crc32_long", anyPhase, ngxCRC},
	{"quote_sql_str", anyPhase, ngxQuoteSQL},
	{"encode_base64", anyPhase, ngxEncodeBase64},
	{"decode_base64", anyPhase, func(t *vm.Thread, s *state) int { return decodeBase64(t, false) }},
	{"decode_base64mime", anyPhase, func(t *vm.Thread, s *state) int { return decodeBase64(t, true) }},
}}

func digest(sum func(b []byte) []byte) func(t *vm.Thread, s *state) int {
	return func(t *vm.Thread, s *state) int {
		if t.NArg() != 1 {
			t.Errorf("expecting one argument")
		}
		t.PushBytes(sum([]byte(textArg(t, 1))))
		return 1
	}
}

func ngxCRC(t *vm.Thread, s *state) int {
	if t.NArg() != 1 {
		t.Errorf("expecting one argument, but got %d", t.NArg())
	}
	t.PushNumber(float64(crc32.ChecksumIEEE([]byte(textArg(t, 1)))))
	return 1
}

var sqlQuotes = strings.NewReplacer("\x00", `\0`, "\b", `\b`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\x1a", `\Z`,
	`\`, `\\`, "'", `\'`, `"`, `\"`)

func ngxQuoteSQL(t *vm.Thread, s *state) int {
	if t.NArg() != 1 {
		t.Errorf("expecting one argument")
	}
	t.PushString("'" + sqlQuotes.Replace(t.CheckString(1)) + "'")
	return 1
}

func ngxEncodeBase64(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 1 && n != 2 {
		t.Errorf("expecting one or two arguments")
	}
	enc := base64.StdEncoding
	if t.NArg() == 2 && !t.Arg(2).IsNil() {
		if t.Arg(2).Kind() != vm.KBool {
			t.TypeError(2, "boolean")
		}
		if t.Arg(2).Bool() {
			enc = base64.RawStdEncoding
		}
	}
	text := ""
	if !t.Arg(1).IsNil() {
		text = textArg(t, 1)
	}
	t.PushString(enc.EncodeToString([]byte(text)))
	return 1
}

// decodeBase64 pushes nil for text that is none. lax passes over bytes that do
// not belong, as MIME has it.
func decodeBase64(t *vm.Thread, lax bool) int {
	if t.NArg() != 1 {
		t.Errorf("expecting one argument")
	}
	if t.Arg(1).Kind() != vm.KString {
		t.Errorf("string argument only")
	}
	text, _, _ := strings.Cut(t.Arg(1).Str(), "=")
	if strings.ContainsAny(text, "\r\n") && !lax {
		t.PushNil()
		return 1
	}
	if lax {
		text = strings.Map(func(c rune) rune {
			if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
				return c
			}
			return -1
		}, text)
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		t.PushNil()
		return 1
	}
	t.PushBytes(b)
	return 1
}
