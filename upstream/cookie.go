package upstream

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// cookies is proxy_cookie_domain, _path and _flags: how Set-Cookie fields are
// changed.
type cookies struct {
	domains, paths conf.List[cookieRule]
	flags          conf.List[cookieFlags]
}

type cookieRule struct {
	off   bool
	regex *phases.Regex
	from  *phases.Template
	to    *phases.Template
}

type cookieFlags struct {
	off   bool
	regex *phases.Regex
	name  *phases.Template
	flags []*phases.Template
}

var cookieRows = []phases.Directive[proxyConf]{
	phases.Add("proxy_cookie_domain", anywhere, conf.Between(1, 2), func(own *proxyConf, b *phases.Block, s *conf.Stmt) error {
		return addCookieRule(&own.cookies.domains, b, s)
	}),
	phases.Add("proxy_cookie_path", anywhere, conf.Between(1, 2), func(own *proxyConf, b *phases.Block, s *conf.Stmt) error {
		return addCookieRule(&own.cookies.paths, b, s)
	}),
	phases.Add("proxy_cookie_flags", anywhere, conf.Between(1, 5), addCookieFlags),
}

func addCookieRule(list *conf.List[cookieRule], b *phases.Block, s *conf.Stmt) (err error) {
	if len(s.Args) == 1 {
		if s.Args[0] != "off" {
			return s.Errorf("invalid parameter \"%s\"", s.Args[0])
		}
		list.Add(s, cookieRule{off: true})
		return nil
	}
	var c cookieRule
	from := s.Args[0]
	if pattern, is := strings.CutPrefix(from, "~"); is {
		pattern = strings.TrimPrefix(pattern, "*")
		caseless := strings.HasPrefix(from, "~*") || s.Name == "proxy_cookie_domain"
		c.regex, err = b.Regex(s, pattern, caseless)
	} else {
		if s.Name == "proxy_cookie_domain" {
			from = strings.TrimPrefix(from, ".")
		}
		c.from, err = b.Template(s, from)
	}
	if err != nil {
		return err
	}
	to := s.Args[1]
	if s.Name == "proxy_cookie_domain" {
		to = strings.TrimPrefix(to, ".")
	}
	c.to, err = b.Template(s, to)
	list.Add(s, c)
	return err
}

func addCookieFlags(own *proxyConf, b *phases.Block, s *conf.Stmt) (err error) {
	var c cookieFlags
	if len(s.Args) == 1 {
		if s.Args[0] != "off" {
			return s.Errorf("invalid parameter \"%s\"", s.Args[0])
		}
		c.off = true
		own.cookies.flags.Add(s, c)
		return nil
	}
	name := s.Args[0]
	if pattern, is := strings.CutPrefix(name, "~"); is {
		c.regex, err = b.Regex(s, strings.TrimPrefix(pattern, "*"), true)
	} else {
		c.name, err = b.Template(s, name)
	}
	if err != nil {
		return err
	}
	for _, a := range s.Args[1:] {
		if !phases.HasVariables(a) && cookieFlag(a) == 0 {
			return s.Errorf("invalid parameter \"%s\"", a)
		}
		t, err := b.Template(s, a)
		if err != nil {
			return err
		}
		c.flags = append(c.flags, t)
	}
	own.cookies.flags.Add(s, c)
	return nil
}

// The bits of a cookie's flags.
const (
	cookieSecure = 1 << iota
	cookieNoSecure
	cookieHTTPOnly
	cookieNoHTTPOnly
	cookieStrict
	cookieLax
	cookieNone
	cookieNoSameSite
)

func cookieFlag(name string) int {
	return map[string]int{"secure": cookieSecure, "nosecure": cookieNoSecure, "httponly": cookieHTTPOnly, "nohttponly": cookieNoHTTPOnly,
		"samesite=strict": cookieStrict, "samesite=lax": cookieLax, "samesite=none": cookieNone, "nosamesite": cookieNoSameSite}[strings.ToLower(name)]
}

// cookie changes the value of a Set-Cookie field.
func (x *Exchange) cookie(v string) string {
	if x.rewrite == nil {
		return v
	}
	c := &x.rewrite.cookies
	if len(c.domains.Items)+len(c.paths.Items)+len(c.flags.Items) == 0 {
		return v
	}
	r := x.r
	parts := strings.Split(v, ";")
	name, _, _ := strings.Cut(parts[0], "=")
	flags := c.flagsOf(r, strings.TrimSpace(name))
	out := parts[:1]
	for _, p := range parts[1:] {
		attr := strings.TrimLeft(p, " ")
		lead := p[:len(p)-len(attr)]
		key, val, has := strings.Cut(attr, "=")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "domain":
			if has {
				if w, ok := rewriteCookie(r, c.domains.Items, val, true); ok {
					attr = key + "=" + w
				}
			}
		case "path":
			if w, ok := rewriteCookie(r, c.paths.Items, val, false); ok && has {
				attr = key + "=" + w
			}
		case "secure":
			if flags&(cookieNoSecure|cookieSecure) != 0 {
				continue
			}
		case "httponly":
			if flags&(cookieNoHTTPOnly|cookieHTTPOnly) != 0 {
				continue
			}
		case "samesite":
			if flags&(cookieNoSameSite|cookieStrict|cookieLax|cookieNone) != 0 {
				continue
			}
		}
		out = append(out, lead+attr)
	}
	v = strings.Join(out, ";")
	for _, f := range []struct {
		bit  int
		text string
	}{{cookieSecure, "Secure"}, {cookieHTTPOnly, "HttpOnly"}, {cookieStrict, "SameSite=Strict"}, {cookieLax, "SameSite=Lax"}, {cookieNone, "SameSite=None"}} {
		if flags&f.bit != 0 {
			v += "; " + f.text
		}
	}
	return v
}

func rewriteCookie(r *phases.Request, rules []cookieRule, v string, domain bool) (string, bool) {
	for i := range rules {
		c := &rules[i]
		switch {
		case c.off:
			return v, false
		case c.regex != nil:
			if ok, _ := c.regex.Match(r, []byte(v)); ok {
				return c.to.String(r), true
			}
		case domain: // a dot in front of either does not count, and stays
			if name, dot := strings.CutPrefix(v, "."); strings.EqualFold(c.from.String(r), name) {
				if to := c.to.String(r); to == "" || !dot {
					return to, true
				} else {
					return "." + to, true
				}
			}
		default:
			if from := c.from.String(r); strings.HasPrefix(v, from) {
				return c.to.String(r) + v[len(from):], true
			}
		}
	}
	return v, false
}

// flagsOf are the flags of the first rule that names the cookie.
func (c *cookies) flagsOf(r *phases.Request, name string) (flags int) {
	for i := range c.flags.Items {
		rule := &c.flags.Items[i]
		if rule.off {
			return 0
		}
		if rule.regex != nil {
			if ok, _ := rule.regex.Match(r, []byte(name)); !ok {
				continue
			}
		} else if !strings.EqualFold(rule.name.String(r), name) {
			continue
		}
		for _, t := range rule.flags {
			flags |= cookieFlag(t.String(r))
		}
		return flags
	}
	return 0
}
