package upstream

import (
	"slices"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// proxyConf is what a location says of proxy_pass.
type proxyConf struct {
	Settings
	pass      pass
	Version   int // the minor version of HTTP that is spoken (1)
	method    *phases.Template
	body      *phases.Template // proxy_set_body
	set       conf.List[setField]
	redirects redirects
	cookies   cookies
	tls       tlsConf

	workers *workers
	fields  []sentField // that are sent, with the defaults
	named   nameSet     // the client's fields of these names are not passed on
	secure  *secure
}

// setField is one proxy_set_header directive.
type setField struct {
	name  string
	value *phases.Template
}

// sentField is a field of requests, made ready.
type sentField struct {
	line    string // the whole, when it is constant
	name    string
	value   *phases.Template
	upgrade bool
	// The defaults: Host is $proxy_host; Connection says close if the
	// connection will not be kept.
	host, connection bool
}

// Proxy is proxy_pass and its directives.
var Proxy = phases.Define(phases.Spec[proxyConf]{
	Name: "proxy",
	Default: func() proxyConf {
		return proxyConf{Settings: defaultSettings("proxy"), Version: 1, tls: defaultTLS()}
	},
	Directives: slices.Concat(settingRows("proxy_", func(c *proxyConf) *Settings { return &c.Settings }), []phases.Directive[proxyConf]{
		phases.Set("proxy_pass", conf.Location|conf.LocationIf|conf.LimitExcept, conf.Exactly(1), setPass),
		phases.Set("proxy_http_version", anywhere, conf.Exactly(1), setVersion),
		phases.SetFlag("proxy_protocol", anywhere, func(c *proxyConf) *bool { return &c.Greet }),
		phases.SetTemplate("proxy_method", anywhere, func(c *proxyConf) **phases.Template { return &c.method }),
		phases.SetTemplate("proxy_set_body", anywhere, func(c *proxyConf) **phases.Template { return &c.body }),
		phases.Add("proxy_set_header", anywhere, conf.Exactly(2), addField),
		phases.SetFlag("proxy_pass_trailers", anywhere, func(c *proxyConf) *bool { return &c.PassTrailers }),
		phases.SetFlag("proxy_cache_convert_head", anywhere, func(c *proxyConf) *bool { return &c.Cache.convert }),
	}, redirectRows, cookieRows, tlsRows("proxy_", func(c *proxyConf) *tlsConf { return &c.tls }),
		phases.Ignore[proxyConf](anywhere, conf.AtLeast(1), roomy, "proxy_send_lowat", "proxy_headers_hash_max_size", "proxy_headers_hash_bucket_size")),
	Finish:  finishProxy,
	Content: proxyPass,
	Variables: []phases.Variable{
		{Name: "proxy_host", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			x := held.Get(r)
			if x == nil {
				return dst, false
			}
			return append(dst, x.target.host...), true
		}},
		{Name: "proxy_port", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			x := held.Get(r)
			if x == nil {
				return dst, false
			}
			return append(dst, x.target.port...), true
		}},
		{Name: "proxy_add_x_forwarded_for", Get: forwardedFor},
	},
})

const anywhere = conf.HTTP | conf.Server | conf.Location

func setVersion(own *proxyConf, b *phases.Block, s *conf.Stmt) error {
	switch s.Args[0] {
	case "1.0":
		own.Version = 0
	case "1.1":
		own.Version = 1
	default:
		return s.Errorf("invalid value \"%s\"", s.Args[0])
	}
	return nil
}

func addField(own *proxyConf, b *phases.Block, s *conf.Stmt) error {
	t, err := b.Template(s, s.Args[1])
	if err != nil {
		return err
	}
	own.set.Add(s, setField{s.Args[0], t})
	return nil
}

// setPass is proxy_pass.
func setPass(own *proxyConf, b *phases.Block, s *conf.Stmt) error {
	if err := own.pass.set(b, s, parseTarget); err != nil {
		return err
	}
	if t := &own.pass.target; t.uri != "" && (b.Loc.Kind == phases.LocRegex || b.Loc.Kind == phases.LocNamed || b.Context != conf.Location) {
		return s.Errorf("\"proxy_pass\" cannot have URI part in location given by regular expression, or inside named location, " +
			"or inside \"if\" statement, or inside \"limit_except\" block")
	}
	return nil
}

