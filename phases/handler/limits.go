package handler

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// limiting is what limit_conn and limit_req say of a request too many.
type limiting struct {
	status int // 503
	level  int // index in limitLevels
	dryRun bool
}

var limitLevels = []string{"info", "notice", "warn", "error"}

func defaultLimiting() limiting { return limiting{status: 503, level: 3} }

// logLevel is the configured level, or softer levels below it.
func (l limiting) logLevel(softer int) phases.Level {
	return phases.LevelInfo - phases.Level(max(l.level-softer, 0))
}

func (l *limiting) setStatus(s *conf.Stmt) error {
	n, err := s.Number(0)
	if err == nil && (n < 400 || n > 599) {
		return s.Errorf("value must be between 400 and 599")
	}
	l.status = n
	return err
}

const inLimit = conf.HTTP | conf.Server | conf.Location

// zoneNode is what a key takes of a zone's size beside its bytes.
const zoneNode = 128

// named is a zone of a configuration. A limit may name one that is declared
// further down.
type named[Z any] struct {
	name string
	key  *phases.Template
	zone *Z
	used *conf.Stmt // where it was named first
}

// named zones by name.
type zones[Z any] map[string]*named[Z]

func (zs *zones[Z]) get(name string, s *conf.Stmt) *named[Z] {
	if *zs == nil {
		*zs = zones[Z]{}
	}
	z := (*zs)[name]
	if z == nil {
		z = &named[Z]{name: name, used: s}
		(*zs)[name] = z
	}
	return z
}

func (zs zones[Z]) check() error {
	for name, z := range zs {
		if z.zone == nil {
			return z.used.Errorf("zero size shared memory zone \"%s\"", name)
		}
	}
	return nil
}

// declare is a limit_conn_zone or limit_req_zone: key zone=name:size.
func (zs *zones[Z]) declare(b *phases.Block, s *conf.Stmt, param string, create func(size int64) *Z) error {
	name, text, ok := strings.Cut(param, ":")
	size, sized := conf.Size(text)
	switch {
	case name == "" || !ok || !sized:
		return s.Errorf("invalid zone size \"zone=%s\"", param)
	case size < 8*4096:
		return s.Errorf("zone \"%s\" is too small", name)
	}
	z := zs.get(name, s)
	if z.zone != nil {
		return s.Errorf("%s \"%s\" is already bound to key \"%s\"", s.Name, name, z.key.Source())
	}
	var err error
	if z.key, err = b.Template(s, s.Args[0]); err != nil {
		return err
	}
	v, err := b.Zone(s, s.Name, name, size, func() any { return create(size) })
	if err != nil {
		return err
	}
	z.zone = v.(*Z)
	return nil
}

// keyOf evaluates the key of a zone for r. A request without one, or with one
// that is too long, is not counted.
func (z *named[Z]) keyOf(r *phases.Request, longest int) (string, bool) {
	key := z.key.String(r)
	if len(key) > longest {
		r.Errorf(phases.LevelError, "the value of the \"%s\" key is more than %d bytes: \"%s\"", z.key.Source(), longest, key)
		return "", false
	}
	return key, key != ""
}

// limited remembers what the limits did with a request, for their variables;
// a request is counted once.
var limited = phases.NewSlot[struct{ conn, req string }](phases.KeepOverRedirect)
