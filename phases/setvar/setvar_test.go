package setvar

import "testing"

func TestFunctions(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"set_escape_uri", "a b/é", "a%20b%2F%C3%A9"},
		{"set_unescape_uri", "a+b%20c%4x%", "a b c%4x%"},
		{"set_quote_sql_str", "it's\n\"\\", `'it\'s\n\"\\'`},
		{"set_quote_pgsql_str", "plain", `'plain'`},
		{"set_quote_pgsql_str", "it's é", `E'it\'s \303\251'`},
		{"set_quote_json_str", "", "null"},
		{"set_quote_json_str", "a\"\n\x01", `"a\"\n\u0001"`},
		{"set_encode_base32", "abcde", "c5h66p35"},
		{"set_encode_base32", "a", "c4======"},
		{"set_decode_base32", "c5h66p35", "abcde"},
		{"set_decode_base32", "c4", "a"},
		{"set_decode_base32", "!", "-"},
		{"set_encode_base64", "a?>", "YT8+"},
		{"set_decode_base64", "YQ==", "a"},
		{"set_decode_base64", "Y", "-"},
		{"set_encode_base64url", "a?>", "YT8-"},
		{"set_decode_base64url", "YT8-", "a?>"},
		{"set_encode_hex", "a\xff", "61ff"},
		{"set_decode_hex", "61ff", "a\xff"},
		{"set_decode_hex", "6", "-"},
		{"set_md5", "hello", "5d41402abc4b2a76b9719d911017c592"},
		{"set_sha1", "hello", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"},
	}
	tested := map[string]bool{}
	for _, c := range cases {
		tested[c.name] = true
		for _, f := range Functions {
			if f.Name != c.name {
				continue
			}
			got, ok := f.Do(c.text)
			if !ok {
				got = "-"
			}
			if got != c.want {
				t.Errorf("%s(%q): got %q, want %q", c.name, c.text, got, c.want)
			}
		}
	}
	for _, f := range Functions {
		if !tested[f.Name] {
			t.Errorf("%s is not tested", f.Name)
		}
	}
}
