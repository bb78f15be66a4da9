package upstream

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// accel is what an answer's X-Accel fields ask for.
type accel struct {
	redirects                          bool
	redirect, charset, rate, buffering string
}

// answer passes the peer's answer on, or what stands in its place.
func (x *Exchange) answer() phases.Result {
	r := x.r
	x.keepFields()
	if c := x.cache; c != nil && x.head.Status == 304 && c.status == cacheExpired && c.conf.revalidate && c.file != nil {
		x.leave()
		return x.revalidated()
	}
	var a accel
	for i := range x.fields {
		a.read(&x.fields[i])
	}
	if a.redirects && !x.silent && x.set.Ignore&ignoreRedirect == 0 {
		return x.redirectTo(a.redirect)
	}
	if x.head.Status == 404 && x.intercept404 {
		x.leave()
		return 404
	}
	if s := x.head.Status; s >= 300 && x.set.InterceptErrors && !x.silent && r.HasErrorPage(s) {
		if s == 401 {
			if v, ok := x.field("www-authenticate"); ok {
				r.Out.Set("WWW-Authenticate", v)
			}
		}
		if x.cacheable() {
			x.judge()
			x.rememberFailure(s)
		}
		x.leave()
		return phases.Result(s)
	}
	x.startStore()
	x.startFile()
	if x.silent {
		return x.relay()
	}
	x.applyAccel(&a)
	x.describe()
	if x.head.Status == 101 {
		return x.tunnel()
	}
	return x.relay()
}

func (a *accel) read(f *phases.Field) {
	if len(f.Name) < 15 || f.Name[0]|0x20 != 'x' {
		return
	}
	switch {
	case sameName(f.Name, "x-accel-redirect"):
		a.redirects, a.redirect = true, f.Value
	case sameName(f.Name, "x-accel-charset"):
		a.charset = f.Value
	case sameName(f.Name, "x-accel-limit-rate"):
		a.rate = f.Value
	case sameName(f.Name, "x-accel-buffering"):
		a.buffering = f.Value
	}
}

func (x *Exchange) applyAccel(a *accel) {
	if a.rate != "" && x.set.Ignore&ignoreLimitRate == 0 {
		if n, err := strconv.ParseInt(a.rate, 10, 64); err == nil && n >= 0 {
			x.r.SetRate(n)
		}
	}
	if a.buffering != "" && x.set.Ignore&ignoreBuffering == 0 {
		switch {
		case strings.EqualFold(a.buffering, "yes"):
			x.buffering = true
		case strings.EqualFold(a.buffering, "no"):
			x.buffering = false
		}
	}
	if a.charset != "" && x.set.Ignore&ignoreCharset == 0 {
		x.r.Out.Charset = a.charset
	}
}

// leave gives up the answer's body.
func (x *Exchange) leave() {
	x.waiting = false
	if x.conn != nil {
		if _, n, done, err := x.proto.readBody(x, x.buf[x.rd:x.wr]); err == nil && done {
			x.rd += n
			x.settle()
			return
		}
		x.closeConn()
	}
	x.settle()
}

// redirectTo is X-Accel-Redirect: another URI of this server answers, with
// those fields of the peer's answer that describe the content.
func (x *Exchange) redirectTo(uri string) phases.Result {
	r := x.r
	for i := range x.fields {
		f := &x.fields[i]
		switch strings.ToLower(f.Name) {
		case "content-type":
			setContentType(&r.Out, f.Value)
		case "set-cookie", "content-disposition", "cache-control", "expires", "accept-ranges":
			x.pass(f)
		}
	}
	x.leave()
	if strings.HasPrefix(uri, "@") {
		if r.Method != "HEAD" {
			r.Method = "GET"
		}
		return r.NamedLocation(uri)
	}
	path, args, _ := strings.Cut(uri, "?")
	clean, ok := unsafePath(path)
	if !ok {
		r.Errorf(phases.LevelError, "unsafe URI \"%s\" was detected", uri)
		return 404
	}
	if r.Method != "HEAD" {
		r.Method = "GET"
	}
	return r.InternalRedirect(clean, []byte(args))
}

// unsafePath decodes a path that a peer named and refuses one that climbs.
func unsafePath(p string) ([]byte, bool) {
	b := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '%' && i+2 < len(p) {
			if n, err := strconv.ParseUint(p[i+1:i+3], 16, 8); err == nil {
				c = byte(n)
				i += 2
			}
		}
		if c == 0 {
			return nil, false
		}
		b = append(b, c)
	}
	if len(b) == 0 || b[0] == '?' {
		return nil, false
	}
	for _, segment := range strings.Split(string(b), "/") {
		if segment == ".." {
			return nil, false
		}
	}
	return b, true
}

