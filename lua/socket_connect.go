package lua

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/resolver"
)

// dialing is what connect was asked for.
type dialing struct {
	host    string // or "unix:" and a path
	port    int    // 0 for unix
	key     string // of the pool
	size    int    // of the pool; 0: connect does not make it
	backlog int    // -1: none
}

// localAddress is what a cosocket was bound to.
type localAddress struct {
	addr        actor.Addr
	transparent bool
}

func socketConnect(t *vm.Thread, s *state) int {
	n := t.NArg()
	if n != 2 && n != 3 && n != 4 {
		t.Errorf("ngx.socket connect: expecting 2, 3, or 4 arguments (including the object), but seen %d", n)
	}
	return checkCosocket(t).connect(t, s, 2, false)
}

// connect is the method with its arguments from the first-th on. whole: push
// the socket's table, which is the last value pushed, instead of 1.
func (k *cosocket) connect(t *vm.Thread, s *state, first int, whole bool) int {
	d, bad := parseDialing(t, s, first)
	if bad != "" {
		return fail(t, bad)
	}
	if k.kind != tcpSocket {
		t.Errorf("attempt to re-connect a request socket")
	}
	k.checkOwner(t, s)
	if n := k.busy(t, true, true); n > 0 {
		return n
	}
	if k.conn != nil {
		s.debugf("lua reuse socket upstream ctx")
		s.debugf("lua tcp socket reconnect without shutting down")
		k.Close()
	} else if k.owner != nil {
		s.debugf("lua reuse socket upstream ctx")
	}
	k.owner, k.key, k.to, k.agreed = s.sockets(), d.key, d, false
	k.connecting = true
	defer func() { k.connecting, k.resolving = false, false }()
	timeout := or(k.connectTimeout, s.own.connectTimeout)
	if s.debugs() {
		s.debugf("lua tcp socket connect timeout: %d", timeout.Milliseconds())
	}
	if k.local.addr != (actor.Addr{}) {
		s.debugf("lua tcp socket bind ip: %s", k.local.addr.Addr())
	}
	c, err := k.establish(s, d, timeout)
	if err != "" {
		return fail(t, err)
	}
	k.attach(s, c)
	if !whole {
		t.PushInt(1)
	}
	return 1
}

// parseDialing reads the arguments of connect: host and port or a path, and
// options.
func parseDialing(t *vm.Thread, s *state, first int) (d dialing, bad string) {
	d.host, d.backlog = t.CheckString(first), -1
	n := t.NArg()
	custom := false
	if opts := t.Arg(n).Table(); opts != nil && n > first {
		d.size = countOption(t, n, opts, "pool_size", 1, 0)
		if d.backlog = countOption(t, n, opts, "backlog", 0, -1); d.backlog >= 0 && d.size == 0 {
			d.size = s.own.poolSize
		}
		switch v := opts.GetStr("pool"); v.Kind() {
		case vm.KNil:
		case vm.KString, vm.KNumber:
			d.key, _ = v.ToString()
			custom = true
		default:
			t.ArgError(n, "bad \"pool\" option type: "+v.Kind().String())
		}
		n--
	}
	_, unix := cutPrefixFold(d.host, "unix:")
	port, hasPort := t.Arg(first + 1).ToNumber()
	hasPort = hasPort && n > first
	switch {
	case hasPort && (port < 0 || port > 65535):
		return d, fmt.Sprintf("bad port number: %d", int(port))
	case hasPort:
		d.port = int(port)
	case !unix:
		return d, "missing the port number"
	}
	if !custom {
		d.key = d.host
		if hasPort {
			d.key += ":" + strconv.Itoa(d.port)
		}
	}
	return d, ""
}

// countOption is a number among the options, at least least, or deflt.
func countOption(t *vm.Thread, arg int, opts *vm.Table, name string, least, deflt int) int {
	switch v := opts.GetStr(name); {
	case v.IsNil():
		return deflt
	case v.Kind() != vm.KNumber:
		t.ArgError(arg, fmt.Sprintf("bad %q option type: %s", name, v.Kind()))
	case int(v.Num()) < least:
		t.ArgError(arg, fmt.Sprintf("bad %q option value: %s", name, t.ToString(v)))
	default:
		return int(v.Num())
	}
	return deflt
}

// establish takes a connection from the pool or makes one. The error is a
// text for the script; what is to be logged is logged.
func (k *cosocket) establish(s *state, d dialing, timeout time.Duration) (*connection, string) {
	p := s.e.pools[d.key]
	if p == nil && d.size > 0 {
		p = s.makePool(d.key, d.size, d.backlog)
	}
	if p == nil {
		return k.dial(s, d, timeout)
	}
	c, err := p.enter(s, d.host, d.port, timeout)
	if err != nil {
		p.free()
		if errors.Is(err, errTooMany) {
			return nil, err.Error()
		}
		return nil, socketError(err)
	}
	if c != nil {
		if s.debugs() {
			s.debugf("lua tcp socket get keepalive peer: using connection %p, fd:%d", c, c.fd.Fd())
		}
		return c, ""
	}
	made := false
	defer func() { // also when the thread is killed
		if !made {
			p.left()
		}
	}()
	c, text := k.dial(s, d, timeout)
	if text != "" {
		return nil, text
	}
	made = true
	c.pool = p
	return c, ""
}

