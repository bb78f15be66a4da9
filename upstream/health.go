package upstream

import (
	"math/rand/v2"
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
	persistent       bool          // a reload does not make peers wait for a check again
	keepalive        time.Duration // how long one connection carries checks; 0: each has its own

	match *match
	u     *Upstream
	proxy *proxyConf
	log   *phases.Logger
	text  []byte // the request
	work  chore
	// kept are idle connections, with keepalive_time; the checking worker's.
	kept  map[actor.Addr]*peerConn
	ended bool // nothing is checked any more
}

func addHealthCheck(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	h := &healthCheck{stmt: s, loc: b.Loc, interval: 5 * time.Second, fails: 1, passes: 1, uri: "/"}
	if err := parameters(s, s.Args, h.set); err != nil {
		return err
	}
	if h.persistent && !h.mandatory {
		return s.Errorf("\"persistent\" requires \"mandatory\"")
	}
	us := inConfig.Of(b.Config)
	us.checks = append(us.checks, h)
	return nil
}

func (h *healthCheck) set(key, value string, bare bool) (ok bool) {
	switch key {
	case "interval":
		h.interval, ok = conf.Duration(value)
		ok = ok && h.interval > 0
	case "jitter":
		h.jitter, ok = conf.Duration(value)
	case "fails":
		h.fails, ok = positive(value)
	case "passes":
		h.passes, ok = positive(value)
	case "uri":
		h.uri, ok = value, len(value) > 0 && value[0] == '/' && !hasControl(value)
	case "match":
		h.matchName, ok = value, value != ""
	case "port":
		var n int
		n, ok = positive(value)
		h.port, ok = uint16(n), ok && n < 1<<16
	case "mandatory":
		h.mandatory, ok = true, bare
	case "persistent":
		h.persistent, ok = true, bare
	case "keepalive_time":
		h.keepalive, ok = conf.Duration(value)
	}
	return ok
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
	switch {
	case h.keepalive == 0:
		h.text = append(h.text, "Connection: close\r\n"...)
	case h.proxy.Version == 0:
		h.text = append(h.text, "Connection: keep-alive\r\n"...)
	}
	h.text = append(h.text, "\r\n"...)
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
		if h.mandatory && !h.persistent {
			h.u.mu.Lock()
			h.u.each(func(p *Peer) { p.health = health{} })
			h.u.mu.Unlock()
		}
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
	h.forget()
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
