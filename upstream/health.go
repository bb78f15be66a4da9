package upstream

import (
	"crypto/tls"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// HealthCheck is health_check in a location with proxy_pass and the match
// blocks that it names, as NGINX Plus has them: one worker asks each peer of
// the upstream now and then, and those that do not answer as they must are left
// out. The workers share what was found by the upstream's zone.
var HealthCheck = phases.Define(phases.Spec[struct{}]{
	Name: "health_check",
	Directives: []phases.Directive[struct{}]{
		phases.Add("match", conf.HTTP, conf.BlockN(1, 1), addMatch),
		phases.Add("health_check", conf.Location, conf.AtLeast(0), addHealthCheck),
	},
	Init: func(cfg *phases.Config, _ *struct{}) error {
		us := inConfig.Of(cfg)
		for _, h := range us.checks {
			if err := h.ready(us); err != nil {
				return err
			}
		}
		return nil
	},
})

// health is what the checks say of a peer.
type health struct {
	out           bool // it is not asked
	known         bool // it was checked
	busy          bool // a check is under way
	passes, fails int  // one after the other
}

// healthCheck is one health_check directive.
type healthCheck struct {
	stmt             *conf.Stmt
	loc              *phases.Loc
	matchName        string
	interval, jitter time.Duration // 5s, 0
	fails, passes    int           // 1, 1
	uri              string        // "/"
	port             uint16        // 0: the peer's
	mandatory        bool

	match *match
	u     *Upstream
	proxy *proxyConf
	log   *phases.Logger
	text  []byte // the request
	work  chore
}

func addHealthCheck(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	h := &healthCheck{stmt: s, loc: b.Loc, interval: 5 * time.Second, fails: 1, passes: 1, uri: "/"}
	for _, a := range s.Args {
		if err := h.set(b, s, a); err != nil {
			return err
		}
	}
	us := inConfig.Of(b.Config)
	us.checks = append(us.checks, h)
	return nil
}

func (h *healthCheck) set(b *phases.Block, s *conf.Stmt, arg string) error {
	key, value, _ := strings.Cut(arg, "=")
	ok := true
	switch key {
	case "interval":
		h.interval, ok = conf.Duration(value)
		ok = ok && h.interval > 0
	case "jitter":
		h.jitter, ok = conf.Duration(value)
	case "fails":
		h.fails, ok = conf.Number(value)
		ok = ok && h.fails > 0
	case "passes":
		h.passes, ok = conf.Number(value)
		ok = ok && h.passes > 0
	case "uri":
		h.uri, ok = value, len(value) > 0 && value[0] == '/' && !hasControl(value)
	case "match":
		h.matchName, ok = value, value != ""
	case "port":
		var n int
		n, ok = conf.Number(value)
		h.port, ok = uint16(n), ok && n > 0 && n < 1<<16
	case "mandatory":
		h.mandatory, ok = true, arg == key
	case "persistent": // what a zone knows is kept in any case
		ok = arg == key
	case "keepalive_time":
		_, ok = conf.Duration(value)
		b.Config.Warn(s, "\"keepalive_time\" has no effect: each check has a connection of its own")
	default:
		ok = false
	}
	if !ok {
		return s.Errorf("invalid parameter \"%s\"", arg)
	}
	return nil
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// ready finds what the directive is about, once all is compiled.
func (h *healthCheck) ready(us *upstreams) error {
	s := h.stmt
	h.proxy = phases.ConfOf[proxyConf](h.loc)
	if h.proxy == nil || h.proxy.pass.stmt == nil || h.proxy.pass.dynamic {
		return s.Errorf("\"health_check\" requires \"proxy_pass\" with the name of an upstream")
	}
	if h.u = h.proxy.pass.target.upstream; h.u.zone == nil {
		return s.Errorf("upstream \"%s\" of \"health_check\" must be in shared memory", h.u.Name)
	}
	if h.match = defaultMatch; h.matchName != "" {
		if h.match = us.match(h.matchName); h.match == nil {
			return s.Errorf("match \"%s\" not found", h.matchName)
		}
	}
	h.log = h.loc.Core.ErrorLog
	h.text = http1.AppendRequestLine(nil, "GET", h.uri, h.proxy.Version)
	for i := range h.proxy.fields {
		switch f := &h.proxy.fields[i]; {
		case f.host:
			h.text = http1.AppendField(h.text, "Host", h.proxy.pass.target.host)
		case f.line != "" && !hasPrefixFold(f.line, "connection:"):
			h.text = append(h.text, f.line...)
		}
	}
	h.text = append(h.text, "Connection: close\r\n\r\n"...)
	return nil
}

// hasPrefixFold compares with a prefix in lower case.
func hasPrefixFold(s, lower string) bool {
	return len(s) >= len(lower) && sameName(s[:len(lower)], lower)
}

// startChecks has the worker check the peers while cfg lasts. Peers that
// nobody checks any more are in again.
func startChecks(cfg *phases.Config, w *actor.Worker) {
	us := inConfig.Of(cfg)
	checked := map[*Upstream]bool{}
	for _, h := range us.checks {
		checked[h.u] = true
		h.u.mandatory = h.u.mandatory || h.mandatory
	}
	for _, u := range us.list {
		u.mu.Lock()
		if checked[u] {
			u.arrange()
		} else {
			u.each(func(p *Peer) { p.health = health{} })
		}
		u.mu.Unlock()
	}
	for _, h := range us.checks {
		h.work.start(w, h.interval, func() { h.round(w) })
	}
}

// each calls f with all peers. The lock is held.
func (u *Upstream) each(f func(p *Peer)) {
	for g := u.main; g != nil; g = g.backup {
		for _, p := range g.peers {
			f(p)
		}
	}
}

// round begins a check of each peer that is not being checked.
func (h *healthCheck) round(w *actor.Worker) {
	var peers []*Peer
	h.u.mu.Lock()
	h.u.each(func(p *Peer) {
		if !p.Down && !p.health.busy {
			p.health.busy = true
			peers = append(peers, p)
		}
	})
	h.u.mu.Unlock()
	for _, p := range peers {
		w.Go(func() {
			done, wrong := false, ""
			defer func() { h.report(p, done, wrong) }()
			if h.jitter > 0 {
				w.Current().Sleep(rand.N(h.jitter))
			}
			wrong = h.check(w, p)
			done = true
		})
	}
}

// report counts a check that was not broken off; wrong is "" for one that was
// passed.
func (h *healthCheck) report(p *Peer, done bool, wrong string) {
	u := h.u
	u.mu.Lock()
	s := &p.health
	s.busy = false
	was, known := s.out, s.known
	switch {
	case !done:
	case wrong == "":
		s.fails = 0
		if s.passes++; !s.out || s.passes >= h.passes {
			s.out, s.known = false, true
		}
		if was && !s.out && known {
			p.recovered()
		}
	default:
		s.passes = 0
		if s.fails++; s.fails >= h.fails {
			s.out, s.known = true, true
		}
	}
	out, now := s.out, s.known
	u.mu.Unlock()
	switch {
	case out && now && (!was || !known):
		h.log.Logf(phases.LevelWarn, 0, "peer is unhealthy while %s, health check \"%s\" of peer %s in upstream \"%s\"", wrong, h.matchName, p.Name, u.Name)
	case was && !out:
		h.log.Logf(phases.LevelNotice, 0, "peer is healthy, health check \"%s\" of peer %s in upstream \"%s\"", h.matchName, p.Name, u.Name)
	}
}

// check asks the peer and tells what was wrong, "" for nothing.
func (h *healthCheck) check(w *actor.Worker, p *Peer) (wrong string) {
	set, addr := &h.proxy.Settings, p.Addr
	if ap := addr.AddrPort; h.port != 0 && ap.IsValid() {
		addr = actor.IP(netip.AddrPortFrom(ap.Addr(), h.port))
	}
	fd, err := w.Dial(addr, actor.DialOptions{Timeout: set.ConnectTimeout})
	if err != nil {
		return "connecting to upstream (" + phases.Errno(err) + ")"
	}
	c := &peerConn{fd: fd}
	defer func() { c.close() }()
	if set.Greet {
		fd.SetWriteTimeout(set.SendTimeout)
		if _, err := c.Write([]byte(noGreeting)); err != nil {
			return "sending request (" + phases.Errno(err) + ")"
		}
	}
	if s := h.proxy.secure; s != nil {
		fd.SetReadTimeout(set.ConnectTimeout)
		fd.SetWriteTimeout(set.ConnectTimeout)
		c.tls = fd.ClientTLS(h.tls(s))
		if err := c.tls.Handshake(); err != nil {
			return "SSL handshaking to upstream (" + err.Error() + ")"
		}
	}
	fd.SetReadTimeout(set.ReadTimeout)
	fd.SetWriteTimeout(set.SendTimeout)
	if _, err := c.Write(h.text); err != nil {
		return "sending request (" + phases.Errno(err) + ")"
	}
	return h.answer(c)
}

// answer reads the peer's answer as far as is needed.
func (h *healthCheck) answer(c *peerConn) (wrong string) {
	var head http1.ResponseHead
	buf := make([]byte, max(h.proxy.BufferSize, 4<<10))
	limits := http1.Limits{MaxBytes: len(buf), MaxLine: len(buf)}
	wr, n := 0, 0
	for {
		var err error
		if n, err = http1.ParseResponse(buf[:wr], &head, &limits); err == nil && head.Status >= 200 {
			break
		} else if err == nil { // an interim answer
			wr = copy(buf, buf[n:wr])
			head.Reset()
			continue
		} else if err != http1.ErrShort || wr == len(buf) {
			return "reading response header (" + err.Error() + ")"
		}
		k, err := c.Read(buf[wr:])
		if wr += k; k == 0 && err != nil {
			return "reading response header (" + phases.Errno(err) + ")"
		}
	}
	if wrong = h.match.head(&head); wrong != "" || !h.match.wants() {
		return wrong
	}
	left := int64(matchBody)
	if head.ContentLength >= 0 && !head.Chunked {
		left = min(left, head.ContentLength)
	}
	var chunks http1.ChunkedDecoder
	var body []byte
	data := append([]byte(nil), buf[n:wr]...)
	for {
		for len(data) > 0 && int64(len(body)) < left && !chunks.Done() {
			run, used := data, len(data)
			if head.Chunked {
				var err error
				if run, used, err = chunks.Next(data); err != nil {
					return "reading response (invalid chunk)"
				}
			}
			body, data = append(body, run...), data[used:]
		}
		if int64(len(body)) >= left || chunks.Done() {
			return h.match.checkBody(body[:min(int64(len(body)), left)])
		}
		k, err := c.Read(buf)
		if data = buf[:k]; k == 0 && err != nil {
			if isEOF(err) && !head.Chunked && head.ContentLength < 0 {
				return h.match.checkBody(body)
			}
			return "reading response (" + phases.Errno(err) + ")"
		}
	}
}

// tls is the configuration of a check's handshake.
func (h *healthCheck) tls(s *secure) *tls.Config {
	config := s.config.Clone()
	config.ClientSessionCache = nil
	name := h.proxy.pass.target.name
	if s.conf.name != nil {
		if text, is := s.conf.name.Const(); is {
			name = text
		}
	}
	if _, is := literal(name, 0); s.conf.serverName && !is {
		config.ServerName = name
	}
	if s.verifier != nil {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if s.verifier.Check(&state) != "" || !CertificateNames(&state, name) {
				return ErrVerify
			}
			return nil
		}
	}
	return config
}
