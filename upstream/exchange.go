package upstream

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// Exchange carries one request to peers until one answers, and the answer to
// the client. It belongs to a worker, which uses it again for other requests;
// a request keeps it until its log phase is over.
type Exchange struct {
	r     *phases.Request
	w     *worker
	set   *Settings
	proto protocol
	http  httpProtocol
	// rewrite says how Location, Refresh and Set-Cookie are changed; nil: not.
	rewrite *proxyConf
	setBody []byte // of proxy_set_body; not nil then
	// intercept404: a 404 is answered with the error page of the location.
	intercept404 bool
	target       target
	uri          []byte // that the peer is asked for
	start        time.Time

	// The tries.
	tried Tried
	left  int // tries that may follow
	try   Try
	fresh bool // a kept connection was closed: no other is used
	peer  *Peer
	name  string // of the peer
	conn  *peerConn
	kept  bool // conn has carried another request before

	// The request.
	out    []byte // its head
	begun  bool   // some of it was sent to the present peer
	whole  bool   // all of it was
	stream bool   // the client's body is passed on as it comes
	early  bool   // the peer answers before it has the whole request
	// overflow: the client's body is too long to be remembered.
	overflow bool

	// The answer.
	buf       []byte // received: buf[rd:wr] is not used yet
	rd, wr    int
	small     []byte // buf for the head
	large     []byte // buf for a longer body, the worker's
	head      http1.ResponseHead
	limits    http1.Limits
	fields    []phases.Field
	trailers  []phases.Field
	text      []byte
	buffering bool
	received  int64 // bytes of the answer's body

	cache     *cacheUse // nil: none is used
	fromCache bool      // what is sent is stored
	saved     stored    // of proxy_store
	silent    bool      // nothing is sent: the cache is brought up to date

	attempts []attempt
	logName  string // the last r.UpstreamName, and the bytes it was made of
	nameText []byte

	// Where the coroutine is while it waits for a peer, for clientGone.
	co       *actor.Coroutine
	dialing  bool
	waiting  bool
	fetching bool // in the client's body
	gone     bool

	onGone  func()
	onEnd   func()
	watcher earlyTask
}

// target is where a request goes.
type target struct {
	upstream *Upstream
	scheme   string
	host     string // $proxy_host: with the port if it is not the scheme's
	port     string // $proxy_port
	name     string // the host alone: for SNI
	uri      string // what follows the host in the URL
	secure   *secure
}

// protocol is what is spoken with a peer. It writes the request and reads the
// answer; it keeps its state in the Exchange or in itself, for one try.
type protocol interface {
	// reset prepares for another try.
	reset(x *Exchange)
	// request appends the request up to its body.
	request(x *Exchange, dst []byte) ([]byte, error)
	// framed tells whether the pieces of the body need open and shut around
	// them; end ends the body.
	framed(x *Exchange) bool
	open(dst []byte, n int) []byte
	shut(dst []byte, n int) []byte
	end(dst []byte) []byte
	// readHead reads the answer's head into x.head; n bytes of b were used.
	// http1.ErrShort asks for more.
	readHead(x *Exchange, b []byte) (n int, err error)
	// readBody returns a run of the answer's body, a part of b that it may
	// have moved; n bytes of b were used. done: the answer is complete.
	readBody(x *Exchange, b []byte) (data []byte, n int, done bool, err error)
	// closed tells whether the end of the connection is the end of the answer.
	closed(x *Exchange) bool
	// reusable tells whether the connection can carry another request.
	reusable(x *Exchange) bool
}

// failure is why a try ended without an answer to pass on.
type failure struct {
	cause  Causes
	status int
	level  phases.Level
	reason string // for the log; "" when it was logged
}

var (
	errClientGone = errors.New("client closed connection")
	errEarly      = errors.New("early answer")
)

var held = phases.NewSlot[Exchange](phases.KeepOverRedirect)