// redial puts a new connection in the place of one from the pool; text says
// why it cannot be had. There is no connection then.
func (k *cosocket) redial(s *state) (text string) {
	old := k.conn
	k.connecting = true
	defer func() { k.connecting, k.resolving = false, false }()
	c, text := k.dial(s, k.to, or(k.connectTimeout, s.own.connectTimeout))
	if text != "" {
		k.Close()
		return text
	}
	c.pool, old.pool = old.pool, nil
	k.Close()
	k.owner = s.sockets()
	k.attach(s, c)
	return ""
}

// dial makes a connection.
func (k *cosocket) dial(s *state, d dialing, timeout time.Duration) (*connection, string) {
	k.resolving = true
	addr, text := s.lookup(d)
	k.resolving = false
	if text != "" {
		return nil, text
	}
	c := &connection{peer: d.peer(addr)}
	nodelay := s.core().NoDelay
	o := actor.DialOptions{Delay: !nodelay, Timeout: timeout, Local: k.local.addr, Transparent: k.local.transparent}
	fd, err := s.e.worker.Dial(addr, o)
	if err != nil {
		s.logDial(c, k, addr, err)
		return nil, socketError(err)
	}
	if nodelay && !addr.IsUnix() {
		s.debugf("lua socket tcp_nodelay")
	}
	c.fd = fd
	return c, ""
}

func (d dialing) peer(a actor.Addr) string {
	if a.IsUnix() {
		return d.host
	}
	return d.host + ":" + strconv.Itoa(d.port) + "(" + a.Addr().String() + ")"
}

// logDial logs why a connection could not be made.
func (s *state) logDial(c *connection, k *cosocket, addr actor.Addr, err error) {
	var se *os.SyscallError
	var no syscall.Errno
	switch {
	case errors.Is(err, actor.ErrTimeout):
		if s.own.logSocketErrors {
			s.logf(phases.LevelError, "lua tcp socket connect timed out, upstream: %s", c.peer)
		}
	case errors.As(err, &se) && se.Syscall == "bind":
		s.logf(phases.LevelCrit, "bind(%s) failed (%s)", k.local.addr.Addr(), phases.Errno(err))
	case !errors.As(err, &no):
		s.logf(phases.LevelError, "connect() failed (%v), upstream: %s", err, c.peer)
	case addr.IsUnix():
		level := phases.LevelCrit
		if no == syscall.ECONNREFUSED {
			level = phases.LevelError
		}
		s.logf(level, "connect() to unix:%s failed (%s)", addr.Path, phases.Errno(err))
	case s.own.logSocketErrors:
		s.logf(phases.LevelError, "connect() failed (%s), upstream: %s", phases.Errno(err), c.peer)
	}
}

// lookup finds the address to connect to; text says why there is none.
func (s *state) lookup(d dialing) (addr actor.Addr, text string) {
	if path, ok := cutPrefixFold(d.host, "unix:"); ok {
		if path == "" {
			return addr, "failed to parse host name \"" + d.host + "\": no path in the unix domain socket"
		}
		return actor.Unix(path), ""
	}
	host := d.host
	if host == "" {
		return addr, "failed to parse host name \"\": no host"
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return actor.IP(netip.AddrPortFrom(ip, uint16(d.port))), ""
	}
	if strings.ContainsAny(host, " /\x00") {
		return addr, "failed to parse host name \"" + d.host + "\": invalid host"
	}
	core := s.core()
	addrs, err := s.e.site.cfg.ResolverOf(core).Lookup(s.e.worker, host, core.ResolverTimeout)
	if err != nil {
		if core.Resolver == nil {
			return addr, "no resolver defined to resolve \"" + host + "\""
		}
		var re *resolver.Error
		if errors.As(err, &re) {
			return addr, host + " could not be resolved (" + re.Reason() + ")"
		}
		return addr, err.Error()
	}
	ip := addrs[0]
	if n := len(addrs); n > 1 {
		ip = addrs[rand.IntN(n)]
	}
	s.debugf("lua tcp socket resolve name done: %s", ip)
	return actor.IP(netip.AddrPortFrom(ip, uint16(d.port))), ""
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// core is what the location says of the server itself.
func (s *state) core() *phases.Core {
	if s.r != nil {
		return s.r.Loc.Core
	}
	return s.own.core
}
