package handler

import (
	"bytes"
	"io/fs"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// condition is what stands in the parentheses of an "if". Its error has been
// logged and ends the request with 500.
type condition func(r *phases.Request) (bool, error)

func addIf(own *RewriteConf, b *phases.Block, s *conf.Stmt) error {
	words, err := conditionWords(s)
	if err != nil {
		return err
	}
	holds, err := own.condition(b, s, words)
	if err != nil {
		return err
	}
	inner := conf.LocationIf
	if b.Context&(conf.Server|conf.ServerIf) != 0 {
		inner = conf.ServerIf
	}
	l := b.SubLocation(inner, s)
	b.AddOp(func(r *phases.Request) phases.Result {
		yes, err := holds(r)
		switch {
		case err != nil:
			return 500
		case yes:
			return r.EnterIf(l)
		}
		return phases.Declined
	})
	return nil
}

// conditionWords takes the parentheses off.
func conditionWords(s *conf.Stmt) ([]string, error) {
	words := append([]string(nil), s.Args...)
	last := words[len(words)-1]
	switch {
	case !strings.HasPrefix(words[0], "("):
		return nil, s.Errorf("invalid condition \"%s\"", words[0])
	case !strings.HasSuffix(last, ")"):
		return nil, s.Errorf("invalid condition \"%s\"", last)
	}
	if words[0] = words[0][1:]; words[0] == "" {
		words = words[1:]
	}
	if end := len(words) - 1; last == ")" {
		words = words[:end]
	} else {
		words[end] = words[end][:len(words[end])-1]
	}
	if len(words) == 0 {
		return nil, s.Errorf("invalid condition \"%s\"", s.Args[0])
	}
	return words, nil
}

// condition compiles "$v", "$v op value" and "-f file".
func (own *RewriteConf) condition(b *phases.Block, s *conf.Stmt, words []string) (condition, error) {
	first := words[0]
	switch {
	case len(first) > 1 && first[0] == '$':
		if len(words) != 1 && len(words) != 3 {
			return nil, s.Errorf("invalid condition \"%s\"", first)
		}
		get, err := b.Reference(s, first[1:])
		if err != nil {
			return nil, err
		}
		if len(words) == 1 {
			return func(r *phases.Request) (bool, error) {
				v, _ := get(r, nil)
				return len(v) > 0 && (len(v) != 1 || v[0] != '0'), nil
			}, nil
		}
		return own.comparison(b, s, get, words[1], words[2])
	case len(first) == 2 && first[0] == '-' || len(first) == 3 && first[:2] == "!-":
		if len(words) != 2 {
			return nil, s.Errorf("invalid condition \"%s\"", first)
		}
		return fileCondition(b, s, first, words[1])
	}
	return nil, s.Errorf("invalid condition \"%s\"", first)
}

func (own *RewriteConf) comparison(b *phases.Block, s *conf.Stmt, get func(*phases.Request, []byte) ([]byte, bool), op, to string) (condition, error) {
	negative := op[0] == '!'
	switch strings.TrimPrefix(op, "!") {
	case "=":
		value, err := b.Template(s, to)
		if err != nil {
			return nil, err
		}
		return func(r *phases.Request) (bool, error) {
			v, _ := get(r, nil)
			return bytes.Equal(v, value.Bytes(r)) != negative, nil
		}, nil
	case "~", "~*":
		x, err := b.Regex(s, to, strings.HasSuffix(op, "*"))
		if err != nil {
			return nil, err
		}
		return func(r *phases.Request) (bool, error) {
			v, _ := get(r, nil)
			ok, err := own.match(r, x, to, v)
			return ok != negative, err
		}, nil
	}
	return nil, s.Errorf("unexpected \"%s\" in condition", op)
}

func fileCondition(b *phases.Block, s *conf.Stmt, op, path string) (condition, error) {
	var test func(st fs.FileInfo) bool
	switch op[len(op)-1] {
	case 'f':
		test = func(st fs.FileInfo) bool { return st.Mode().IsRegular() }
	case 'd':
		test = fs.FileInfo.IsDir
	case 'e':
		test = func(st fs.FileInfo) bool { return st.Mode().IsRegular() || st.IsDir() }
	case 'x':
		test = func(st fs.FileInfo) bool { return st.Mode()&0o100 != 0 }
	default:
		return nil, s.Errorf("invalid condition \"%s\"", op)
	}
	negative := op[0] == '!'
	name, err := b.Template(s, path)
	if err != nil {
		return nil, err
	}
	return func(r *phases.Request) (bool, error) {
		st, err := r.StatFile(name.String(r))
		if err != nil {
			if !phases.NoSuchFile(err) {
				r.Errorf(phases.LevelCrit, "%s", phases.OpenError(err))
			}
			return negative, nil
		}
		return test(st) != negative, nil
	}, nil
}