// begin returns the exchange for a request, which it may have had before an
// internal redirect.
func begin(r *phases.Request, ws *workers, set *Settings) *Exchange {
	x := held.Get(r)
	if x == nil {
		w := ws.of(r.Worker)
		x = w.take()
		x.r, x.w = r, w
		held.Put(r, x)
		r.OnEnd(x.onEnd)
	} else {
		x.drop()
		if len(x.attempts) > 0 {
			x.attempts[len(x.attempts)-1].last = true
		}
	}
	x.set = set
	x.co = r.Worker.Current()
	x.start = r.Worker.Now()
	x.tried.reset()
	x.try = Try{}
	x.fresh, x.begun, x.whole, x.stream, x.early, x.overflow, x.gone = false, false, false, false, false, false, false
	x.rd, x.wr, x.received = 0, 0, 0
	x.fields, x.trailers = x.fields[:0], x.trailers[:0]
	x.buffering = set.Buffering
	x.rewrite, x.setBody, x.intercept404 = nil, nil, false
	x.cache, x.fromCache, x.silent = nil, false, false
	return x
}

// freeExchanges bounds how many a worker keeps.
const freeExchanges = 256

func (w *worker) take() *Exchange {
	if n := len(w.free); n > 0 {
		x := w.free[n-1]
		w.free = w.free[:n-1]
		return x
	}
	x := &Exchange{}
	x.onGone, x.onEnd = x.clientGone, x.release
	x.watcher.x = x
	return x
}

// release is called when the request has ended, however it did.
func (x *Exchange) release() {
	x.drop()
	w := x.w
	x.giveLarge()
	if cap(x.out) > keptBuffer {
		x.out = nil
	}
	if cap(x.small) > keptBuffer {
		x.small = nil
	}
	if cap(x.text) > keptBuffer {
		x.text = nil
	}
	clear(x.fields)
	clear(x.trailers)
	clear(x.attempts)
	x.cache = nil
	x.r, x.set, x.proto, x.rewrite, x.setBody, x.co, x.target, x.try = nil, nil, nil, nil, nil, nil, target{}, Try{}
	x.attempts = x.attempts[:0]
	x.head.Reset()
	if len(w.free) < freeExchanges {
		w.free = append(w.free, x)
	}
}

// keptBuffer bounds the buffers that a free exchange keeps.
const keptBuffer = 16 << 10

// drop ends what is still open: the request was given up.
func (x *Exchange) drop() {
	if x.conn != nil {
		x.closeConn()
	}
	x.report(Unasked)
	x.leaveCache()
	x.dropFile()
}

// run answers the request from the cache or by a peer.
func (x *Exchange) run() phases.Result {
	r := x.r
	if r.IsMain() && !x.set.IgnoreClientAbort {
		if r.Stream().Gone() {
			r.Errorf(phases.LevelInfo, "client prematurely closed connection while connecting to upstream")
			return r.ClientGone()
		}
		r.Stream().OnGone(x.onGone)
		defer r.Stream().OnGone(nil)
	}
	if x.set.Cache.name != nil {
		if res, done := x.openCache(); done {
			x.leaveCache()
			return res
		}
		defer x.leaveCache()
	}
	return x.ask()
}

// ask takes the request to peers until one answers.
func (x *Exchange) ask() phases.Result {
	r, u := x.r, x.target.upstream
	x.left = max(u.tries(), 1)
	if n := x.set.NextTries; n > 0 && x.left > n {
		x.left = n
	}
	var err error
	if x.out, err = x.proto.request(x, x.out[:0]); err != nil {
		return r.Result(err)
	}
	for {
		f, res := x.once()
		if f == nil {
			return res
		}
		if res, again := x.next(f); !again {
			if !x.gone && x.mayServeStale(f.cause, false) {
				return x.serveStale()
			}
			if f.status == 502 || f.status == 504 {
				x.rememberFailure(f.status)
			}
			return res
		}
	}
}

// once does one try. Without a failure res is the verdict.
func (x *Exchange) once() (f *failure, res phases.Result) {
	x.attempts = append(x.attempts, attempt{start: x.r.Worker.Now(), connect: -1, header: -1, took: -1})
	x.begun, x.whole, x.early, x.rd, x.wr = false, false, false, 0, 0
	x.proto.reset(x)
	addr, f, res := x.pick()
	if f != nil || res != phases.Next {
		return f, res
	}
	if f = x.connect(addr); f != nil {
		return f, 0
	}
	if f = x.send(); f != nil {
		return f, 0
	}
	if f = x.receive(); f != nil {
		return f, 0
	}
	if c := statusCause(x.head.Status); c != 0 && x.left > 1 && x.mayGoOn(c) {
		return &failure{cause: c, status: x.head.Status}, 0
	} else if c != 0 {
		if x.mayServeStale(c, true) {
			x.leave()
			return nil, x.serveStale()
		}
	}
	return nil, x.answer()
}

