package lua

import (
	"strings"
	"testing"
)

func TestReplacement(t *testing.T) {
	const subject = "hello 42"
	caps := []int{6, 8, 6, 7, -1, -1}
	for _, c := range []struct{ template, want string }{
		{"", ""},
		{"x", "x"},
		{"$0", "42"},
		{"[$1|$2|$3]", "[4||]"},
		{"${1}2", "42"},
		{"$12", ""},
		{"$1a", "4a"},
		{"$$1$$", "$1$"},
		{"$99999999999999999999", ""},
		{"$", `error: lua script: invalid capturing variable name found in "$"`},
		{"a${", `error: lua script: invalid capturing variable name found in "a${"`},
		{"$-", `error: lua script: invalid capturing variable name found in "$-"`},
		{"${}", `error: lua script: invalid capturing variable name found in "${}"`},
		{"$name", `error: attempt to use named capturing variable "name" (named captures not supported yet)`},
		{"${name}", `error: attempt to use named capturing variable "name" (named captures not supported yet)`},
		{"${12", `error: the closing bracket in "12" variable is missing`},
		{"${12 ", `error: the closing bracket in "12" variable is missing`},
	} {
		parts, err := parseReplacement(c.template)
		got := string(parts.append(nil, subject, caps))
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.template, got, c.want)
		}
	}
}

// FuzzReplacement checks that a template without a dollar sign is itself and
// that none makes more than its text and its references can.
func FuzzReplacement(f *testing.F) {
	for _, s := range []string{"a$1b", "${2}", "$$", "$", "${x", "$0$0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts, err := parseReplacement(s)
		if err != nil {
			return
		}
		got := string(parts.append(nil, "abc", []int{0, 3, 1, 2}))
		if !strings.Contains(s, "$") && got != s {
			t.Errorf("%q became %q", s, got)
		}
		if len(got) > len(s)*3 {
			t.Errorf("%q became %q", s, got)
		}
	})
}
