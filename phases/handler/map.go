package handler

import (
	"bytes"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Map makes variables whose values depend on others.
var Map = phases.Define(phases.Spec[struct{}]{
	Name: "map",
	Directives: append([]phases.Directive[struct{}]{
		phases.Add("map", conf.HTTP, conf.BlockN(2, 2), addMap),
	}, phases.Ignore[struct{}](conf.HTTP, conf.Exactly(1), "nothing here is sized in advance", "map_hash_max_size", "map_hash_bucket_size")...),
})

// table is one map block. A name that stands in it is looked for first, then
// names with a "*", if they are host names, then expressions as they come.
type table struct {
	source    *phases.Template
	hostnames bool
	names     hostTable[*phases.Template]
	regexes   []tableRegex
	deflt     *phases.Template
}

type tableRegex struct {
	regex   *phases.Regex
	pattern string
	value   *phases.Template
}

func addMap(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	name, ok := strings.CutPrefix(s.Args[1], "$")
	if !ok {
		return s.Errorf("invalid variable name \"%s\"", s.Args[1])
	}
	if err := s.Entries(); err != nil {
		return err
	}
	source, err := b.Template(s, s.Args[0])
	if err != nil {
		return err
	}
	t := &table{source: source}
	volatile := false
	for _, e := range s.Block {
		switch {
		case len(e.Args) == 0 && e.Name == "hostnames":
			t.hostnames = true
		case len(e.Args) == 0 && e.Name == "volatile":
			volatile = true
		case len(e.Args) != 1:
			return e.Errorf("invalid number of the map parameters")
		default:
			if err := t.add(b, e); err != nil {
				return err
			}
		}
	}
	return b.DefineVariable(s, phases.Variable{Name: strings.ToLower(name), Get: t.get, Cache: !volatile})
}

func (t *table) add(b *phases.Block, e *conf.Stmt) error {
	value, err := b.Template(e, e.Args[0])
	if err != nil {
		return err
	}
	key := e.Name
	switch {
	case key == "default":
		if t.deflt != nil {
			return e.Errorf("duplicate default map parameter")
		}
		t.deflt = value
		return nil
	case strings.HasPrefix(key, "~"):
		pattern := key[1:]
		pattern, caseless := strings.CutPrefix(pattern, "*")
		x, err := b.Regex(e, pattern, caseless)
		t.regexes = append(t.regexes, tableRegex{x, pattern, value})
		return err
	}
	key = strings.TrimPrefix(key, "\\")
	if t.hostnames {
		return t.names.addHost(e, key, value)
	}
	return t.names.add(e, key, value)
}

func (t *table) get(r *phases.Request, dst []byte) ([]byte, bool) {
	name := t.source.Bytes(r)
	if t.hostnames {
		name = bytes.TrimSuffix(name, []byte("."))
	}
	value := t.find(r, name)
	if value == nil {
		value = t.deflt
	}
	if value == nil {
		return dst, true
	}
	return value.Append(r, dst), true
}

func (t *table) find(r *phases.Request, name []byte) *phases.Template {
	if v, ok := t.names.find(bytes.ToLower(name)); ok {
		return v
	}
	if len(name) == 0 {
		return nil
	}
	for _, x := range t.regexes {
		ok, err := x.regex.Match(r, name)
		if err != nil {
			r.Errorf(phases.LevelAlert, "%v on \"%s\" using \"%s\"", err, name, x.pattern)
			return nil
		}
		if ok {
			return x.value
		}
	}
	return nil
}