// relay passes the answer's body on. What the peer sends while the client is
// still taking the last piece is read ahead.
func (x *Exchange) relay() phases.Result {
	r := x.r
	var failed error // of the client, while the answer is stored all the same
	if !x.silent {
		failed = r.SendHeader()
	}
	first := true
	for {
		if failed != nil && !x.cacheable() && x.saved.file == nil {
			return r.FilterResult(failed)
		}
		p, pending := x.ahead.pop()
		used := 0
		var err error
		if !pending && !x.complete {
			p.bytes, used, err = x.decode()
		}
		size := p.len()
		last := x.complete && len(x.ahead.pieces) == 0
		if (size > 0 || last || first && !x.buffering) && failed == nil && !x.silent {
			failed = x.forward(&p, last)
		}
		first = false
		switch {
		case last && failed != nil:
			return r.FilterResult(failed)
		case last:
			return phases.Done
		case x.complete, len(x.ahead.pieces) > 0:
			continue
		case err == nil && x.rd < x.wr && (used > 0 || size > 0) && x.ahead.err == nil:
			continue
		}
		if err != nil {
			return x.cut(err.Error() + " while reading upstream")
		}
		if res := x.more(); res != phases.Next {
			return res
		}
	}
}

// forward passes a piece of the body on, the last of all if last.
func (x *Exchange) forward(p *piece, last bool) error {
	c := phases.Chunk{Bytes: p.bytes, File: p.file, Off: p.off, Size: p.size, Flush: !x.buffering, Last: last && x.r.IsMain(), End: last}
	if !x.buffering || x.conn == nil {
		return x.r.Send(c)
	}
	x.ahead.begin()
	err := x.r.Send(c)
	x.ahead.end()
	return err
}

// decode takes a run of the body out of the buffer and stores it where it is
// to be stored; used bytes of the buffer were consumed.
func (x *Exchange) decode() (data []byte, used int, err error) {
	data, used, done, err := x.proto.readBody(x, x.buf[x.rd:x.wr])
	x.rd += used
	x.received += int64(len(data))
	x.inCache = x.store(data)
	x.saveFile(data)
	if done {
		x.warnExtra()
		if x.set.PassTrailers {
			for i := range x.trailers {
				if f := &x.trailers[i]; !hasName(&x.set.hidden, f.Name) {
					x.r.Out.Trailers = append(x.r.Out.Trailers, *f)
				}
			}
		}
		x.finish()
	}
	return data, used, err
}

// finish is called when the whole answer is there: the peer is free.
func (x *Exchange) finish() {
	x.complete = true
	x.settle()
	x.commit()
	x.commitFile()
}

// more reads more of the body. Any other Result than Next is the verdict.
func (x *Exchange) more() phases.Result {
	r := x.r
	x.moreRoom()
	x.ahead.caughtUp()
	n, err := 0, x.ahead.err
	if err == nil {
		if t := x.set.LimitRate; t != nil && x.buffering {
			if wait := x.tooFast(t); wait > 0 {
				x.co.Sleep(wait)
			}
		}
		x.waiting = true
		n, err = x.conn.Read(x.buf[x.wr:])
		x.waiting = false
		x.wr += n
	}
	switch {
	case n > 0:
		return phases.Next
	case x.gone:
		x.ended(Unasked)
		r.Errorf(phases.LevelInfo, "epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while reading upstream")
		return r.ClientGone()
	case isEOF(err) && x.proto.closed(x):
		x.finish()
		return phases.Next
	}
	var bad *http1.ParseError
	if errors.As(err, &bad) {
		return x.cut(err.Error() + " while reading upstream")
	}
	f := x.readFailure(err, " while reading upstream")
	return x.cut(f.reason)
}

// cut ends a response whose end did not come: the client gets what there is
// of it and sees the connection close.
func (x *Exchange) cut(reason string) phases.Result {
	x.r.Errorf(phases.LevelError, "%s", reason)
	a := x.last()
	a.length = x.received
	x.ended(Answered)
	x.leaveCache()
	x.dropFile()
	if x.silent {
		return phases.Done
	}
	if err := x.r.Send(phases.Chunk{Flush: true}); err != nil {
		return x.r.FilterResult(err)
	}
	return phases.Failed
}

func (x *Exchange) warnExtra() {
	if x.rd < x.wr {
		x.r.Errorf(phases.LevelWarn, "upstream sent more data than specified in \"Content-Length\" header while reading response header from upstream")
	}
}

// moreRoom empties the buffer, all of which has been used; a long body gets a
// larger one.
func (x *Exchange) moreRoom() {
	if x.large == nil && x.received > 0 {
		x.enlarge()
		return
	}
	left := x.wr - x.rd
	if left > 0 {
		copy(x.buf, x.buf[x.rd:x.wr])
	}
	x.rd, x.wr = 0, left
}

// enlarge changes to a larger buffer; what the smaller one held of the body
// stays where it is.
func (x *Exchange) enlarge() {
	x.large = x.w.takeLarge(x.largeSize())
	x.rd, x.wr = 0, copy(x.large, x.buf[x.rd:x.wr])
	x.buf = x.large
}

func (x *Exchange) largeSize() int {
	return int(min(max(int64(x.set.Buffers)*x.set.BuffersSize, x.set.BufferSize), maxLarge))
}

// maxLarge bounds the buffer of one response whatever proxy_buffers says.
const maxLarge = 1 << 20

// tooFast is how long to wait until the configured rate allows more to be read.
func (x *Exchange) tooFast(t *phases.Template) time.Duration {
	rate, ok := conf.Size(t.String(x.r))
	if !ok || rate <= 0 {
		return 0
	}
	a := x.last()
	due := a.start.Add(max(a.header, 0)).Add(time.Duration(float64(x.received) / float64(rate) * float64(time.Second)))
	return due.Sub(x.r.Worker.Now())
}
