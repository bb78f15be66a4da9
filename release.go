package luahttpd

// releasedMax bounds how many requests of one connection may be in their log
// phase while it goes on; the next one that waits there holds it up.
const releasedMax = 16

// Release lets the connection go on while the request, whose response has left,
// is still being logged: from here it is served by another coroutine, with a
// turn of its own. What the request holds stays in this one.
func (t *turn) Release() {
	c := t.c
	if t.released || c.logging >= releasedMax || c.fd.Closed() {
		return
	}
	t.watch(nil)
	t.released = true
	c.rare().logging++
	c.w.logging++
	n := c.w.takeTurn()
	n.c, n.wire, n.ten, n.listen = c, t.wire, t.ten, t.listen
	if rest := t.buf[t.pos:t.end]; len(rest) > len(n.buf) {
		n.buf = append([]byte(nil), rest...)
		n.end = len(rest)
	} else {
		n.end = copy(n.buf, rest)
	}
	// What decides whether the connection can carry another request.
	n.in, n.sent = t.in, t.sent
	n.r.Loc, n.r.Expect100 = t.r.Loc, t.r.Expect100
	c.w.loop.Serve(&follower{n})
}

// logged ends the log phase of a request whose connection has gone on. whole:
// nothing panicked.
func (t *turn) logged(whole bool) {
	t.c.logging--
	t.c.w.logging--
	if whole {
		t.c.w.giveTurn(t)
	}
}

// follower serves a connection behind a request that is still being logged.
type follower struct{ t *turn }

func (f *follower) Serve() {
	t := f.t
	c, ten, l := t.c, t.ten, t.listen
	keep := false
	defer func() { c.over(t, keep, recover()) }()
	if t.conclude() && !c.w.closing {
		keep = t.run(ten, l)
	} else {
		t.linger()
	}
	wait := t.keepalive
	if t.released {
		return
	}
	c.w.giveTurn(t)
	if keep {
		c.wait(wait)
	}
}
