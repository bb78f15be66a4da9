package upstream

import (
	"crypto/tls"
	"net/netip"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// check asks the peer and tells what was wrong, "" for nothing. A connection
// that was kept and is of no use any more says nothing about the peer.
func (h *healthCheck) check(w *actor.Worker, p *Peer) (wrong string) {
	addr := h.address(p)
	if c := h.kept[addr]; c != nil {
		delete(h.kept, addr)
		if w.Now().Sub(c.since) < h.keepalive && c.silent() {
			c.received = 0
			if wrong = h.ask(w, c); wrong == "" || c.received > 0 {
				return wrong
			}
		} else {
			c.close()
		}
	}
	c := &peerConn{key: poolKey{addr: addr}, since: w.Now()}
	var err error
	if c.fd, err = w.Dial(addr, actor.DialOptions{Timeout: h.proxy.ConnectTimeout}); err != nil {
		return "connecting to upstream (" + phases.Errno(err) + ")"
	}
	return h.ask(w, c)
}

// address is where p is checked.
func (h *healthCheck) address(p *Peer) actor.Addr {
	if ap := p.Addr.AddrPort; h.port != 0 && ap.IsValid() {
		return actor.IP(netip.AddrPortFrom(ap.Addr(), h.port))
	}
	return p.Addr
}

// ask sends the request on c, which it keeps or closes.
func (h *healthCheck) ask(w *actor.Worker, c *peerConn) (wrong string) {
	whole := false
	defer func() {
		if whole && wrong == "" && !h.ended && w.Now().Sub(c.since) < h.keepalive && !c.fd.Closed() {
			if h.kept == nil {
				h.kept = map[actor.Addr]*peerConn{}
			}
			h.kept[c.key.addr] = c
			return
		}
		c.close()
	}()
	set := &h.proxy.Settings
	if c.requests++; c.requests == 1 {
		if wrong = h.greet(c); wrong != "" {
			return wrong
		}
	}
	c.fd.SetReadTimeout(set.ReadTimeout)
	c.fd.SetWriteTimeout(set.SendTimeout)
	if _, err := c.Write(h.text); err != nil {
		return "sending request (" + phases.Errno(err) + ")"
	}
	wrong, whole = h.answer(c)
	return wrong
}

// greet does what a new connection begins with.
func (h *healthCheck) greet(c *peerConn) (wrong string) {
	set := &h.proxy.Settings
	if set.Greet {
		c.fd.SetWriteTimeout(set.SendTimeout)
		if _, err := c.Write([]byte(noGreeting)); err != nil {
			return "sending request (" + phases.Errno(err) + ")"
		}
	}
	if s := h.proxy.secure; s != nil {
		c.fd.SetReadTimeout(set.ConnectTimeout)
		c.fd.SetWriteTimeout(set.ConnectTimeout)
		c.tls = c.fd.ClientTLS(h.tls(s))
		if err := c.tls.Handshake(); err != nil {
			return "SSL handshaking to upstream (" + err.Error() + ")"
		}
	}
	return ""
}

// end closes what is kept when the configuration has been replaced.
func (h *healthCheck) end() {
	h.ended = true
	for _, c := range h.kept {
		c.close()
	}
	clear(h.kept)
}

// forget closes the kept connections to addresses that are no longer checked.
// The upstream's lock is held.
func (h *healthCheck) forget() {
	if len(h.kept) == 0 {
		return
	}
	current := map[actor.Addr]bool{}
	h.u.each(func(p *Peer) { current[h.address(p)] = true })
	for addr, c := range h.kept {
		if !current[addr] {
			delete(h.kept, addr)
			c.close()
		}
	}
}

// answer reads the peer's answer as far as is needed. whole: nothing of it is
// left, and the connection may carry another check.
func (h *healthCheck) answer(c *peerConn) (wrong string, whole bool) {
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
			return "reading response header (" + err.Error() + ")", false
		}
		k, err := c.Read(buf[wr:])
		if wr += k; k == 0 && err != nil {
			return "reading response header (" + phases.Errno(err) + ")", false
		}
	}
	if wrong = h.match.head(&head); wrong != "" || !h.match.wants() && h.keepalive == 0 {
		return wrong, false
	}
	body, whole, wrong := readAnswer(c, &head, append([]byte(nil), buf[n:wr]...), buf)
	if wrong == "" && h.match.wants() {
		wrong = h.match.checkBody(body)
	}
	return wrong, whole && head.KeepAlive
}

// readAnswer reads the body that belongs to head, matchBody bytes of it at
// most: data came with the head, buf is room. whole: it ended with itself.
func readAnswer(c *peerConn, head *http1.ResponseHead, data, buf []byte) (body []byte, whole bool, wrong string) {
	left := int64(matchBody)
	switch sized := head.ContentLength >= 0 && !head.Chunked; {
	case head.Status == 204 || head.Status == 304:
		return nil, len(data) == 0, ""
	case sized:
		whole = head.ContentLength <= left
		left = min(left, head.ContentLength)
	}
	var chunks http1.ChunkedDecoder
	for {
		for len(data) > 0 && int64(len(body)) < left && !chunks.Done() {
			run, used := data, len(data)
			if head.Chunked {
				var err error
				if run, used, err = chunks.Next(data); err != nil {
					return nil, false, "reading response (invalid chunk)"
				}
			}
			body, data = append(body, run...), data[used:]
		}
		if int64(len(body)) >= left || chunks.Done() {
			whole = (whole || chunks.Done()) && len(data) == 0 && int64(len(body)) <= left
			return body[:min(int64(len(body)), left)], whole, ""
		}
		k, err := c.Read(buf)
		if data = buf[:k]; k == 0 && err != nil {
			if isEOF(err) && !head.Chunked && head.ContentLength < 0 {
				return body, false, ""
			}
			return nil, false, "reading response (" + phases.Errno(err) + ")"
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
		alsoVerify(config, func(state tls.ConnectionState) error {
			if s.verifier.Check(&state) != "" || !CertificateNames(&state, name) {
				return ErrVerify
			}
			return nil
		})
	}
	return config
}
