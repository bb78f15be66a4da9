package filter

import (
	"bytes"
	"testing"

	"github.com/luahttpd/luahttpd/phases"
)

func FuzzParseRanges(f *testing.F) {
	for _, s := range []string{"0-", "-5", "1-2,3-4", " 0 - 9 , -1", "99999999999999999999-1"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, field string, length int64) {
		if length < 0 {
			return
		}
		spans, verdict := parseRanges(field, length, 16)
		if verdict != rangesGood {
			return
		}
		total := int64(0)
		for _, s := range spans {
			if s.from < 0 || s.from >= s.to || s.to > length {
				t.Fatalf("%q of %d: %v", field, length, spans)
			}
			total += s.to - s.from
		}
		if len(spans) == 0 || len(spans) > 16 || total > length {
			t.Fatalf("%q of %d: %v", field, length, spans)
		}
	})
}

// FuzzSubstitution compares replacing piece by piece with replacing at once.
func FuzzSubstitution(f *testing.F) {
	f.Add([]byte("aabaaabb xAABx"), "aab", "abb", 1)
	f.Add([]byte("hello hel lo"), "hello", "l", 3)
	f.Fuzz(func(t *testing.T, body []byte, a, b string, n int) {
		if n < 1 || a == "" || b == "" {
			return
		}
		run := func(n int) []byte {
			z := &substitution{tenant: tenant{room: new(room)}}
			for _, p := range []string{a, b} {
				text := lowerASCII([]byte(p))
				pair := &subPair{match: phases.Literal(p), with: phases.Literal("<" + p + ">")}
				z.patterns = append(z.patterns, subPattern{text: text, pair: pair})
				z.first[text[0]], z.first[upper(text[0])] = true, true
			}
			var out []byte
			for rest := body; len(rest) > 0; {
				k := min(n, len(rest))
				z.replace(nil, rest[:k], false, false)
				out, rest = append(out, z.room.out...), rest[k:]
			}
			z.replace(nil, nil, true, false)
			return append(out, z.room.out...)
		}
		if one, all := run(n), run(len(body)+1); !bytes.Equal(one, all) {
			t.Fatalf("by %d: %q, at once: %q", n, one, all)
		}
	})
}

// FuzzRecode checks that recoding from UTF-8 does not depend on where the body
// is cut.
func FuzzRecode(f *testing.F) {
	f.Add([]byte("aа€\xff"), 1)
	f.Add([]byte("\xe2\x82\xe2\x82\xac"), 2)
	table := &charsetTable{fromUTF8: map[rune]byte{'а': 0xc0, '€': 0xc1}}
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		if n < 1 {
			return
		}
		run := func(n int) (out []byte) {
			z := &recoding{table: table, tenant: tenant{room: new(room)}}
			for rest := body; len(rest) > 0; {
				k := min(n, len(rest))
				out, rest = z.append(out, rest[:k]), rest[k:]
			}
			return append(out, z.partial...)
		}
		if one, all := run(n), run(len(body)+1); !bytes.Equal(one, all) {
			t.Fatalf("by %d: %q, at once: %q", n, one, all)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-1/2", "bytes 0-1/*", "bytes 5-4/9", "bytes 0-9223372036854775807/*", "bytes", "bytes -/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var o phases.Response
		o.Add("Content-Range", s)
		from, to, length, ok := parseContentRange(&o)
		if ok && (from < 0 || to <= from || length >= 0 && to > length) {
			t.Errorf("%q: %d-%d/%d", s, from, to, length)
		}
	})
}
