package phases

import (
	"sort"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// Loc is one location after its configuration has been compiled: immutable,
// shared by the workers. A server block has one too, for requests that have
// not found theirs.
type Loc struct {
	// Name is what stood in the configuration: the path, expression or @name.
	Name string
	Kind LocKind
	// Core is the configuration of the server itself.
	Core *Core
	// Stmt is where it stands; nil for the main server block's.
	Stmt *conf.Stmt
	// NoName: made by "if" or "limit_except" inside of another location.
	NoName bool

	confs         []any
	steps         [phaseCount][]Handler
	beforeOps     []Handler // of the rewrite phase
	ops           []Handler
	content       Handler
	contentModule int
	contentBy     *conf.Stmt
	header        HeaderFunc
	body          BodyFunc
	lowerBody     BodyFunc // what the postpone filter passes a subrequest's body to
	inside        locations
	regex         *Regex
	autoRedirect  bool
}

// LocKind is how a location is matched.
type LocKind uint8

const (
	LocPrefix LocKind = iota
	LocExact
	LocPrefixFirst // ^~: no expression is tried when it is the longest
	LocRegex
	LocNamed
)

// locations finds a location by path: an exact name, else the longest prefix,
// then the expressions in the order of the configuration.
type locations struct {
	exact   map[string]*Loc
	prefix  map[string]*Loc
	lengths []int // of the prefixes, longest first
	regexes []*Loc
	// redirects: one of them answers for its name without the last "/" too.
	redirects bool
}

func (ls *locations) add(l *Loc) (duplicate bool) {
	switch l.Kind {
	case LocRegex:
		ls.regexes = append(ls.regexes, l)
		return false
	case LocExact:
		if ls.exact == nil {
			ls.exact = map[string]*Loc{}
		}
		duplicate = ls.exact[l.Name] != nil
		ls.exact[l.Name] = l
		return duplicate
	}
	if ls.prefix == nil {
		ls.prefix = map[string]*Loc{}
	}
	duplicate = ls.prefix[l.Name] != nil
	ls.prefix[l.Name] = l
	i := sort.Search(len(ls.lengths), func(i int) bool { return ls.lengths[i] <= len(l.Name) })
	if i == len(ls.lengths) || ls.lengths[i] != len(l.Name) {
		ls.lengths = append(ls.lengths, 0)
		copy(ls.lengths[i+1:], ls.lengths[i:])
		ls.lengths[i] = len(l.Name)
	}
	return duplicate
}

// found is how a location was found.
type found uint8

const (
	foundNone   found = iota
	foundPrefix       // an expression of a block outside may come before it
	foundFinal
	foundSlash // path with a "/" at its end is the location's name
)

// find returns the location for path. With foundSlash that location redirects
// to its name.
func (ls *locations) find(r *Request, path []byte) (*Loc, found, error) {
	l, how := ls.static(path)
	expressions := true
	if how == foundPrefix {
		expressions = l.Kind != LocPrefixFirst
		in, inHow, err := l.inside.find(r, path)
		if err != nil {
			return nil, foundNone, err
		}
		if inHow != foundNone {
			l, how = in, inHow
		}
	}
	if how == foundFinal || how == foundSlash || !expressions {
		return l, how, nil
	}
	for _, x := range ls.regexes {
		ok, err := x.regex.Match(r, path)
		if err != nil {
			return nil, foundNone, err
		}
		if !ok {
			continue
		}
		in, inHow, err := x.inside.find(r, path)
		if err != nil {
			return nil, foundNone, err
		}
		if inHow != foundNone {
			x = in
		}
		return x, foundFinal, nil
	}
	return l, how, nil
}

// static looks among the names: the whole path, the path with a "/" behind it
// that redirects, or else the longest prefix.
func (ls *locations) static(path []byte) (*Loc, found) {
	if l := ls.exact[string(path)]; l != nil {
		return l, foundFinal
	}
	if l := ls.prefix[string(path)]; l != nil {
		return l, foundPrefix
	}
	if ls.redirects {
		if l := ls.exact[string(path)+"/"]; l != nil && l.autoRedirect {
			return l, foundSlash
		}
		if l := ls.prefix[string(path)+"/"]; l != nil && l.autoRedirect {
			return l, foundSlash
		}
	}
	for _, n := range ls.lengths {
		if n >= len(path) {
			continue
		}
		if l := ls.prefix[string(path[:n])]; l != nil && !l.leaves(path[n:]) {
			return l, foundPrefix
		}
	}
	return nil, foundNone
}

// leaves tells a path that would climb out of an aliased directory, because
// the location's name ends without a slash: /img../secret in location /img.
func (l *Loc) leaves(rest []byte) bool {
	return l.Core.Alias && len(rest) >= 2 && rest[0] == '.' && rest[1] == '.' && (len(rest) == 2 || rest[2] == '/')
}

// findLocation is the find-config phase.
func (r *Request) findLocation() (bool, Result) {
	l, how, err := r.Server.Loc.inside.find(r, r.URI)
	switch {
	case err != nil:
		r.Errorf(LevelAlert, "%v on \"%s\"", err, r.URI)
		return false, 500
	case how == foundSlash:
		return false, r.redirectSlash(l)
	case l == nil:
		l = r.Server.Loc
	}
	if x := l.Core.except; x != nil && !x.methods[r.Method] {
		l = x.loc
	}
	r.Loc = l
	if r.LogEnabled(LevelDebug) {
		r.Errorf(LevelDebug, "using configuration \"%s\"", l.Name)
	}
	if r.KeepAlive && len(l.Core.KeepaliveDisable) > 0 && r.IsMain() {
		r.closeForBrowser(l.Core.KeepaliveDisable)
	}
	if l.Core.Internal && !r.Internal {
		return false, 404
	}
	if max := l.Core.MaxBodySize; max > 0 && r.IsMain() && r.ContentLength > max && !r.Body.Read && !r.Body.Discarded {
		r.Errorf(LevelError, "client intended to send too large body: %d bytes", r.ContentLength)
		r.Body.Discarded = true // also for the error page's location
		return false, 413
	}
	return true, Next
}

// redirectSlash sends a request for /dir to /dir/, as nginx does for locations
// that pass requests on.
func (r *Request) redirectSlash(l *Loc) Result {
	r.Loc = l
	to := string(http1.AppendEscaped(nil, r.URI, http1.EscapeURI)) + "/"
	if len(r.Args) > 0 {
		to += "?" + string(r.Args)
	}
	r.Out.Set("Location", to)
	return 301
}

// locationKind reads the arguments of a location statement.
func locationKind(s *conf.Stmt) (kind LocKind, caseless bool, name string, err error) {
	mod, name := "", s.Args[0]
	if len(s.Args) == 2 {
		mod, name = s.Args[0], s.Args[1]
	} else {
		for _, m := range []string{"^~", "~*", "~", "="} {
			if rest, ok := strings.CutPrefix(name, m); ok {
				mod, name = m, strings.TrimLeft(rest, " ")
				break
			}
		}
	}
	switch mod {
	case "=":
		return LocExact, false, name, nil
	case "^~":
		return LocPrefixFirst, false, name, nil
	case "~":
		return LocRegex, false, name, nil
	case "~*":
		return LocRegex, true, name, nil
	case "":
		if strings.HasPrefix(name, "@") {
			return LocNamed, false, name, nil
		}
		return LocPrefix, false, name, nil
	}
	return 0, false, "", s.Errorf("invalid location modifier \"%s\"", mod)
}

// compileLocation builds the location of statement s inside of block b.
func compileLocation(b *Block, s *conf.Stmt) error {
	kind, caseless, name, err := locationKind(s)
	if err != nil {
		return err
	}
	l := &Loc{Name: name, Kind: kind, Stmt: s}
	outer := b.Loc
	if b.Context == conf.Location {
		switch {
		case outer.Kind == LocExact:
			return s.Errorf("location \"%s\" cannot be inside the exact location \"%s\"", name, outer.Name)
		case outer.Kind == LocNamed:
			return s.Errorf("location \"%s\" cannot be inside the named location \"%s\"", name, outer.Name)
		case kind == LocNamed:
			return s.Errorf("named location \"%s\" can be on the server level only", name)
		case kind != LocRegex && outer.Kind != LocRegex && !strings.HasPrefix(name, outer.Name):
			return s.Errorf("location \"%s\" is outside location \"%s\"", name, outer.Name)
		}
	}
	if kind == LocRegex {
		if l.regex, err = b.Regex(s, name, caseless); err != nil {
			return err
		}
	}
	if kind == LocNamed {
		if b.Server.named[name] != nil {
			return s.Errorf("duplicate location \"%s\"", name)
		}
		b.Server.named[name] = l
	} else if outer.inside.add(l) {
		return s.Errorf("duplicate location \"%s\"", name)
	}
	return b.buildLoc(conf.Location, s, l)
}

// buildLoc compiles the statements of s into l, a location inside of b.
func (b *Block) buildLoc(ctx conf.Context, s *conf.Stmt, l *Loc) error {
	c := b.Child(ctx, s)
	c.Loc, l.confs = l, c.confs
	l.Core = ConfOf[Core](l)
	if err := c.Compile(s.Block); err != nil {
		return err
	}
	c.compose(l)
	return nil
}

// SubLocation compiles the block of statement s as a nameless location that
// inherits everything from the location it stands in, its content handler
// too: "if" and "limit_except". It is ready after the enclosing block is.
func (b *Block) SubLocation(ctx conf.Context, s *conf.Stmt) *Loc {
	l := &Loc{Name: b.Loc.Name, Kind: b.Loc.Kind, Stmt: s, NoName: true}
	b.Defer(func() error {
		l.contentModule, l.regex = b.Loc.contentModule, b.Loc.regex
		inherited := b.Loc.contentBy
		if err := b.buildLoc(ctx, s, l); err != nil {
			return err
		}
		if l.contentBy == nil && inherited != nil {
			l.contentBy, l.contentModule = inherited, b.Loc.contentModule
			l.content = b.Config.Modules[l.contentModule].content(l.confs[l.contentModule])
		}
		l.inside = b.Loc.inside
		return nil
	})
	return l
}

// compose makes the chains of l from what the modules want in it.
func (b *Block) compose(l *Loc) {
	l.header = func(r *Request) error {
		if s := r.Out.Status; s == 204 || s == 304 || s < 200 {
			r.Out.NoBody = true
		}
		return r.stream.SendHead(r)
	}
	l.body = func(r *Request, c Chunk) error { return r.stream.Send(r, c) }
	for i, m := range b.Config.Modules {
		m.handlers(l.confs[i], func(p Phase, h Handler, first bool) {
			switch {
			case first && p == Rewrite:
				l.beforeOps = append(l.beforeOps, h)
			case first:
				l.steps[p] = append([]Handler{h}, l.steps[p]...)
			default:
				l.steps[p] = append(l.steps[p], h)
			}
		})
		if m.Name == "postpone" {
			l.lowerBody = l.body
		}
		f := m.filter(l.confs[i])
		if f.Header != nil {
			l.header = f.Header(l.header)
		}
		if f.Body != nil {
			l.body = f.Body(l.body)
		}
	}
	if l.contentBy != nil {
		l.content = b.Config.Modules[l.contentModule].content(l.confs[l.contentModule])
	}
}

// AutoRedirect: a request for this location's name without its last slash is
// redirected to the name (proxy_pass and its like).
func (b *Block) AutoRedirect() {
	l := b.Loc
	if strings.HasSuffix(l.Name, "/") && !l.NoName && (l.Kind == LocPrefix || l.Kind == LocPrefixFirst || l.Kind == LocExact) {
		l.autoRedirect, b.Parent.Loc.inside.redirects = true, true
	}
}
