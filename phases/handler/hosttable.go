package handler

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
)

// hostTable finds what belongs to a name: to the name itself, to the longest
// "*.example.org" that it ends like, or to the longest "www.example.*" that it
// begins like. The zero value is empty.
type hostTable[V any] struct {
	exact  map[string]V // names in lower case
	suffix map[string]V // ".example.org" of *.example.org
	prefix map[string]V // "www.example." of www.example.*
}

// add gives the name key, as it stands, a value.
func (t *hostTable[V]) add(s *conf.Stmt, key string, v V) error {
	return put(s, &t.exact, strings.ToLower(key), v)
}

// addHost gives a host name with or without a "*" a value; ".example.org" is
// example.org and *.example.org.
func (t *hostTable[V]) addHost(s *conf.Stmt, key string, v V) error {
	key = strings.ToLower(key)
	rest, star := strings.CutPrefix(key, "*")
	tail, starTail := strings.CutSuffix(key, "*")
	switch {
	case star && strings.HasPrefix(rest, ".") && len(rest) > 1 && !strings.Contains(rest, "*"):
		return put(s, &t.suffix, rest, v)
	case starTail && strings.HasSuffix(tail, ".") && len(tail) > 1 && !strings.Contains(tail, "*"):
		return put(s, &t.prefix, tail, v)
	case strings.Contains(key, "*"):
		return s.Errorf("invalid hostname or wildcard \"%s\"", key)
	case strings.HasPrefix(key, ".") && len(key) > 1:
		if err := put(s, &t.exact, key[1:], v); err != nil {
			return err
		}
		return put(s, &t.suffix, key, v)
	}
	return put(s, &t.exact, key, v)
}

func put[V any](s *conf.Stmt, m *map[string]V, key string, v V) error {
	if _, ok := (*m)[key]; ok {
		return s.Errorf("conflicting parameter \"%s\"", key)
	}
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
	return nil
}

// find looks for a name in lower case.
func (t *hostTable[V]) find(name []byte) (v V, ok bool) {
	if v, ok = t.exact[string(name)]; ok {
		return v, true
	}
	if len(t.suffix) > 0 {
		for i, c := range name {
			if c == '.' && i > 0 {
				if v, ok = t.suffix[string(name[i:])]; ok {
					return v, true
				}
			}
		}
	}
	if len(t.prefix) > 0 {
		for i := len(name) - 1; i > 0; i-- {
			if name[i-1] == '.' {
				if v, ok = t.prefix[string(name[:i])]; ok {
					return v, true
				}
			}
		}
	}
	return v, false
}

func (t *hostTable[V]) len() int { return len(t.exact) + len(t.suffix) + len(t.prefix) }
