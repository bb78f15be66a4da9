package upstream

import (
	"errors"
	"io"
	"strings"
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
	secure       *secure // of the location; nil: it has none
	uri          []byte  // that the peer is asked for
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
	lastText  string // made of it: what fields are parts of
	buffering bool
	received  int64 // bytes of the answer's body
	complete  bool  // all of it was received
	inCache   bool  // the last run of it went into the cache's file
	ahead     ahead // what is not passed on yet

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
		x = ws.of(r.Worker).take()
		x.carry(r)
	} else {
		x.drop()
		if len(x.attempts) > 0 {
			x.attempts[len(x.attempts)-1].last = true
		}
	}
	x.prepare(set)
	x.co = r.Worker.Current()
	return x
}

// carry makes r the request.
func (x *Exchange) carry(r *phases.Request) {
	x.r = r
	held.Put(r, x)
	r.OnEnd(x.onEnd)
}

// prepare makes x what it is before the first try.
func (x *Exchange) prepare(set *Settings) {
	x.set = set
	x.start = x.w.loop.Now()
	x.tried.reset()
	x.try = Try{}
	x.fresh, x.begun, x.whole, x.stream, x.early, x.overflow, x.gone = false, false, false, false, false, false, false
	x.rd, x.wr, x.received = 0, 0, 0
	x.fields, x.trailers = x.fields[:0], x.trailers[:0]
	x.complete = false
	x.buffering = set.Buffering
	x.rewrite, x.setBody, x.intercept404 = nil, nil, false
	x.cache, x.fromCache, x.silent = nil, false, false
}

// freeExchanges bounds how many a worker keeps.
const freeExchanges = 256

func (w *worker) take() *Exchange {
	if n := len(w.free); n > 0 {
		x := w.free[n-1]
		w.free = w.free[:n-1]
		return x
	}
	x := &Exchange{w: w}
	x.onGone, x.onEnd = x.clientGone, x.release
	x.watcher.x, x.ahead.x = x, x
	x.ahead.timer.Init(w.loop, &x.ahead)
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
		x.text, x.lastText = nil, ""
	}
	clear(x.fields)
	clear(x.trailers)
	clear(x.attempts)
	x.cache = nil
	x.r, x.set, x.proto, x.rewrite, x.setBody, x.co, x.target, x.secure, x.try = nil, nil, nil, nil, nil, nil, target{}, nil, Try{}
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
	x.ahead.drop()
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
	var err error
	if x.out, err = x.proto.request(x, x.out[:0]); err != nil {
		return x.r.Result(err)
	}
	return x.askWith()
}

// askWith is ask with the request that was written.
func (x *Exchange) askWith() phases.Result {
	x.left = max(x.target.upstream.tries(), 1)
	if n := x.set.NextTries; n > 0 && x.left > n {
		x.left = n
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
	x.begun, x.whole, x.early, x.kept, x.rd, x.wr = false, false, false, false, 0, 0
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
		t.TLS, t.MayTLS = x.target.secure != nil, x.secure != nil
		x.nameUpstream(u.Name)
		a.addr = u.Name
		if res = u.Choose(x.r, t); res != phases.Next {
			return addr, nil, res
		}
		x.setTLS(t.TLS)
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

// setTLS has the peer spoken to with or without TLS.
func (x *Exchange) setTLS(on bool) {
	t := &x.target
	if on == (t.secure != nil) || on && x.secure == nil {
		return
	}
	if t.secure = nil; on {
		t.secure = x.secure
	}
	for _, pair := range [][2]string{{"http", "https"}, {"https", "http"}, {"uwsgi", "suwsgi"}, {"suwsgi", "uwsgi"}} {
		if t.scheme == pair[0] {
			t.scheme = pair[1]
			break
		}
	}
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
