package handler

import (
	"bytes"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// rewriting is one rewrite directive.
type rewriting struct {
	own     *RewriteConf
	pattern string
	regex   *phases.Regex
	pieces  []piece
	status  int  // of the redirect; 0: the URI is changed
	last    bool // no more operations
	stay    bool // the location is kept ("break")
	addArgs bool // the request's arguments follow the new ones
	hasArgs bool // the replacement has arguments
}

// piece is a part of a replacement: a text, a group of the match, or neither,
// where the arguments begin.
type piece struct {
	text    *phases.Template
	capture int
}

func addRewrite(own *RewriteConf, b *phases.Block, s *conf.Stmt) error {
	w := &rewriting{own: own, pattern: s.Args[0], addArgs: true}
	var err error
	if w.regex, err = b.Regex(s, s.Args[0], false); err != nil {
		return err
	}
	to := s.Args[1]
	if to == "" {
		return s.Errorf("empty replacement")
	}
	if to[len(to)-1] == '?' { // the request's arguments are dropped
		to, w.addArgs = to[:len(to)-1], false
	}
	if absolute(to) {
		w.status, w.last = 302, true
	}
	if len(s.Args) == 3 {
		w.last = true
		switch s.Args[2] {
		case "last":
		case "break":
			w.stay = true
		case "redirect":
			w.status = 302
		case "permanent":
			w.status = 301
		default:
			return s.Errorf("invalid parameter \"%s\"", s.Args[2])
		}
	}
	if err := w.compile(b, s, to); err != nil {
		return err
	}
	b.AddOp(w.run)
	return nil
}

// compile cuts the replacement into pieces, because captures are escaped in
// some places and a "?" parts the URI from its arguments.
func (w *rewriting) compile(b *phases.Block, s *conf.Stmt, to string) error {
	from := 0
	text := func(end int) error {
		if from == end {
			return nil
		}
		t, err := b.Template(s, to[from:end])
		w.pieces = append(w.pieces, piece{text: t})
		return err
	}
	for i := 0; i < len(to); i++ {
		width := 0
		next := piece{}
		switch {
		case to[i] == '$' && i+1 < len(to) && to[i+1] >= '1' && to[i+1] <= '9':
			width, next.capture = 2, int(to[i+1]-'0')
		case to[i] == '?':
			w.hasArgs = true
			if w.status == 0 {
				width = 1
			}
		}
		if width == 0 {
			continue
		}
		if err := text(i); err != nil {
			return err
		}
		w.pieces = append(w.pieces, next)
		from = i + width
		i = from - 1
	}
	return text(len(to))
}

func (w *rewriting) run(r *phases.Request) phases.Result {
	ok, err := w.own.match(r, w.regex, w.pattern, r.URI)
	if err != nil {
		return 500
	}
	if !ok {
		return phases.Declined
	}
	uri, args, split := w.replacement(r)
	if w.status != 0 {
		r.Internal, r.Rewritten = true, true
		return w.redirect(r, uri)
	}
	switch {
	case split && w.addArgs && len(r.Args) > 0:
		args = append(append(args, '&'), r.Args...)
	case !split && w.addArgs:
		args = r.Args
	}
	if w.own.logs(r) {
		r.Errorf(phases.LevelNotice, "rewritten data: \"%s\", args: \"%s\"", uri, args)
	}
	if len(uri) == 0 {
		r.Errorf(phases.LevelError, "the rewritten URI has a zero length")
		return 500
	}
	if args == nil {
		args = []byte{}
	}
	r.ChangeURI(uri, args, !w.stay)
	if w.last {
		r.EndOps()
	}
	return phases.Declined
}

// replacement evaluates the pieces. split tells whether it has arguments of
// its own, which are only told apart for a URI.
func (w *rewriting) replacement(r *phases.Request) (uri, args []byte, split bool) {
	escape := escapedPath(r.Main.Target)
	buf := make([]byte, 0, 128)
	at := 0
	for _, p := range w.pieces {
		switch {
		case p.text != nil:
			buf = p.text.Append(r, buf)
		case p.capture == 0:
			split, at = true, len(buf)
		case escape && (split || w.status != 0):
			group, _ := r.Capture(p.capture, nil)
			buf = http1.AppendEscaped(buf, group, http1.EscapeArgs)
		default:
			buf, _ = r.Capture(p.capture, buf)
		}
	}
	if split {
		return buf[:at:at], buf[at:], true
	}
	return buf, nil, false
}

// escapedPath tells whether the path that the client sent has bytes that mean
// something else when they are taken as they stand in $uri.
func escapedPath(target []byte) bool {
	path, _, _ := bytes.Cut(target, []byte("?"))
	return bytes.ContainsAny(path, "%+")
}

func (w *rewriting) redirect(r *phases.Request, to []byte) phases.Result {
	to = unescapeRedirect(to)
	if w.addArgs && len(r.Args) > 0 {
		sep := byte('?')
		if w.hasArgs {
			sep = '&'
		}
		to = append(append(to, sep), r.Args...)
	}
	if w.own.logs(r) {
		r.Errorf(phases.LevelNotice, "rewritten redirect: \"%s\"", to)
	}
	r.Out.Set("Location", string(to))
	return phases.Result(w.status)
}

// unescapeRedirect decodes the escapes before the arguments that need not be
// ones; those of control bytes, blanks, '%' and bytes above ASCII stay.
func unescapeRedirect(s []byte) []byte {
	out := s[:0:0]
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '?' {
			return append(out, s[i:]...)
		}
		if c != '%' {
			out = append(out, c)
			continue
		}
		if i+1 >= len(s) {
			break
		}
		high, ok := hexDigit(s[i+1])
		if !ok { // not an escape: the '%' goes, as in nginx
			i++
			out = append(out, s[i])
			continue
		}
		if i+2 >= len(s) {
			break
		}
		low, ok := hexDigit(s[i+2])
		i += 2
		if !ok {
			continue
		}
		switch c = high<<4 | low; {
		case c == '?':
			return append(append(out, c), s[i+1:]...)
		case c > '%' && c < 0x7f:
			out = append(out, c)
		default:
			out = append(out, s[i-2:i+1]...)
		}
	}
	return out
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
