package lua

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// gather is how one call of receive collects what it wants.
type gather interface {
	// take uses a part of b, and says whether that is all. What it wants is
	// appended to out.
	take(out, b []byte) (result []byte, used int, done bool)
	// end says whether the end of the stream ends what is wanted well.
	end() bool
	// direct is how many bytes may be read behind out without being looked at;
	// got says how many were, and whether that is all.
	direct() int
	got(n int) (done bool)
}

// looked is for what must see every byte.
type looked struct{}

func (looked) direct() int  { return 0 }
func (looked) got(int) bool { return false }

// line is up to the next line feed, without carriage returns.
type line struct{ looked }

func (line) take(out, b []byte) ([]byte, int, bool) {
	i := bytes.IndexByte(b, '\n')
	part := b
	if i >= 0 {
		part = b[:i]
	}
	for {
		cr := bytes.IndexByte(part, '\r')
		if cr < 0 {
			out = append(out, part...)
			break
		}
		out = append(out, part[:cr]...)
		part = part[cr+1:]
	}
	if i >= 0 {
		return out, i + 1, true
	}
	return out, len(b), false
}

func (line) end() bool { return false }

// all is up to the end.
type all struct{}

func (all) take(out, b []byte) ([]byte, int, bool) { return append(out, b...), len(b), false }
func (all) end() bool                              { return true }
func (all) direct() int                            { return directMax }
func (all) got(int) bool                           { return false }

// some is whatever comes first, up to a number of bytes.
type some struct {
	looked
	most int
}

func (n some) take(out, b []byte) ([]byte, int, bool) {
	used := min(n.most, len(b))
	return append(out, b[:used]...), used, used > 0
}
func (some) end() bool { return false }

// exactly is a number of bytes.
type exactly struct{ left int }

func (n *exactly) take(out, b []byte) ([]byte, int, bool) {
	used := min(n.left, len(b))
	n.left -= used
	return append(out, b[:used]...), used, n.left == 0
}
func (*exactly) end() bool     { return false }
func (n *exactly) direct() int { return n.left }
func (n *exactly) got(k int) bool {
	n.left -= k
	return n.left == 0
}

// receive reads what g wants and pushes it, or nil, the error and what came
// before it.
func (k *cosocket) receive(t *vm.Thread, s *state, g gather) int {
	out, err := k.collect(s, g, s.e.takeBuffer())
	return k.push(t, s, out, err)
}

// directMax bounds what is read at once behind what has come already.
const directMax = 64 << 10

// fill reads into the empty buffer.
func (k *cosocket) fill(s *state) (int, error) {
	if k.buf == nil {
		k.buf = s.e.takeSocketBuffer(int(max(s.own.socketBuffer, 1)))
	}
	k.pos, k.end = 0, 0
	n, err := k.wire.Read(k.buf)
	k.end = n
	return n, err
}

// Buffers of sockets that are closed or in a pool are for others.

func (e *engine) takeSocketBuffer(size int) []byte {
	if n := len(e.socketBuffers); n > 0 && len(e.socketBuffers[n-1]) == size {
		b := e.socketBuffers[n-1]
		e.socketBuffers = e.socketBuffers[:n-1]
		return b
	}
	return make([]byte, size)
}

// socketBuffersKept bounds the free buffers of an engine.
const socketBuffersKept = 64

func (e *engine) putSocketBuffer(b []byte) {
	if b != nil && len(e.socketBuffers) < socketBuffersKept {
		e.socketBuffers = append(e.socketBuffers, b)
	}
}

// push pushes what collect has returned.
func (k *cosocket) push(t *vm.Thread, s *state, out []byte, err error) int {
	defer s.e.putBuffer(out)
	if err == nil {
		t.PushBytes(out)
		return 1
	}
	fail(t, socketError(err))
	t.PushBytes(out)
	return 3
}

