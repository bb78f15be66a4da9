package phases

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// place is a location as the model has it.
type place struct {
	kind   LocKind
	name   string
	inside []*place
}

func (p *place) write(b *strings.Builder) {
	mod := map[LocKind]string{LocPrefix: "", LocExact: "= ", LocPrefixFirst: "^~ ", LocRegex: "~ "}[p.kind]
	fmt.Fprintf(b, "location %s%s { answer;\n", mod, p.name)
	for _, in := range p.inside {
		in.write(b)
	}
	b.WriteString("}\n")
}

func (p *place) matches(path string) bool {
	switch p.kind {
	case LocExact:
		return path == p.name
	case LocRegex: // of letters and slashes, maybe anchored
		if rest, ok := strings.CutPrefix(p.name, "^"); ok {
			return strings.HasPrefix(path, rest)
		}
		return strings.Contains(path, p.name)
	}
	return strings.HasPrefix(path, p.name)
}

// search is nginx's rule, naively: of the names at one level the exact one, or
// that which the path with a slash would be, or the longest; its own locations
// first, then the expressions of the level unless "^~" forbids.
func search(all []*place, path string) (p *place, how found) {
	for _, c := range all {
		switch {
		case c.kind == LocRegex:
		case c.kind == LocExact && c.name == path:
			return c, foundFinal
		case c.kind != LocExact && c.matches(path) && (p == nil || len(c.name) > len(p.name)):
			p, how = c, foundPrefix
		}
	}
	if p == nil || p.name != path {
		for _, kind := range []LocKind{LocExact, LocPrefix, LocPrefixFirst} {
			for _, c := range all {
				if c.kind == kind && c.name == path+"/" {
					return c, foundSlash
				}
			}
		}
	}
	expressions := true
	if p != nil {
		expressions = p.kind != LocPrefixFirst
		if in, inHow := search(p.inside, path); in != nil {
			p, how = in, inHow
		}
	}
	if how == foundFinal || how == foundSlash || !expressions {
		return p, how
	}
	for _, c := range all {
		if c.kind == LocRegex && c.matches(path) {
			if in, _ := search(c.inside, path); in != nil {
				return in, foundFinal
			}
			return c, foundFinal
		}
	}
	return p, how
}

// source makes choices out of bytes, as the fuzzer gives them.
type source []byte

func (s *source) below(n int) int {
	if len(*s) == 0 {
		return 0
	}
	v := int((*s)[0]) % n
	*s = (*s)[1:]
	return v
}

func (s *source) text(most int) string {
	b := []byte("/")
	for range s.below(most + 1) {
		b = append(b, "ab/"[s.below(3)])
	}
	return string(b)
}

func (s *source) places(below string, depth int) (all []*place) {
	taken := map[string]bool{}
	for range s.below(5) {
		p := &place{kind: LocKind(s.below(4))}
		if p.kind == LocRegex {
			p.name = []string{"^", ""}[s.below(2)] + s.text(2)
		} else {
			p.name = below + s.text(3)[min(len(below), 1):]
			key := fmt.Sprint(p.kind == LocExact) + p.name
			if taken[key] {
				continue
			}
			taken[key] = true
		}
		if depth > 0 && p.kind != LocExact {
			in := p.name
			if p.kind == LocRegex {
				in = ""
			}
			p.inside = s.places(in, depth-1)
		}
		all = append(all, p)
	}
	return all
}

func checkLocations(t *testing.T, s source) {
	t.Helper()
	all := s.places("", 2)
	var b strings.Builder
	for _, p := range all {
		p.write(&b)
	}
	cfg, err := compile(t, "server {\n"+b.String()+"}")
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	for range 8 {
		path := s.text(6)
		want, wantHow := search(all, path)
		got, how, err := cfg.Servers[0].Loc.inside.find(nil, []byte(path))
		if err != nil {
			t.Fatal(err)
		}
		if how != wantHow || (got == nil) != (want == nil) || got != nil && (got.Name != want.name || got.Kind != want.kind) {
			t.Fatalf("%s: %+v %d, the model says %+v %d\n%s", path, got, how, want, wantHow, b.String())
		}
	}
}

// TestLocations compares the search with the model on random configurations.
func TestLocations(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 2000 {
		s := make(source, 120)
		rnd.Read(s)
		checkLocations(t, s)
	}
}

func FuzzLocation(f *testing.F) {
	f.Add([]byte("some choices"))
	f.Add([]byte{4, 0, 1, 2, 1, 0, 2, 3, 3, 1, 1, 0, 0, 1, 2, 2, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 400 {
			checkLocations(t, b)
		}
	})
}

func TestLocationMistakes(t *testing.T) {
	for _, c := range []struct{ conf, want string }{
		{"location /a {} location /a {}", `duplicate location "/a"`},
		{"location = /a {} location = /a {}", `duplicate location "/a"`},
		{"location /a {} location ^~ /a {}", `duplicate location "/a"`},
		{"location @a {} location @a {}", `duplicate location "@a"`},
		{"location =~ /a {}", `invalid location modifier "=~"`},
		{"location = /a { location /a/b {} }", `location "/a/b" cannot be inside the exact location "/a"`},
		{"location @a { location /b {} }", `location "/b" cannot be inside the named location "@a"`},
		{"location /a { location @b {} }", `named location "@b" can be on the server level only`},
		{"location /a { location /b {} }", `location "/b" is outside location "/a"`},
		{"location ~ ( {}", `pcre`},
		{"location /a { answer; root /x; alias /y; }", `"alias" directive is duplicate, "root" directive was specified earlier`},
		{"location /a { limit_except GOT { } }", `invalid method "GOT"`},
	} {
		if _, err := compile(t, "server { "+c.conf+" }"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.conf, err, c.want)
		}
	}
	// Both kinds beside each other are no mistake, nor is a modifier without a blank.
	mustCompile(t, "server { location /a {} location = /a {} location ~/b {} location =/c {} location ^~/d {} location ~*E {} }")
}