// pick chooses the peer of the next try.
func (x *Exchange) pick() (addr actor.Addr, f *failure, res phases.Result) {
	u, a := x.target.upstream, x.last()
	t := &x.try
	t.Number++
	t.ConnectTimeout, t.SendTimeout, t.ReadTimeout = x.set.ConnectTimeout, x.set.SendTimeout, x.set.ReadTimeout
	t.Keep, t.KeepIdle, t.KeepRequests, t.Host = u.Keepalive.Idle > 0, u.Keepalive.Timeout, u.Keepalive.Requests, ""
	t.Local, t.Recreate = actor.Addr{}, false
	if u.Choose != nil {
		t.More, t.Left, t.Limit, t.Addr = 0, x.left, x.set.NextTries, actor.Addr{}
		x.nameUpstream(u.Name)
		a.addr = u.Name
		if res = u.Choose(x.r, t); res != phases.Next {
			return addr, nil, res
		}
		x.left += t.More
		if n := x.set.NextTries; n > 0 {
			x.left = min(x.left, n-t.Number+1)
		}
		if t.Recreate {
			var err error
			if x.out, err = x.proto.request(x, x.out[:0]); err != nil {
				return addr, nil, x.r.Result(err)
			}
		}
	}
	if t.Addr != (actor.Addr{}) {
		x.name, addr = t.Addr.String(), t.Addr
	} else {
		p := u.balancer.Pick(x.r, &x.tried)
		if p == nil {
			a.addr = u.Name
			x.nameUpstream(u.Name)
			return addr, &failure{noLive, 502, phases.LevelError, "no live upstreams while connecting to upstream"}, 0
		}
		x.peer, x.name, addr = p, p.Name, p.Addr
	}
	a.addr = x.name
	x.nameUpstream(x.name)
	return addr, nil, phases.Next
}

// nameUpstream sets what the error log says of the peer.
func (x *Exchange) nameUpstream(peer string) {
	t := &x.target
	b := append(append(append(x.nameText[:0], t.scheme...), "://"...), peer...)
	if strings.HasPrefix(peer, "unix:") {
		b = append(b, ':')
	}
	b = append(b, x.uri...)
	if string(b) != x.logName {
		x.logName = string(b)
	}
	x.nameText = b
	x.r.UpstreamName = x.logName
}

// connect makes or reuses a connection to the peer.
func (x *Exchange) connect(addr actor.Addr) *failure {
	r := x.r
	key := poolKey{addr: addr, tls: x.target.secure}
	if key.tls != nil {
		key.name, key.cert = key.tls.peerName(x), key.tls.identity(r)
	}
	key.local = x.try.Local
	if b := x.set.Bind; b != nil && key.local == (actor.Addr{}) {
		var ok bool
		text := b.addr.String(r)
		if key.local, ok = bindAddr(text); !ok && text != "" {
			return &failure{0, 500, phases.LevelError, "invalid local address \"" + text + "\""}
		}
	}
	t := &x.try
	if t.Keep && !x.fresh {
		if c := x.w.pool(x.target.upstream).get(&key); c != nil {
			x.use(c, true)
			x.last().connect = 0
			return nil
		}
	}
	o := actor.DialOptions{Timeout: t.ConnectTimeout, Local: key.local}
	o.Transparent = x.set.Bind != nil && x.set.Bind.transparent
	o.KeepAlive.On = x.set.SocketKeepalive
	fd, err := x.dial(addr, o)
	if err != nil {
		return x.dialFailure(addr, err)
	}
	c := &peerConn{fd: fd, key: key, since: r.Worker.Now()}
	c.hangup = func() {
		if c.pool != nil {
			c.pool.drop(c)
		}
	}
	x.use(c, false)
	if key.tls != nil {
		if f := x.handshake(key.tls, key.name); f != nil {
			return f
		}
	}
	x.last().connect = r.Worker.Now().Sub(x.last().start)
	return nil
}

func (x *Exchange) use(c *peerConn, kept bool) {
	x.conn, x.kept = c, kept
	c.requests++
	c.sent, c.received = 0, 0
	c.fd.SetReadTimeout(x.try.ReadTimeout)
	c.fd.SetWriteTimeout(x.try.SendTimeout)
}

