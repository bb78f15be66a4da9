package filter

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// mediaTypes are the types of the responses that a filter changes: the value
// of gzip_types, charset_types and the like. The zero value holds text/html.
// It is not changed after the configuration was compiled.
type mediaTypes struct {
	any   bool
	names conf.List[string]
}

// setTypes makes the row of a directive that lists media types, "*" for all.
// text/html is always one of them.
func setTypes[T any](name string, f func(*T) *mediaTypes) phases.Directive[T] {
	return phases.Add(name, inLocations, conf.AtLeast(1), func(own *T, b *phases.Block, s *conf.Stmt) error {
		m := f(own)
		m.names.Add(s, "text/html")
		m.any = false
		for _, t := range s.Args {
			if t == "*" {
				m.any = true
				continue
			}
			m.names.Add(s, strings.ToLower(t))
		}
		return nil
	})
}

// has tells whether a response of this Content-Type is one of them. rest is
// what an empty list stands for besides text/html.
func (m *mediaTypes) has(contentType string, rest ...string) bool {
	if m.any {
		return true
	}
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.TrimRight(t, " \t")
	if t == "" {
		return false
	}
	for _, name := range m.names.Items {
		if strings.EqualFold(t, name) {
			return true
		}
	}
	if len(m.names.Items) > 0 {
		return false
	}
	for _, name := range rest {
		if strings.EqualFold(t, name) {
			return true
		}
	}
	return strings.EqualFold(t, "text/html")
}