// collect reads until g has what it wants. After an error that is not a
// timeout the cosocket does not read any more.
func (k *cosocket) collect(s *state, g gather, out []byte) ([]byte, error) {
	k.reading = true
	defer func() { k.reading = false }() // also when the thread is killed
	if s.debugs() {
		s.debugf("lua tcp socket read timeout: %d", or(k.readTimeout, s.own.readTimeout).Milliseconds())
	}
	for {
		if k.pos < k.end {
			used, done := 0, false
			out, used, done = g.take(out, k.buf[k.pos:k.end])
			k.pos += used
			if done {
				return out, nil
			}
		}
		if k.wire == nil {
			return out, io.EOF
		}
		k.wire.SetReadTimeout(or(k.readTimeout, s.own.readTimeout)) // another thread may have changed it
		n, err := 0, k.await(s)
		if err != nil {
			return out, k.failed(s, err)
		}
		if room := min(g.direct(), directMax); int64(room) >= s.own.socketBuffer {
			if cap(out)-len(out) < room {
				out = slices.Grow(out, room)
			}
			n, err = k.wire.Read(out[len(out) : len(out)+room])
			if out = out[:len(out)+n]; g.got(n) {
				return out, nil
			}
		} else {
			n, err = k.fill(s)
		}
		if n > 0 || err == nil {
			continue
		}
		if errors.Is(err, io.EOF) && g.end() {
			return out, nil
		}
		return out, k.failed(s, err)
	}
}

// failed notes the error of a read.
func (k *cosocket) failed(s *state, err error) error {
	s.logSocket(k, "read", "recv", err)
	if socketError(err) != "timeout" {
		k.readClosed = true
	}
	return err
}

// await parks until there is something to read, if it is an actor's socket: there may be very many
// of them, which need no buffer while they wait.
func (k *cosocket) await(s *state) error {
	if k.owner == nil || !k.owner.lasting || k.conn == nil || k.conn.tls != nil || k.conn.fd.Readable() {
		return nil
	}
	k.dropBuffer()
	return k.conn.fd.WaitReadable(or(k.readTimeout, s.own.readTimeout))
}

// unread puts bytes back before those that are still to be read.
func (k *cosocket) unread(b []byte) {
	if k.pos >= len(b) {
		k.pos -= len(b)
		copy(k.buf[k.pos:], b)
		return
	}
	k.buf = append(append(make([]byte, 0, len(b)+len(k.buf)), b...), k.buf[k.pos:k.end]...)
	k.pos, k.end = 0, len(k.buf)
}

// readable pushes why nothing can be read, or nothing.
func (k *cosocket) readable(t *vm.Thread, s *state) int {
	if k.dialing() {
		return fail(t, "socket busy connecting")
	}
	if k.wire == nil || k.readClosed {
		s.logClosed(k, "receive")
		return fail(t, "closed")
	}
	k.checkOwner(t, s)
	return k.busy(t, true, false)
}

func socketReceive(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 1 && n != 2 {
		t.Errorf("expecting 1 or 2 arguments (including the object), but got %d", n)
	}
	k := checkCosocket(t)
	if n := k.readable(t, s); n > 0 {
		return n
	}
	s.debugf("lua tcp socket calling receive() method")
	if t.NArg() == 1 {
		return k.receive(t, s, line{})
	}
	v := t.Arg(2)
	if n, ok := v.ToNumber(); ok {
		if n < 0 {
			t.ArgError(2, "bad pattern argument")
		}
		if int(n) == 0 {
			t.PushString("")
			return 1
		}
		return k.receive(t, s, &exactly{int(n)})
	}
	if v.Kind() != vm.KString {
		t.ArgError(2, "bad pattern argument")
	}
	switch v.Str() {
	case "*l":
		return k.receive(t, s, line{})
	case "*a":
		return k.receive(t, s, all{})
	}
	t.ArgError(2, "bad pattern argument: "+v.Str())
	return 0
}

func socketReceiveAny(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 2 {
		t.Errorf("expecting 2 arguments (including the object), but got %d", n)
	}
	k := checkCosocket(t)
	if n := k.readable(t, s); n > 0 {
		return n
	}
	n, ok := t.Arg(2).ToNumber()
	if !ok || n < 1 {
		t.ArgError(2, "bad max argument")
	}
	s.debugf("lua tcp socket calling receiveany() method to read at most %d bytes", int(n))
	s.debugf("lua tcp socket read any")
	return k.receive(t, s, some{most: int(n)})
}