// dial connects, unless the client goes away meanwhile.
func (x *Exchange) dial(addr actor.Addr, o actor.DialOptions) (fd *actor.FD, err error) {
	x.dialing = true
	defer func() {
		x.dialing = false
		if v := recover(); v != nil {
			if i, is := v.(*actor.Interrupt); is && i.Value == errClientGone {
				err = errClientGone
				return
			}
			panic(v)
		}
	}()
	return x.r.Worker.Dial(addr, o)
}

func (x *Exchange) dialFailure(addr actor.Addr, err error) *failure {
	var call *os.SyscallError
	switch {
	case errors.As(err, &call) && call.Syscall != "connect": // not the peer's fault
		return &failure{0, 500, phases.LevelCrit, call.Syscall + "() failed (" + phases.Errno(err) + ") while connecting to upstream"}
	case errors.Is(err, actor.ErrTimeout), errors.Is(err, syscall.ETIMEDOUT):
		return &failure{OnTimeout, 504, phases.LevelError, "upstream timed out (110: Connection timed out) while connecting to upstream"}
	case !addr.IsUnix() && (errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EHOSTUNREACH)):
		return &failure{OnError, 502, phases.LevelError, "connect() failed (" + phases.Errno(err) + ") while connecting to upstream"}
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EAGAIN):
		return &failure{OnError, 502, phases.LevelError, "connect() to " + x.name + " failed (" + phases.Errno(err) + ") while connecting to upstream"}
	}
	return &failure{OnError, 502, phases.LevelCrit, "connect() to " + x.name + " failed (" + phases.Errno(err) + ") while connecting to upstream"}
}

// receive reads the head of the answer.
func (x *Exchange) receive() *failure {
	x.waiting = true
	defer func() { x.waiting = false }()
	for {
		if x.wr > x.rd {
			n, err := x.proto.readHead(x, x.buf[x.rd:x.wr])
			x.rd += n
			if err == nil {
				a := x.last()
				a.status = x.head.Status
				a.header = x.r.Worker.Now().Sub(a.start)
				return nil
			}
			if err != http1.ErrShort {
				reason := err.Error()
				var pe *http1.ParseError
				if errors.As(err, &pe) {
					reason = pe.Reason
				}
				return &failure{OnInvalidHeader, 502, phases.LevelError, reason}
			}
		}
		if x.rd > 0 {
			x.wr = copy(x.buf, x.buf[x.rd:x.wr])
			x.rd = 0
		}
		if x.wr == len(x.buf) {
			return &failure{OnInvalidHeader, 502, phases.LevelError, "upstream sent too big header while reading response header from upstream"}
		}
		n, err := x.conn.Read(x.buf[x.wr:])
		x.wr += n
		if n == 0 && err != nil {
			return x.readFailure(err, " while reading response header from upstream")
		}
	}
}

// readFailure says what a failed read means; during tells what was read.
func (x *Exchange) readFailure(err error, during string) *failure {
	switch {
	case errors.Is(err, actor.ErrTimeout):
		return &failure{OnTimeout, 504, phases.LevelError, "upstream timed out (110: Connection timed out)" + during}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{OnError, 502, phases.LevelError, "upstream prematurely closed connection" + during}
	}
	return &failure{OnError, 502, phases.LevelError, "recv() failed (" + phases.Errno(err) + ")" + during}
}

// next decides whether another try follows the failed one.
func (x *Exchange) next(f *failure) (res phases.Result, again bool) {
	r, a := x.r, x.last()
	if x.gone {
		x.ended(Unasked)
		r.Errorf(phases.LevelInfo, "epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while %s", x.doing())
		a.status = 499
		return r.ClientGone(), false
	}
	if f.reason != "" {
		r.Errorf(f.level, "%s", f.reason)
	}
	if a.status == 0 || f.cause&(OnInvalidHeader|OnError|OnTimeout) != 0 {
		a.status = f.status
	}
	stale := x.kept && f.cause == OnError && x.conn != nil && x.conn.received == 0
	single := x.peer != nil && x.target.upstream.single()
	outcome := Failed
	if stale {
		outcome = Unasked
		if x.peer != nil {
			x.tried.remove(x.peer.index)
		}
	} else if f.cause == 0 {
		outcome = Unasked
	} else if f.cause == On403 || f.cause == On404 {
		outcome = Answered
	}
	kept := x.kept
	x.ended(outcome)
	x.try.Last, x.try.LastStatus = outcome, f.status
	switch {
	case f.cause == noLive || single:
		x.left = 0
	case x.left > 0:
		x.left--
	}
	if kept && f.cause == OnError {
		if x.left == 0 || x.target.upstream.Choose == nil { // a script counts this one too
			x.left++
		}
		x.fresh = true
	}
	if f.cause == 0 || f.cause == noLive || x.left == 0 || !x.mayGoOn(f.cause) {
		return phases.Result(f.status), false
	}
	return 0, true
}

