package upstream

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// cgiConf is what a location says of a protocol that passes CGI variables
// (RFC 3875): FastCGI, SCGI, uwsgi.
type cgiConf struct {
	Settings
	pass      pass
	params    conf.List[cgiParam]
	named     nameSet // the client's fields that a parameter stands for: "http_x"
	workers   *workers
	index     *phases.Template // fastcgi_index
	split     *phases.Regex    // fastcgi_split_path_info
	keep      bool             // fastcgi_keep_conn
	catch     conf.List[string]
	modifier1 int
	modifier2 int
	tls       tlsConf
	secure    *secure
}

// cgiParam is one fastcgi_param directive or its like.
type cgiParam struct {
	name     string
	value    *phases.Template
	notEmpty bool // if_not_empty
}

// cgiRows are the directives that these protocols share.
func cgiRows[T any](prefix string, f func(*T) *cgiConf, parse parser) []phases.Directive[T] {
	return append(settingRows(prefix, func(t *T) *Settings { return &f(t).Settings }),
		phases.Set(prefix+"pass", conf.Location|conf.LocationIf, conf.Exactly(1), func(own *T, b *phases.Block, s *conf.Stmt) error {
			return f(own).pass.set(b, s, parse)
		}),
		phases.Add(prefix+"param", anywhere, conf.Between(2, 3), func(own *T, b *phases.Block, s *conf.Stmt) error {
			if len(s.Args) == 3 && s.Args[2] != "if_not_empty" {
				return s.Errorf("invalid parameter \"%s\"", s.Args[2])
			}
			t, err := b.Template(s, s.Args[1])
			f(own).params.Add(s, cgiParam{s.Args[0], t, len(s.Args) == 3})
			return err
		}))
}

// hiddenCGIFields are those of an answer that clients do not see.
var hiddenCGIFields = []string{"Status", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset"}

func (own *cgiConf) finish(b *phases.Block, prefix string) (err error) {
	own.workers = &inConfig.Of(b.Config).workers
	own.hide(hiddenCGIFields)
	if err = own.Cache.finish(b, &own.store); err != nil {
		return err
	}
	if err = own.check(b, prefix); err != nil {
		return err
	}
	if own.Cache.name != nil && own.Cache.key == nil && own.pass.stmt != nil {
		return own.Cache.stmt.Errorf("no \"%s_key\" for \"%s\"", own.Cache.stmt.Name, own.Cache.stmt.Name)
	}
	own.named = nameSet{}
	for _, p := range own.params.Items {
		own.named.add(p.name)
	}
	own.secure, err = own.tls.ready(b, &own.pass)
	return err
}

// parseSocket reads the URL of these protocols: an address and nothing else.
func parseSocket(scheme string) parser {
	return func(url string) (t target, port uint16, fault string) {
		t.scheme, t.host = scheme, url
		rest := url
		if scheme == "suwsgi" || scheme == "uwsgi" {
			if after, is := strings.CutPrefix(url, "suwsgi://"); is {
				t.scheme, rest = "suwsgi", after
			} else {
				rest = strings.TrimPrefix(url, "uwsgi://")
			}
		}
		t.name, port, fault = splitURL(rest)
		return t, port, inUpstream(fault, rest)
	}
}

// carry takes a request to a CGI peer with protocol p.
func (own *cgiConf) carry(r *phases.Request, p protocol) phases.Result {
	x := begin(r, own.workers, &own.Settings)
	x.proto = p
	if res := x.aim(&own.pass, own.secure); res != phases.Next {
		return res
	}
	x.uri = append(x.uri[:0], r.URI...)
	if res := x.body(true, false); res != phases.Next {
		return res
	}
	return x.run()
}

// each calls f for every variable: those of the configuration, then the
// client's fields as HTTP_NAME, one name once.
func (own *cgiConf) each(x *Exchange, f func(name, value []byte)) {
	r := x.r
	for i := range own.params.Items {
		p := &own.params.Items[i]
		b := p.value.Append(r, x.text[:0])
		x.text = b[:0]
		if p.notEmpty && len(b) == 0 {
			continue
		}
		f([]byte(p.name), b)
	}
	if !own.PassHeaders {
		return
	}
	var name, value []byte
next:
	for i := range r.Fields {
		name = cgiName(name[:0], r.Fields[i].Name)
		if hasName(&own.named, name) || x.cacheable() && hasName(&conditional, r.Fields[i].Name) {
			continue
		}
		for j := range i {
			if cgiSame(r.Fields[j].Name, r.Fields[i].Name) {
				continue next // joined with the first
			}
		}
		value = append(value[:0], r.Fields[i].Value...)
		sep := ", "
		if len(r.Fields[i].Name) == 6 && sameName(r.Fields[i].Name, "cookie") {
			sep = "; "
		}
		for _, more := range r.Fields[i+1:] {
			if cgiSame(more.Name, r.Fields[i].Name) {
				value = append(append(value, sep...), more.Value...)
			}
		}
		f(name, value)
	}
}

func cgiName(dst, name []byte) []byte {
	dst = append(dst, "HTTP_"...)
	for _, c := range name {
		dst = append(dst, cgiByte(c))
	}
	return dst
}

func cgiByte(c byte) byte {
	switch {
	case c >= 'a' && c <= 'z':
		return c - 'a' + 'A'
	case c == '-':
		return '_'
	}
	return c
}

func cgiSame(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if cgiByte(a[i]) != cgiByte(b[i]) {
			return false
		}
	}
	return true
}

// bodySize is how long the body is that is sent.
func (x *Exchange) bodySize() int64 {
	switch {
	case !x.set.PassBody:
		return 0
	case x.stream:
		return x.r.ContentLength
	}
	return x.r.Body.Size
}

// rawCGI reads answers that are the peer's output until it closes: SCGI's and
// uwsgi's.
type rawCGI struct {
	own    *cgiConf
	left   int64 // -1: until the connection ends
	nobody bool
	extra  bool
}

func (c *rawCGI) reset(*Exchange)             { c.left, c.nobody, c.extra = -1, false, false }
func (c *rawCGI) framed(*Exchange) bool       { return false }
func (c *rawCGI) open(b []byte, _ int) []byte { return b }
func (c *rawCGI) shut(b []byte, _ int) []byte { return b }
func (c *rawCGI) end(b []byte) []byte         { return b }
func (c *rawCGI) reusable(*Exchange) bool     { return false }
func (c *rawCGI) closed(*Exchange) bool       { return c.left < 0 }

func (c *rawCGI) readHead(x *Exchange, b []byte) (n int, err error) {
	const status = "HTTP/"
	if m := min(len(b), len(status)); string(b[:m]) != status[:m] {
		n, err = http1.ParseCGI(b, &x.head, &x.limits)
	} else if m < len(status) {
		return 0, http1.ErrShort
	} else {
		n, err = http1.ParseResponse(b, &x.head, &x.limits)
	}
	if err == nil {
		c.left = x.head.ContentLength
		c.nobody = x.r.IsHead() || x.head.Status == 204 || x.head.Status == 304
	}
	return n, err
}

func (c *rawCGI) readBody(x *Exchange, b []byte) (data []byte, n int, done bool, err error) {
	if c.nobody {
		return nil, 0, true, nil
	}
	if c.left < 0 {
		return b, len(b), false, nil
	}
	n = int(min(int64(len(b)), c.left))
	c.left -= int64(n)
	return b[:n], n, c.left == 0, nil
}
