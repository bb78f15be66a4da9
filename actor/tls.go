package actor

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

const (
	tlsBuffer  = 16 << 10  // received bytes that are not decrypted yet, and plain ones that become a record
	tlsChunk   = 16 << 10  // plain bytes per step of a write: a record
	tlsPending = 128 << 10 // encrypted bytes that wait to be sent; more is an attack by key updates
	tlsHeader  = 5         // RFC 8446, section 5.1: type, version, length
)

var errPending = errors.New("actor: too much waits to be sent on a TLS connection")

// A TLS is a TLS connection on an FD, with the FD's methods and rules: one coroutine reads, one
// writes, the others get ErrBusy.
//
// crypto/tls by itself on a parked descriptor has two faults that this hides. It holds mutexes
// while it writes, and a reader may want them: the worker would stand still. Here it writes into a
// buffer, and only the buffer's way out parks. And it reads ahead: a request could wait in its
// buffer while the descriptor has nothing to read, and OnReadable would not tell. Here it is given
// one record at a time.
type TLS struct {
	fd   *FD
	conn *tls.Conn

	in       []byte // received and not given to crypto/tls: in[r:w]; nil while empty
	r, w     int
	left     int    // bytes of the current record that crypto/tls has not had
	out      []byte // encrypted; out[sent:] is to be sent
	sent     int
	try      bool // a read must not park
	more     bool // the last read may have left decrypted bytes
	reading  bool // a coroutine is in Read or Handshake
	writing  bool
	hearing  bool // a server's that has not answered
	begun    bool // a record has come
	shaken   bool
	shutdown bool
	foreign  *NotTLS
	hello    []byte // of a server before its answer: all that came
}

// NotTLS is the error of a handshake with a client that does not speak TLS at all.
type NotTLS struct {
	Received []byte // all that was read from the descriptor
}

func (*NotTLS) Error() string { return "first record does not look like a TLS handshake" }

// recordHandshake is the type of the first record of every connection (RFC 8446, section 5.1).
const recordHandshake = 22

// ServerTLS makes the FD the server's end of a TLS connection. The configuration's callbacks run in
// the coroutine of Handshake and may park.
func (f *FD) ServerTLS(c *tls.Config) *TLS {
	t := &TLS{fd: f, hearing: true}
	t.conn = tls.Server((*tlsTransport)(t), c)
	return t
}

// ClientTLS makes the FD the client's end.
func (f *FD) ClientTLS(c *tls.Config) *TLS {
	t := &TLS{fd: f}
	t.conn = tls.Client((*tlsTransport)(t), c)
	return t
}

// FD is the descriptor below, for its addresses, options, OnHangup and timeouts.
func (t *TLS) FD() *FD { return t.fd }

// State is what the handshake has agreed upon; only after it.
func (t *TLS) State() tls.ConnectionState {
	if !t.shaken { // it may hold the mutex
		return tls.ConnectionState{}
	}
	return t.conn.ConnectionState()
}

// Hello is what a client has sent before it had an answer, its ClientHello in records; nil after the
// handshake.
func (t *TLS) Hello() []byte { return t.hello }

// Handshake does the handshake if it was not done. The FD's timeouts bound each of its steps. After
// an error only Close makes sense; the error of a client that does not speak TLS is a *NotTLS.
func (t *TLS) Handshake() error {
	if t.shaken {
		return nil
	}
	if t.reading || t.writing {
		return ErrBusy
	}
	t.reading, t.writing = true, true
	defer func() { t.reading, t.writing = false, false }()
	err := t.conn.Handshake()
	t.hello, t.hearing = nil, false
	if t.foreign != nil {
		return t.foreign
	}
	if ferr := t.flush(true); err == nil {
		err = ferr
	}
	t.shaken = err == nil
	return err
}

// Read reads at least one byte, parking until there is one. At the end it returns io.EOF, in the
// middle of a record io.ErrUnexpectedEOF. A timeout loses nothing.
func (t *TLS) Read(p []byte) (int, error) {
	if err := t.Handshake(); err != nil {
		return 0, err
	}
	return t.read(p, false)
}

// TryRead is Read without parking: ErrWouldBlock when no whole record has come, or when the
// handshake was not done.
func (t *TLS) TryRead(p []byte) (int, error) {
	if !t.shaken {
		return 0, ErrWouldBlock
	}
	return t.read(p, true)
}

