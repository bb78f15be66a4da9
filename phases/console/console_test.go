package console

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestValues(t *testing.T) {
	for text, want := range map[string][]any{
		"":                      nil,
		"a b":                   {"a", "b"},
		`1 "a b" true null`:     {1.0, "a b", true, nil},
		`{"a": [1, 2]}  x`:      {map[string]any{"a": []any{1.0, 2.0}}, "x"},
		`12abc`:                 {"12abc"},
		`{"a" 1}`:               {`{"a"`, "1}"},
		`"open`:                 {`"open`},
		"\xff":                  {"\xff"},
		strings.Repeat("[", 20): {strings.Repeat("[", 20)},
	} {
		if got := values(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %#v, want %#v", text, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{"a\nb\x1b[0m": `a\x0ab\x1b[0m`, "é\u202e": `é\u{202e}`, "\xff": "\uFFFD"} {
		if got := clean(text, false); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := clean("a\nb\tc\r", true); got != "a\nb\tc\\x0d" {
		t.Errorf("%q", got)
	}
}

// FuzzValues: whatever is given as arguments ends, and its answer can be written in every form.
func FuzzValues(f *testing.F) {
	f.Add("1 two {\"three\": [4, null]} \"fi ve\" [")
	f.Fuzz(func(t *testing.T, text string) {
		a := table("value")
		for _, v := range values(text) {
			a.add(cell(plain(v)))
		}
		if n := strings.Count(a.text(), "\n"); n != len(a.rows)+1 {
			t.Errorf("%d lines for %d rows", n, len(a.rows))
		}
		if !utf8.Valid(page("/c", text, text, a, nil)) || !utf8.Valid(a.json()) {
			t.Error("not UTF-8")
		}
	})
}

// A table of more rows than a page is for says how many are left out.
func TestMaxRows(t *testing.T) {
	q := &query{}
	a := q.run(&command{run: func(*query) *answer {
		a := table("n")
		for i := range maxRows + 5 {
			a.add(i)
		}
		return a
	}})
	if len(a.rows) != maxRows || a.body != "5 more\n" {
		t.Error(len(a.rows), a.body)
	}
}

func TestMaxQueries(t *testing.T) {
	d := &board{}
	var nested func(left int) *answer
	nested = func(left int) *answer {
		return d.run(&query{}, &command{run: func(*query) *answer {
			if left == 0 {
				return &answer{}
			}
			return nested(left - 1)
		}})
	}
	if a := nested(maxQueries - 1); a.failed {
		t.Error(a.body)
	}
	if a := nested(maxQueries); !a.failed || d.count.Load() != 0 {
		t.Error(a.body, d.count.Load())
	}
}

// Names of actors are anybody's.
func TestLabels(t *testing.T) {
	x := &exporter{}
	x.value("m", 1, "actor", "a\"b\\\n\xff")
	if got := x.b.String(); got != "m{actor=\"a\\\"b\\\\\\n\uFFFD\"} 1\n" {
		t.Errorf("%q", got)
	}
}
