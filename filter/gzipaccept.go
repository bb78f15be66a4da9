package filter

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// proxied is gzip_proxied: which responses to requests that came through a
// proxy are compressed.
type proxied uint16

const (
	proxiedOff proxied = 1 << iota
	proxiedExpired
	proxiedNoCache
	proxiedNoStore
	proxiedPrivate
	proxiedNoLastModified
	proxiedNoETag
	proxiedAuth
	proxiedAny
)

var proxiedWords = []string{"off", "expired", "no-cache", "no-store", "private", "no_last_modified", "no_etag", "auth", "any"}

func setProxied(g *gzipping, b *phases.Block, s *conf.Stmt) error {
	g.proxied = 0
	for i := range s.Args {
		n, err := s.Enum(i, proxiedWords...)
		if err != nil {
			return err
		}
		g.proxied |= 1 << n
	}
	return nil
}

func setGzipDisable(g *gzipping, b *phases.Block, s *conf.Stmt) error {
	g.oldMSIE = false
	g.disable = conf.List[*phases.Regex]{}
	for _, a := range s.Args {
		if a == "msie6" || a == "degradation" {
			g.oldMSIE = g.oldMSIE || a == "msie6"
			continue
		}
		re, err := b.Regex(s, a, true)
		if err != nil {
			return err
		}
		g.disable.Add(s, re)
	}
	return nil
}

// accepted tells whether the client takes gzip, from what its request and the
// response's head say.
func (g *gzipping) accepted(r *phases.Request) bool {
	if !r.IsMain() || !accepts(string(r.Field("Accept-Encoding")), "gzip") {
		return false
	}
	if r.Major < 1 || r.Major == 1 && r.Minor < g.minor {
		return false
	}
	if r.Field("Via") != nil && !g.acceptedByProxy(r) {
		return false
	}
	agent := r.Field("User-Agent")
	if agent == nil {
		return true
	}
	if g.oldMSIE && strings.Contains(string(agent), "MSIE ") && isMSIE6(string(agent)) {
		return false
	}
	for _, re := range g.disable.Items {
		if ok, err := re.Match(nil, agent); ok || err != nil {
			return false
		}
	}
	return true
}

// isMSIE6 tells the versions before 7 but for 6.0 of Windows XP SP2.
func isMSIE6(agent string) bool {
	_, version, _ := strings.Cut(agent, "MSIE ")
	if len(version) < 2 || version[1] != '.' {
		return false
	}
	switch version[0] {
	case '4', '5':
		return true
	case '6':
		return !strings.Contains(version, "SV1")
	}
	return false
}

func (g *gzipping) acceptedByProxy(r *phases.Request) bool {
	p := g.proxied
	switch {
	case p&proxiedOff != 0:
		return false
	case p&proxiedAny != 0, p&proxiedAuth != 0 && r.Field("Authorization") != nil:
		return true
	}
	if v, ok := r.Out.Get("Expires"); ok {
		t, ok := http1.ParseHTTPDate(v, r.Worker.Now())
		return p&proxiedExpired != 0 && ok && t.Before(r.Worker.Now())
	}
	cached := false
	for _, f := range r.Out.All() {
		if !strings.EqualFold(f.Name, "Cache-Control") {
			continue
		}
		cached = true
		v := strings.ToLower(f.Value)
		if p&proxiedNoCache != 0 && strings.Contains(v, "no-cache") || p&proxiedNoStore != 0 && strings.Contains(v, "no-store") ||
			p&proxiedPrivate != 0 && strings.Contains(v, "private") {
			return true
		}
	}
	if cached {
		return false
	}
	if p&proxiedNoLastModified != 0 && !r.Out.LastModified.IsZero() {
		return false
	}
	if _, ok := r.Out.Get("ETag"); ok && p&proxiedNoETag != 0 {
		return false
	}
	return true
}
