package upstream

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// redirects is proxy_redirect: how Location and Refresh fields are changed.
type redirects struct {
	list conf.List[redirect]
	off  bool
	all  []redirect // with the default
}

type redirect struct {
	stmt  *conf.Stmt
	deflt bool
	regex *phases.Regex
	from  *phases.Template
	to    *phases.Template
}

var redirectRows = []phases.Directive[proxyConf]{
	phases.Add("proxy_redirect", anywhere, conf.Between(1, 2), addRedirect),
}

func addRedirect(own *proxyConf, b *phases.Block, s *conf.Stmt) (err error) {
	d := &own.redirects
	if len(d.list.Items) == 0 || d.list.Items[0].stmt.Parent != s.Parent {
		d.off = false
	}
	r := redirect{stmt: s}
	if len(s.Args) == 1 {
		switch s.Args[0] {
		case "off":
			d.list.Add(s, r)
			d.off = true
			return nil
		case "false":
			return s.Errorf("invalid parameter \"false\", use \"off\" instead")
		case "default":
			switch p := &own.pass; {
			case p.stmt == nil || p.stmt.Parent != s.Parent:
				return s.Errorf("\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive")
			case p.dynamic:
				return s.Errorf("\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables")
			}
			r.deflt = true
			d.list.Add(s, r)
			return nil
		}
		return s.Errorf("invalid parameter \"%s\"", s.Args[0])
	}
	from := s.Args[0]
	if pattern, is := strings.CutPrefix(from, "~"); is {
		pattern, caseless := strings.CutPrefix(pattern, "*")
		r.regex, err = b.Regex(s, pattern, caseless)
	} else {
		r.from, err = b.Template(s, from)
	}
	if err != nil {
		return err
	}
	r.to, err = b.Template(s, s.Args[1])
	d.list.Add(s, r)
	return err
}

// finish makes the list that answers are changed by.
func (d *redirects) finish(own *proxyConf) {
	d.all = nil
	if d.off {
		return
	}
	items := d.list.Items
	if len(items) == 0 {
		items = []redirect{{deflt: true}}
	}
	for _, r := range items {
		if !r.deflt {
			if r.to != nil {
				d.all = append(d.all, r)
			}
			continue
		}
		p := &own.pass
		if p.stmt == nil || p.dynamic {
			continue
		}
		from, to := p.text, p.loc
		if p.target.uri == "" {
			from, to = p.text+"/", "/"
		}
		d.all = append(d.all, redirect{from: phases.Literal(from), to: phases.Literal(to)})
	}
}

// rewrite changes a URL by the first rule that fits.
func (d *redirects) rewrite(r *phases.Request, v string) (string, bool) {
	for i := range d.all {
		x := &d.all[i]
		if x.regex != nil {
			ok, err := x.regex.Match(r, []byte(v))
			if err != nil {
				r.Errorf(phases.LevelAlert, "%v on \"%s\"", err, v)
			}
			if ok {
				return x.to.String(r), true
			}
			continue
		}
		if from := x.from.String(r); strings.HasPrefix(v, from) {
			return x.to.String(r) + v[len(from):], true
		}
	}
	return v, false
}

func (x *Exchange) location(v string) (string, bool) {
	if x.rewrite == nil {
		return v, false
	}
	return x.rewrite.redirects.rewrite(x.r, v)
}

// refresh changes the URL in a Refresh field.
func (x *Exchange) refresh(v string) string {
	i := strings.Index(strings.ToLower(v), "url=")
	if i < 0 {
		return v
	}
	url, changed := x.location(v[i+4:])
	if !changed {
		return v
	}
	return v[:i+4] + url
}
