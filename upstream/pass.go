package upstream

import (
	"strconv"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// pass is a proxy_pass directive or its like for another protocol.
type pass struct {
	stmt    *conf.Stmt
	parse   parser
	dynamic bool
	url     *phases.Template // when dynamic
	target  target           // otherwise
	text    string           // the URL as it stands
	cut     int              // bytes of the URI that the target's replaces
	loc     string           // the location's name
}

// parser takes a URL apart; port is 0 when it names none, and fault says in
// nginx's words what is wrong.
type parser func(url string) (t target, port uint16, fault string)

// inUpstream completes a fault of splitURL.
func inUpstream(fault, url string) string {
	if fault != "" {
		fault += " in upstream \"" + url + "\""
	}
	return fault
}

// set makes the protocol the location's content handler and finds the peers
// that the URL names. parse takes such a URL apart.
func (p *pass) set(b *phases.Block, s *conf.Stmt, parse parser) error {
	if err := b.UseContent(s); err != nil {
		return err
	}
	b.AutoRedirect()
	url := s.Args[0]
	*p = pass{stmt: s, parse: parse, text: url, loc: b.Loc.Name, cut: len(b.Loc.Name)}
	if phases.HasVariables(url) {
		t, err := b.Template(s, url)
		p.dynamic, p.url = true, t
		return err
	}
	t, port, fault := parse(url)
	if fault != "" {
		return s.Errorf("%s", fault)
	}
	u, err := implied(b, s, &t, port)
	if err != nil {
		return err
	}
	t.upstream = u
	p.target = t
	return nil
}

// deflt is the port of a URL that names none; 0: there is no such.
func (t *target) deflt() uint16 {
	switch t.scheme {
	case "https":
		return 443
	case "http":
		return 80
	case "memcached":
		return 11211
	}
	return 0
}

// implied returns the upstream that a URL names, made of the host's addresses
// if there is no such block.
func implied(b *phases.Block, s *conf.Stmt, t *target, port uint16) (*Upstream, error) {
	us := inConfig.Of(b.Config)
	if port == 0 {
		if u := us.find(t.name, 0); u != nil {
			return u, nil
		}
	}
	if port = orPort(port, t.deflt()); port == 0 && !isUnix(t.name) {
		return nil, s.Errorf("no port in upstream \"%s\"", t.name)
	}
	if u := us.find(t.name, port); u != nil {
		return u, nil
	}
	addrs, err := lookup(t.name, port)
	if err != nil {
		return nil, s.Errorf("host not found in upstream \"%s\"", t.name)
	}
	u := us.imply(t.name, port, addrs)
	us.list = append(us.list, u)
	return u, nil
}

// aim finds the target of the request.
func (x *Exchange) aim(p *pass, tls *secure) phases.Result {
	r := x.r
	x.secure = tls
	if !p.dynamic {
		x.target = p.target
		if x.target.tls() {
			x.target.secure = tls
		}
		return phases.Next
	}
	url := p.url.String(r)
	t, port, fault := p.parse(url)
	if fault == badPrefix {
		fault += " in \"" + url + "\""
	}
	if fault != "" {
		r.Errorf(phases.LevelError, "%s", fault)
		return 500
	}
	if t.tls() {
		t.secure = tls
	}
	u, err := x.resolve(&t, port)
	if err != nil {
		r.Errorf(phases.LevelError, "%v", err)
		return 502
	}
	t.upstream = u
	x.target = t
	return phases.Next
}

func (t *target) tls() bool { return t.scheme == "https" || t.scheme == "suwsgi" }

// body reads the client's body, or has it streamed if the configuration says
// so, may says that the protocol can here, and unsized that it needs no length.
func (x *Exchange) body(may, unsized bool) phases.Result {
	r := x.r
	x.stream = may && !x.set.RequestBuffering && x.set.PassBody && r.IsMain() && !r.Body.Read && !r.Body.Discarded && r.HasBody() &&
		(r.ContentLength >= 0 || unsized) && r.Loc.Core.BodyFile == phases.BodyFileOff
	if !x.stream {
		if err := r.ReadBody(); err != nil {
			return r.Result(err)
		}
		return phases.Next
	}
	r.Body.Streaming = true
	if err := r.Stream().Continue(); err != nil {
		return r.Result(err)
	}
	return phases.Next
}

func portText(port uint16) string { return strconv.Itoa(int(port)) }
