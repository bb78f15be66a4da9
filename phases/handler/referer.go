package handler

import (
	"bytes"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// RefererConf is valid_referers. With no referers at all every one is valid.
type RefererConf struct {
	names       hostTable[string] // to what the path must begin with
	regexes     []*phases.Regex
	serverNamed []*phases.Regex // match the host alone
	none        bool            // a request without Referer is valid
	blocked     bool            // as is one whose Referer has no scheme
	serverNames bool
	stmt        *conf.Stmt
}

// Referer makes $invalid_referer.
var Referer = phases.Define(phases.Spec[RefererConf]{
	Name: "referer",
	Directives: append([]phases.Directive[RefererConf]{
		phases.Add("valid_referers", conf.Server|conf.Location, conf.AtLeast(1), addReferers),
	}, phases.Ignore[RefererConf](conf.Server|conf.Location, conf.Exactly(1), "nothing here is sized in advance", "referer_hash_max_size", "referer_hash_bucket_size")...),
	Finish: finishReferers,
	Variables: []phases.Variable{{Name: "invalid_referer", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		if !phases.ConfOf[RefererConf](r.Loc).valid(r) {
			dst = append(dst, '1')
		}
		return dst, true
	}}},
})

func addReferers(own *RefererConf, b *phases.Block, s *conf.Stmt) error {
	if own.stmt == nil || own.stmt.Parent != s.Parent {
		*own = RefererConf{}
	}
	own.stmt = s
	for _, arg := range s.Args {
		var err error
		switch {
		case arg == "":
			return s.Errorf("invalid referer \"%s\"", arg)
		case arg == "none":
			own.none = true
		case arg == "blocked":
			own.blocked = true
		case arg == "server_names":
			own.serverNames = true
		case arg == "~":
			return s.Errorf("empty regex in \"%s\"", arg)
		case arg[0] == '~':
			var x *phases.Regex
			x, err = b.Regex(s, arg[1:], true)
			own.regexes = append(own.regexes, x)
		default:
			host, path := arg, ""
			if i := strings.IndexByte(arg, '/'); i >= 0 {
				host, path = arg[:i], arg[i:]
			}
			err = own.names.addHost(s, host, path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finishReferers adds the names of the server, which may stand further down.
func finishReferers(own *RefererConf, b *phases.Block) error {
	if own.stmt == nil || own.stmt.Parent != b.Stmt {
		return nil
	}
	if own.serverNames {
		for name, x := range b.Server.Names() {
			if x != nil {
				own.serverNamed = append(own.serverNamed, x)
			} else if err := own.names.addHost(own.stmt, name, ""); err != nil {
				return err
			}
		}
	}
	if (own.none || own.blocked) && own.names.len() == 0 && !own.matches() {
		return own.stmt.Errorf("the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" directive without any valid referer")
	}
	return nil
}

func (own *RefererConf) valid(r *phases.Request) bool {
	if own.names.len() == 0 && !own.matches() {
		return true
	}
	ref := r.Field("Referer")
	if ref == nil {
		return own.none
	}
	const shortest = len("http://i.ru")
	lower := bytes.ToLower(ref)
	rest, ok := bytes.CutPrefix(lower, []byte("http://"))
	if !ok {
		rest, ok = bytes.CutPrefix(lower, []byte("https://"))
	}
	if !ok || len(ref) < shortest {
		return own.blocked
	}
	end := bytes.IndexAny(rest, "/:")
	if end < 0 {
		end = len(rest)
	}
	const longest = 256
	if end > longest {
		return false
	}
	if path, ok := own.names.find(rest[:end]); ok {
		if path == "" {
			return true
		}
		target := ref[len(ref)-len(rest)+end:]
		if at := bytes.IndexByte(target, '/'); at >= 0 {
			return bytes.HasPrefix(target[at:], []byte(path))
		}
		return false
	}
	return matchesAny(own.serverNamed, rest[:end]) || matchesAny(own.regexes, ref[len(ref)-len(rest):])
}

// matches tells whether there are expressions.
func (own *RefererConf) matches() bool { return len(own.regexes)+len(own.serverNamed) > 0 }

func matchesAny(list []*phases.Regex, text []byte) bool {
	for _, x := range list {
		if ok, err := x.Match(nil, text); ok || err != nil {
			return ok
		}
	}
	return false
}
