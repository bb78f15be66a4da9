package phases

import (
	"time"

	"github.com/luahttpd/luahttpd/conf"
)

// The setters below make the common rows of a directive table: the directive
// has one argument of the named kind, which lands in the field that f names.

// SetFlag is "on" or "off".
func SetFlag[T any](name string, in conf.Context, f func(*T) *bool) Directive[T] {
	return Set(name, in, conf.Flag1(), func(own *T, b *Block, s *conf.Stmt) error {
		v, err := conf.Flag(s.Args[0])
		if err != nil {
			return s.Errorf("invalid value \"%s\" in \"%s\" directive, it must be \"on\" or \"off\"", s.Args[0], s.Name)
		}
		*f(own) = v
		return nil
	})
}

// SetSize is a number of bytes: 512, 8k, 1m.
func SetSize[T any](name string, in conf.Context, f func(*T) *int64) Directive[T] {
	return Set(name, in, conf.Exactly(1), func(own *T, b *Block, s *conf.Stmt) error {
		v, ok := conf.Offset(s.Args[0])
		if !ok {
			return s.Errorf("\"%s\" directive invalid value", s.Name)
		}
		*f(own) = v
		return nil
	})
}

// SetDuration is a time with millisecond resolution: 60s, 500ms, 1h 30m.
func SetDuration[T any](name string, in conf.Context, f func(*T) *time.Duration) Directive[T] {
	return Set(name, in, conf.Exactly(1), func(own *T, b *Block, s *conf.Stmt) error {
		v, ok := conf.Duration(s.Args[0])
		if !ok {
			return s.Errorf("\"%s\" directive invalid value", s.Name)
		}
		*f(own) = v
		return nil
	})
}

// SetInt is a non-negative whole number.
func SetInt[T any](name string, in conf.Context, f func(*T) *int) Directive[T] {
	return Set(name, in, conf.Exactly(1), func(own *T, b *Block, s *conf.Stmt) error {
		v, ok := conf.Number(s.Args[0])
		if !ok {
			return s.Errorf("invalid number \"%s\" in \"%s\" directive", s.Args[0], s.Name)
		}
		*f(own) = v
		return nil
	})
}

// SetString is any text, taken as it stands.
func SetString[T any](name string, in conf.Context, f func(*T) *string) Directive[T] {
	return Set(name, in, conf.Exactly(1), func(own *T, b *Block, s *conf.Stmt) error {
		*f(own) = s.Args[0]
		return nil
	})
}

// SetEnum is one of the given words; the field gets its index.
func SetEnum[T any](name string, in conf.Context, f func(*T) *int, words ...string) Directive[T] {
	return Set(name, in, conf.Exactly(1), func(own *T, b *Block, s *conf.Stmt) error {
		for i, w := range words {
			if w == s.Args[0] {
				*f(own) = i
				return nil
			}
		}
		return s.Errorf("invalid value \"%s\"", s.Args[0])
	})
}

// SetTemplate is a text with variables.
func SetTemplate[T any](name string, in conf.Context, f func(*T) **Template) Directive[T] {
	return Set(name, in, conf.Exactly(1), func(own *T, b *Block, s *conf.Stmt) error {
		t, err := b.Template(s, s.Args[0])
		if err != nil {
			return err
		}
		*f(own) = t
		return nil
	})
}

// Ignore declares directives that are accepted and have no meaning here; the
// configuration's notices say so once for each that is used.
func Ignore[T any](in conf.Context, args conf.Arity, why string, names ...string) []Directive[T] {
	var rows []Directive[T]
	for _, name := range names {
		rows = append(rows, Add(name, in, args, func(own *T, b *Block, s *conf.Stmt) error {
			b.Config.Notice(s, "\"%s\" is accepted and ignored: %s", s.Name, why)
			return nil
		}))
	}
	return rows
}