// mayGoOn tells whether the configuration lets the request go to another peer.
func (x *Exchange) mayGoOn(cause Causes) bool {
	if x.begun {
		switch x.r.Method {
		case "POST", "LOCK", "PATCH":
			cause |= NonIdempotent
		}
		if x.stream {
			return false
		}
	}
	if d := x.set.NextTimeout; d > 0 && x.r.Worker.Now().Sub(x.start) >= d {
		return false
	}
	return x.set.NextUpstream&cause == cause
}

func (x *Exchange) doing() string {
	switch {
	case x.conn == nil:
		return "connecting to upstream"
	case !x.whole:
		return "sending request to upstream"
	case x.r.Out.Sent:
		return "reading upstream"
	}
	return "reading response header from upstream"
}

// ended closes the connection of a try that has failed.
func (x *Exchange) ended(how Outcome) {
	a := x.last()
	a.took = x.r.Worker.Now().Sub(a.start)
	if x.conn != nil {
		x.closeConn()
	}
	x.report(how)
}

func (x *Exchange) closeConn() {
	c := x.conn
	x.conn = nil
	x.count(c)
	c.close()
}

func (x *Exchange) count(c *peerConn) {
	if a := x.last(); a != nil {
		a.sent, a.received = c.sent, c.received
	}
}

func (x *Exchange) report(how Outcome) {
	if p := x.peer; p != nil {
		x.peer = nil
		p.u.balancer.Report(p, how)
	}
}

// settle ends the use of the peer when its answer is complete: the connection
// is kept or closed.
func (x *Exchange) settle() {
	a, c := x.last(), x.conn
	a.took = x.r.Worker.Now().Sub(a.start)
	a.length = x.received
	x.conn = nil
	if c != nil {
		x.count(c)
		t, u := &x.try, x.target.upstream
		if t.Keep && x.whole && x.rd == x.wr && x.proto.reusable(x) && (t.KeepRequests == 0 || c.requests < t.KeepRequests) &&
			(u.Keepalive.Time == 0 || x.r.Worker.Now().Sub(c.since) < u.Keepalive.Time) && !c.fd.Closed() {
			c.expires = x.r.Worker.Now().Add(t.KeepIdle)
			x.w.pool(u).put(c, max(u.Keepalive.Idle, 1))
		} else {
			c.close()
		}
	}
	x.report(Answered)
}

// clientGone is called by the loop when the client has closed its connection.
func (x *Exchange) clientGone() {
	if x.cacheable() || x.set.store.on {
		return // the answer is wanted all the same
	}
	x.gone = true
	switch {
	case x.dialing:
		x.co.Interrupt(errClientGone)
	case x.waiting && x.conn != nil:
		x.conn.fd.Close()
	}
}

// attempt is what the variables say of one try.
type attempt struct {
	start                 time.Time
	addr                  string
	status                int
	connect, header, took time.Duration // -1: it did not come to that
	length                int64
	sent, received        int64
	last                  bool // another exchange of the request follows
}

func (x *Exchange) last() *attempt {
	if len(x.attempts) == 0 {
		return nil
	}
	return &x.attempts[len(x.attempts)-1]
}

func (x *Exchange) giveLarge() {
	if x.large != nil {
		x.w.giveLarge(x.large)
		x.large, x.buf = nil, nil
	}
}

// freeLarge bounds how many large buffers a worker keeps.
const freeLarge = 16

func (w *worker) takeLarge(size int) []byte {
	if n := len(w.large); n > 0 && len(w.large[n-1]) >= size {
		b := w.large[n-1]
		w.large = w.large[:n-1]
		return b[:size:cap(b)]
	}
	return make([]byte, size)
}

func (w *worker) giveLarge(b []byte) {
	if len(w.large) < freeLarge && cap(b) <= 256<<10 {
		w.large = append(w.large, b[:cap(b)])
	}
}

func portText(port uint16) string { return strconv.Itoa(int(port)) }