const badPrefix = "invalid URL prefix"

// parseTarget is the parser of proxy_pass.
func parseTarget(url string) (t target, port uint16, fault string) {
	var rest string
	switch {
	case len(url) >= 7 && strings.EqualFold(url[:7], "http://"):
		t.scheme, t.port, rest = "http", "80", url[7:]
	case len(url) >= 8 && strings.EqualFold(url[:8], "https://"):
		t.scheme, t.port, rest = "https", "443", url[8:]
	default:
		return t, 0, badPrefix
	}
	if isUnix(rest) {
		t.host, t.name, t.port = "localhost", rest, ""
		if path, uri, has := strings.Cut(rest[5:], ":"); has {
			t.name, t.uri = "unix:"+path, uri
		}
		_, _, fault = splitURL(t.name)
		return t, 0, inUpstream(fault, t.name)
	}
	host := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, t.uri = rest[:i], rest[i:]
		if t.uri[0] == '?' {
			t.uri = "/" + t.uri
		}
	}
	t.host = host
	if t.name, port, fault = splitURL(host); fault != "" {
		return t, 0, inUpstream(fault, host)
	}
	if port != 0 {
		t.port = portText(port)
	}
	return t, port, ""
}

// finishProxy makes the fields ready that requests of the block are sent with.
func finishProxy(own *proxyConf, b *phases.Block) error {
	own.workers = &inConfig.Of(b.Config).workers
	own.hide(hiddenFields)
	if err := own.Cache.finish(b, &own.store); err != nil {
		return err
	}
	if err := own.check(b, "proxy_"); err != nil {
		return err
	}
	own.fields, own.named = nil, nameSet{}
	for _, f := range own.set.Items {
		own.send(f.name, f.value)
	}
	if !own.named.has("Host") {
		own.named.add("Host")
		own.fields = append(own.fields, sentField{name: "Host", host: true})
	}
	if !own.named.has("Connection") {
		own.named.add("Connection")
		own.fields = append(own.fields, sentField{connection: true})
	}
	for _, n := range []string{"Content-Length", "Transfer-Encoding", "TE", "Keep-Alive", "Expect", "Upgrade"} {
		own.named.add(n)
	}
	own.redirects.finish(own)
	var err error
	own.secure, err = own.tls.ready(b, &own.pass)
	return err
}

// send adds a configured field. What frames the body is the server's alone.
func (own *proxyConf) send(name string, value *phases.Template) {
	own.named.add(name)
	if strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding") {
		return
	}
	f := sentField{name: name, value: value, upgrade: strings.EqualFold(name, "Upgrade")}
	if text, is := value.Const(); is {
		if text == "" {
			return
		}
		if !strings.ContainsAny(text, "\r\n\x00") && !f.upgrade {
			f.line = name + ": " + text + "\r\n"
		}
	}
	own.fields = append(own.fields, f)
}

// proxyPass is the content handler.
func proxyPass(r *phases.Request, own *proxyConf) phases.Result {
	x := begin(r, own.workers, &own.Settings)
	x.proto = &x.http
	h := &x.http
	h.own, x.rewrite = own, own
	if res := x.aim(&own.pass, own.secure); res != phases.Next {
		return res
	}
	h.method = r.Method
	if own.method != nil {
		if m := own.method.String(r); m != "" {
			h.method = m
		}
	}
	x.uri = h.appendURI(x, x.uri[:0])
	if res := x.body(own.body == nil, own.Version == 1); res != phases.Next {
		return res
	}
	if own.body != nil {
		x.setBody = own.body.Append(r, []byte{})
	}
	return x.run()
}

func forwardedFor(r *phases.Request, dst []byte) ([]byte, bool) {
	for _, f := range r.Fields {
		if len(f.Name) == 15 && strings.EqualFold(string(f.Name), "X-Forwarded-For") {
			dst = append(append(dst, f.Value...), ", "...)
		}
	}
	return append(dst, r.Client.Name...), true
}
