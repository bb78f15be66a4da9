package phases

import (
	"time"

	"github.com/luahttpd/luahttpd/conf"
)

// The setters below make the common rows of a directive table: the directive
// has one argument of the named kind, which lands in the field that f names.

// SetFlag is "on" or "off".
func SetFlag[T any](name string, in conf.Context, f func(*T) *bool) Directive[T] {
	return setOne(name, in, f, (*conf.Stmt).Flag)
}

// SetSize is a number of bytes: 512, 8k, 1m, 1g.
func SetSize[T any](name string, in conf.Context, f func(*T) *int64) Directive[T] {
	return setOne(name, in, f, (*conf.Stmt).Offset)
}

// SetDuration is a time with millisecond resolution: 60s, 500ms, 1h 30m.
func SetDuration[T any](name string, in conf.Context, f func(*T) *time.Duration) Directive[T] {
	return setOne(name, in, f, (*conf.Stmt).Msec)
}

// SetInt is a non-negative whole number.
func SetInt[T any](name string, in conf.Context, f func(*T) *int) Directive[T] {
	return setOne(name, in, f, (*conf.Stmt).Number)
}

// SetEnum is one of the given words; the field gets its index.
func SetEnum[T any](name string, in conf.Context, f func(*T) *int, words ...string) Directive[T] {
	return setOne(name, in, f, func(s *conf.Stmt, i int) (int, error) { return s.Enum(i, words...) })
}

func setOne[T, V any](name string, in conf.Context, f func(*T) *V, read func(*conf.Stmt, int) (V, error)) Directive[T] {
	return Set(name, in, conf.Exactly(1), func(own *T, b *Block, s *conf.Stmt) error {
		v, err := read(s, 0)
		*f(own) = v
		return err
	})
}

// SetString is any text, taken as it stands.
func SetString[T any](name string, in conf.Context, f func(*T) *string) Directive[T] {
	return Set(name, in, conf.Exactly(1), func(own *T, b *Block, s *conf.Stmt) error {
		*f(own) = s.Args[0]
		return nil
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

// Inert declares a directive whose argument is checked and has no effect here;
// the configuration's notices say so where it is used.
func Inert[T any](name string, in conf.Context, args conf.Arity, why string, check func(s *conf.Stmt) error) Directive[T] {
	row := Set(name, in, args, func(own *T, b *Block, s *conf.Stmt) error {
		if err := check(s); err != nil {
			return err
		}
		b.Config.Notice(s, "\"%s\" is accepted and ignored: %s", s.Name, why)
		return nil
	})
	row.unused = why
	return row
}

// Checked is row, which only serves to check others: it has no effect of its
// own here, and notices say so.
func Checked[T any](why string, row Directive[T]) Directive[T] {
	set := row.set
	row.unused = why
	row.set = func(own *T, b *Block, s *conf.Stmt) error {
		b.Config.Notice(s, "\"%s\" is accepted and ignored: %s", s.Name, why)
		return set(own, b, s)
	}
	return row
}

// CheckFlag and CheckSize are for Inert: the argument is on or off, or a size.
func CheckFlag(s *conf.Stmt) error { _, err := s.Flag(0); return err }
func CheckSize(s *conf.Stmt) error { _, err := s.Offset(0); return err }

// Ignore declares directives that are accepted and have no meaning here; the
// configuration's notices say so once for each that is used.
func Ignore[T any](in conf.Context, args conf.Arity, why string, names ...string) []Directive[T] {
	var rows []Directive[T]
	for _, name := range names {
		row := Add(name, in, args, func(own *T, b *Block, s *conf.Stmt) error {
			b.Config.Notice(s, "\"%s\" is accepted and ignored: %s", s.Name, why)
			return nil
		})
		row.unused = why
		rows = append(rows, row)
	}
	return rows
}