func (t *TLS) read(p []byte, try bool) (int, error) {
	if t.reading {
		return 0, ErrBusy
	}
	t.reading, t.try = true, try
	defer func() { t.reading, t.try = false, false }()
	if !try {
		t.fd.w.spend()
	}
	n, err := t.conn.Read(p)
	t.more = err == nil && n == len(p)
	return n, err
}

// Write writes all of p, parking whenever there is no room. A timeout loses nothing: what was
// encrypted goes with the next write.
func (t *TLS) Write(p []byte) (int, error) {
	if err := t.Handshake(); err != nil {
		return 0, err
	}
	if t.writing {
		return 0, ErrBusy
	}
	t.writing = true
	defer func() { t.writing = false }()
	done := 0
	for done < len(p) {
		if err := t.flush(true); err != nil {
			return done, err
		}
		n, err := t.conn.Write(p[done:min(done+tlsChunk, len(p))])
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, t.flush(true)
}

// Writev writes all of the buffers in order; small ones share a record.
func (t *TLS) Writev(bufs [][]byte) (int64, error) {
	if len(bufs) == 1 {
		n, err := t.Write(bufs[0])
		return int64(n), err
	}
	record := t.fd.w.borrow()
	defer func() { t.fd.w.giveBack(record) }()
	var done int64
	fill := 0
	for _, b := range bufs {
		for len(b) > 0 {
			n := copy(record[fill:], b)
			fill += n
			b = b[n:]
			if fill == len(record) {
				m, err := t.Write(record)
				done += int64(m)
				if err != nil {
					return done, err
				}
				fill = 0
			}
		}
	}
	n, err := t.Write(record[:fill])
	return done + int64(n), err
}

// SendFile sends n bytes of the file from off on. It returns io.ErrUnexpectedEOF when the file is
// shorter.
func (t *TLS) SendFile(file *os.File, off, n int64) (int64, error) {
	record := t.fd.w.borrow()
	defer func() { t.fd.w.giveBack(record) }()
	var done int64
	for done < n {
		m, err := file.ReadAt(record[:min(int64(len(record)), n-done)], off+done)
		if m == 0 {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return done, err
		}
		m, err = t.Write(record[:m])
		done += int64(m)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Readable says whether a read would perhaps find something.
func (t *TLS) Readable() bool { return t.buffered() || t.fd.Readable() }

// buffered says whether a read would find something without the descriptor.
func (t *TLS) buffered() bool {
	if t.more {
		return true
	}
	n := t.w - t.r
	if t.left != 0 || n < tlsHeader {
		return false
	}
	return n == len(t.in) || n >= recordSize(t.in[t.r:])
}

func recordSize(b []byte) int { return tlsHeader + int(binary.BigEndian.Uint16(b[3:])) }

// OnReadable is that of the FD; what is buffered counts. The read may still find nothing: part of a
// record.
func (t *TLS) OnReadable(task Task) {
	t.fd.OnReadable(task)
	if task != nil && t.buffered() && !t.fd.Readable() {
		t.fd.flags |= readable // the next read finds out that it is not
		t.fd.w.Later((*readableFD)(t.fd))
	}
}

// CloseWrite says to the peer that nothing more comes (close_notify); reading goes on.
func (t *TLS) CloseWrite() error {
	if t.writing {
		return ErrBusy
	}
	if !t.shaken {
		return net.ErrClosed
	}
	t.shutdown = true
	if err := t.conn.CloseWrite(); err != nil {
		return err
	}
	t.writing = true
	defer func() { t.writing = false }()
	return t.flush(true)
}

// Close says so to the peer if that is possible without parking, and closes the descriptor.
func (t *TLS) Close() error {
	if t.fd.Closed() {
		return nil
	}
	if t.shaken && !t.shutdown {
		t.conn.Close()
	}
	err := t.flush(false)
	t.drop()
	return errors.Join(err, t.fd.Close())
}

func (t *TLS) drop() {
	if t.in != nil {
		t.fd.w.giveBack(t.in)
		t.in = nil
	}
	t.r, t.w, t.more, t.out, t.sent = 0, 0, false, nil, 0
}

// flush sends what is pending; without park, as far as there is room.
func (t *TLS) flush(park bool) error {
	f := t.fd
	if t.sent == len(t.out) {
		return nil
	}
	if err := f.begin(&f.write); err != nil && park {
		return err
	}
	for t.sent < len(t.out) {
		n, err := f.TryWrite(t.out[t.sent:])
		t.sent += n
		if err == ErrWouldBlock {
			if !park {
				return nil
			}
			err = f.wait(&f.write, onWrite, writable)
		}
		if err != nil {
			return err
		}
	}
	if cap(t.out) > 2*tlsChunk {
		t.out = nil
	}
	t.out, t.sent = t.out[:0], 0
	return nil
}

// receive reads from the descriptor behind in[r:w], parking unless this is a try.
func (t *TLS) receive() error {
	f := t.fd
	for {
		if t.in == nil {
			t.in = f.w.borrow()
			t.r, t.w = 0, 0
		}
		if t.r > 0 {
			t.w = copy(t.in, t.in[t.r:t.w])
			t.r = 0
		}
		n, err := f.TryRead(t.in[t.w:])
		t.w += n
		if err == nil {
			return nil
		}
		if t.w == 0 {
			f.w.giveBack(t.in)
			t.in = nil
		}
		if err != ErrWouldBlock || t.try {
			return err
		}
		if err := f.wait(&f.read, onRead, readable); err != nil {
			return err
		}
	}
}

// A tlsTransport is what crypto/tls reads from and writes to.
type tlsTransport TLS

// Read gives bytes of one record and none of the next.
func (c *tlsTransport) Read(p []byte) (int, error) {
	t := (*TLS)(c)
	// In a handshake the peer waits for that before it answers. Later it is an answer to a key
	// update, which does not matter to this reader: parking is for the writer.
	if err := t.flush(!t.shaken); err != nil {
		return 0, err
	}
	if err := t.fd.begin(&t.fd.read); err != nil {
		return 0, err
	}
	for t.left == 0 && t.w-t.r < tlsHeader || t.w == t.r {
		if err := t.receive(); err != nil {
			return 0, err
		}
	}
	if t.left == 0 {
		if !t.begun && t.in[t.r] != recordHandshake {
			t.foreign = &NotTLS{bytes.Clone(t.in[t.r:t.w])}
			return 0, t.foreign
		}
		t.begun = true
		t.left = recordSize(t.in[t.r:])
	}
	n := copy(p[:min(len(p), t.left)], t.in[t.r:t.w])
	if t.hearing && len(t.hello) < tlsPending {
		t.hello = append(t.hello, p[:n]...)
	}
	t.r += n
	t.left -= n
	if t.r == t.w {
		t.fd.w.giveBack(t.in)
		t.in, t.r, t.w = nil, 0, 0
	}
	return n, nil
}

// Write keeps the bytes for flush.
func (c *tlsTransport) Write(p []byte) (int, error) {
	if len(c.out)-c.sent+len(p) > tlsPending {
		return 0, errPending
	}
	c.hearing = false
	c.out = append(c.out, p...)
	return len(p), nil
}

// The TLS closes and times the descriptor itself.

func (c *tlsTransport) Close() error                     { return nil }
func (c *tlsTransport) LocalAddr() net.Addr              { return c.fd.LocalAddr() }
func (c *tlsTransport) RemoteAddr() net.Addr             { return c.fd.RemoteAddr() }
func (c *tlsTransport) SetDeadline(time.Time) error      { return nil }
func (c *tlsTransport) SetReadDeadline(time.Time) error  { return nil }
func (c *tlsTransport) SetWriteDeadline(time.Time) error { return nil }

// borrow lends a buffer of tlsBuffer bytes; few are needed at a time, as nothing keeps one while it
// waits for a peer to speak.
func (w *Worker) borrow() []byte {
	if n := len(w.buffers); n > 0 {
		b := w.buffers[n-1]
		w.buffers = w.buffers[:n-1]
		return b
	}
	return make([]byte, tlsBuffer)
}

// maxBuffers is how many free buffers a worker keeps.
const maxBuffers = 64

func (w *Worker) giveBack(b []byte) {
	if len(w.buffers) < maxBuffers {
		w.buffers = append(w.buffers, b)
	}
}
