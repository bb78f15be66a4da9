package phases

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Body is a request's body: read when somebody asks for it, kept in memory up
// to client_body_buffer_size and then in a temporary file.
type Body struct {
	// Read: it has been read (or set); Discarded: it has been thrown away.
	Read, Discarded bool
	// Data is the body while it is in memory.
	Data []byte
	// File holds it otherwise; Path is its name ("" once unlinked).
	File *os.File
	Path string
	// Size in bytes.
	Size int64
	// Streaming: a handler reads the body piece by piece itself.
	Streaming bool

	// inFile: it is wanted in a file, whatever its size.
	inFile bool
	// received counts the bytes of it on the wire, framing included.
	received int64
	keep     bool
	owner    bool
	spare    []byte
}

func (b *Body) reset() {
	spare := b.spare
	*b = Body{spare: spare}
}

func (b *Body) close() {
	if b.File != nil && b.owner {
		b.File.Close()
		if b.Path != "" && !b.keep {
			os.Remove(b.Path)
		}
	}
	b.File = nil
	if cap(b.spare) > 64<<10 {
		b.spare = nil
	}
}

// Reader reads the body from its beginning, once it has been read.
func (b *Body) Reader() io.Reader {
	if b.File != nil {
		return io.NewSectionReader(b.File, 0, b.Size)
	}
	return &sliceReader{b.Data}
}

type sliceReader struct{ rest []byte }

func (s *sliceReader) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Received is called by the stream for n bytes of the body on the wire.
func (r *Request) Received(n int) { r.Body.received += int64(n) }

// HasBody tells whether the client declared a body.
func (r *Request) HasBody() bool { return r.Chunked || r.ContentLength > 0 }

// ReadBody reads the whole body. It parks; a body that was read or discarded
// already is left as it is. The error is a *StatusError: 400, 408, 413, 500.
func (r *Request) ReadBody() error {
	b := &r.Body
	if b.Read || b.Discarded || b.Streaming || !r.IsMain() {
		return nil
	}
	b.Read = true
	if err := r.stream.Continue(); err != nil {
		return err
	}
	if !r.HasBody() {
		return nil
	}
	c := r.Loc.Core
	if c.BodyFile != BodyFileOff || b.inFile {
		if err := r.spill(c); err != nil {
			return err
		}
	}
	limit := c.BodyBufferSize
	if n := r.ContentLength; n >= 0 && n <= limit+limit/4 { // nginx's allowance
		limit = n
	}
	buf := b.spare[:0:min(int64(cap(b.spare)), limit)]
	if int64(cap(buf)) < min(limit, 4096) {
		buf = make([]byte, 0, min(limit, 64<<10))
	}
	for {
		var err error
		if buf, err = r.bodyRoom(c, buf, limit); err != nil {
			return err
		}
		space := buf[len(buf):cap(buf)]
		if left := max(r.ContentLength-b.Size, 0); !r.Chunked && int64(len(space)) > left {
			space = space[:left]
		}
		if len(space) == 0 {
			break // a script may have made the body shorter than it is
		}
		n, err := r.stream.Read(space)
		b.Size += int64(n)
		if c.MaxBodySize > 0 && b.Size > c.MaxBodySize {
			return &StatusError{413, LevelError, fmt.Sprintf("client intended to send too large chunked body: %d bytes", b.Size)}
		}
		if b.File != nil {
			if _, werr := b.File.Write(space[:n]); werr != nil {
				return &StatusError{500, LevelCrit, werr.Error()}
			}
		} else {
			buf = buf[:len(buf)+n]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if b.File == nil {
		if b.Data = buf; cap(buf) > cap(b.spare) {
			b.spare = buf
		}
	}
	r.ContentLength = b.Size
	return nil
}

// bodyRoom gives the buffer of a body that is being read room for more: it grows
// up to limit, and then its contents go into a file.
func (r *Request) bodyRoom(c *Core, buf []byte, limit int64) ([]byte, error) {
	b := &r.Body
	if len(buf) == cap(buf) && b.File == nil {
		if int64(len(buf)) < limit {
			grown := make([]byte, len(buf), min(max(int64(2*cap(buf)), 4096), limit))
			copy(grown, buf)
			buf = grown
		} else if r.ContentLength != int64(len(buf)) {
			if err := r.spillBytes(c, buf); err != nil {
				return buf, err
			}
			buf = buf[:0]
		}
	}
	if b.File != nil && cap(buf) < 4096 {
		buf = make([]byte, 0, 16<<10)
	}
	return buf, nil
}

func (r *Request) spillBytes(c *Core, data []byte) error {
	if err := r.spill(c); err != nil {
		return err
	}
	if _, err := r.Body.File.Write(data); err != nil {
		return &StatusError{500, LevelCrit, err.Error()}
	}
	return nil
}

// spill opens the temporary file of the body.
func (r *Request) spill(c *Core) error {
	dir := join(r.Config.Prefix, c.BodyTemp)
	f, err := os.CreateTemp(dir, "0*")
	if errors.Is(err, os.ErrNotExist) {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			f, err = os.CreateTemp(dir, "0*")
		}
	}
	if err != nil {
		return &StatusError{500, LevelCrit, OpenError(err)}
	}
	r.Body.File, r.Body.owner = f, true
	r.Body.Path = filepath.Join(dir, filepath.Base(f.Name()))
	r.Body.keep = c.BodyFile == BodyFileOn
	if r.Body.inFile {
		return nil
	}
	level := LevelWarn
	if c.BodyFile != BodyFileOff {
		level = LevelNotice
	}
	r.Errorf(level, "a client request body is buffered to a temporary file %s", r.Body.Path)
	return nil
}

// TakeBody reads the body into a file that is the caller's from now on, also to
// remove. It parks; the error is one of ReadBody's.
func (r *Request) TakeBody() (path string, err error) {
	b := &r.Body
	b.inFile = true
	err = r.ReadBody()
	if err == nil && b.File == nil {
		err = r.spillBytes(r.Loc.Core, b.Data)
	}
	if err != nil {
		return "", err
	}
	b.keep = true
	return b.Path, nil
}

// SetBody replaces the body by data, which is kept.
func (r *Request) SetBody(data []byte) {
	r.Body.close()
	r.Body.Data, r.Body.Path, r.Body.Size = data, "", int64(len(data))
	r.Body.Read, r.Body.Discarded = true, false
	r.ContentLength, r.Chunked = int64(len(data)), false
}

// SetBodyFile replaces the body by the file at path, which is removed at the
// end if clean.
func (r *Request) SetBodyFile(path string, clean bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	r.Body.close()
	r.Body.Data, r.Body.File, r.Body.Path, r.Body.Size = nil, f, path, st.Size()
	r.Body.owner, r.Body.keep, r.Body.Read = true, !clean, true
	r.ContentLength, r.Chunked = st.Size(), false
	return nil
}

// ReadStream reads bytes of the body as they come, for a handler that has set
// Body.Streaming. It waits for limit; the error is io.EOF at the body's end,
// actor.ErrTimeout, or another that ends it.
func (r *Request) ReadStream(p []byte, limit time.Duration) (int, error) {
	return r.stream.ReadWithin(p, limit)
}

// DiscardBody reads and throws away what the client still sends of the body,
// as far as the connection's lingering limits allow. It parks.
func (r *Request) DiscardBody() error {
	b := &r.Body
	if b.Read || b.Discarded || b.Streaming || !r.IsMain() {
		return nil
	}
	b.Discarded = true
	if err := r.stream.Continue(); err != nil {
		return err
	}
	return r.stream.Skip() // the connection skips the rest when the response is out
}
