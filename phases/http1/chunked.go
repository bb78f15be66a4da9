package http1

import "bytes"

// Defaults of a ChunkedDecoder's limits.
const (
	defaultMaxChunkLine = 1024
	defaultMaxOverhead  = 16384
	defaultMaxTrailer   = 8192
	defaultMaxTrailers  = 100
)

// What a chunked body is refused for. They are shared: compare, do not change. An upstream's
// caller has words of its own for them ("upstream sent invalid chunked response").
var (
	ErrChunk    error = &ParseError{400, "client sent invalid chunked body"}
	ErrOverhead error = &ParseError{400, "client sent invalid chunked body: too much chunk framing"}
	ErrTrailer  error = &ParseError{400, "client sent invalid chunked body: invalid trailer"}
)

// ChunkedDecoder reads a chunked body (RFC 9112 section 7.1) however its bytes are split. The
// zero value is ready. Size lines are hex digits, an extension behind ';' at most, and CRLF.
type ChunkedDecoder struct {
	MaxLine     int // bytes of a size line with its extension, default 1024
	MaxOverhead int // bytes of extensions and framing beyond 16 bytes a chunk and twice the data, default 16384
	MaxTrailer  int // bytes of the trailer section, default 8192
	MaxTrailers int // lines of it, default 100

	// Trailers are the trailer fields once Done; the decoder owns their bytes until Reset.
	Trailers []Field

	left     int64 // data bytes of the chunk still to come
	line     int   // bytes of the size line so far
	overhead int64
	trailer  []byte
	state    chunkState
}

type chunkState uint8

const (
	chunkSize        chunkState = iota // the first digit
	chunkDigits                        // more digits, ';' or CR
	chunkExtension                     // up to CR
	chunkSizeLF                        // LF of the size line
	chunkData                          // left bytes of data
	chunkDataCR                        // CR behind the data
	chunkDataLF                        // LF behind the data
	chunkTrailer                       // first byte of a trailer line
	chunkTrailerText                   // rest of a trailer line
	chunkTrailerLF                     // LF of the empty line
	chunkDone
	chunkBroken // nothing but errors
)

// Reset makes the decoder ready for the next body; limits and room stay.
func (d *ChunkedDecoder) Reset() {
	*d = ChunkedDecoder{
		MaxLine: d.MaxLine, MaxOverhead: d.MaxOverhead, MaxTrailer: d.MaxTrailer, MaxTrailers: d.MaxTrailers,
		Trailers: d.Trailers[:0], trailer: d.trailer[:0],
	}
}

// Done reports whether the body and its trailers are complete.
func (d *ChunkedDecoder) Done() bool { return d.state == chunkDone }

// Left is how many bytes of data the chunk at hand still has to bring, so that a body limit can
// be enforced when a chunk is announced.
func (d *ChunkedDecoder) Left() int64 {
	if d.state == chunkData {
		return d.left
	}
	return 0
}

// Next reads from src. It returns after a run of data, a slice of src, or when src is used up or
// the body is done; n is how much of src was read. No error is recoverable.
func (d *ChunkedDecoder) Next(src []byte) (data []byte, n int, err error) {
	for n < len(src) && d.state != chunkDone {
		if d.state == chunkData {
			run := src[n:]
			if int64(len(run)) > d.left {
				run = run[:d.left:d.left]
			}
			d.left -= int64(len(run))
			d.overhead = max(d.overhead-2*int64(len(run)), 0)
			if d.left == 0 {
				d.state = chunkDataCR
			}
			return run, n + len(run), nil
		}
		if d.state == chunkTrailerText {
			var used int
			if used, err = d.trailerText(src[n:]); err != nil {
				d.state = chunkBroken
				return nil, n, err
			}
			n += used
			continue
		}
		if err = d.step(src[n]); err != nil {
			d.state = chunkBroken
			return nil, n, err
		}
		n++
	}
	return nil, n, nil
}

// step takes one byte of framing.
func (d *ChunkedDecoder) step(c byte) error {
	switch d.state {
	case chunkSize:
		d.line, d.left = 0, 0
		return d.digit(c)
	case chunkDigits:
		switch c {
		case ';':
			d.state = chunkExtension
			return d.lengthen()
		case '\r':
			d.state = chunkSizeLF
			return nil
		}
		return d.digit(c)
	case chunkExtension:
		if c == '\r' {
			d.state = chunkSizeLF
			return nil
		}
		if c < 0x20 && c != '\t' || c == 0x7f {
			return ErrChunk
		}
		return d.lengthen()
	case chunkSizeLF:
		return d.sizeEnd(c)
	case chunkDataCR:
		return d.expect(c, '\r', chunkDataLF)
	case chunkDataLF:
		return d.expect(c, '\n', chunkSize)
	case chunkTrailer:
		return d.trailerStart(c)
	case chunkTrailerLF:
		if c != '\n' {
			return ErrTrailer
		}
		return d.trailers()
	}
	return ErrChunk
}

func (d *ChunkedDecoder) expect(c, want byte, next chunkState) error {
	if c != want {
		return ErrChunk
	}
	d.state = next
	return nil
}

func (d *ChunkedDecoder) digit(c byte) error {
	v := hexValue[c]
	if v < 0 || d.left > maxLength>>4 {
		return ErrChunk
	}
	d.left = d.left<<4 | int64(v)
	d.state = chunkDigits
	return d.lengthen()
}

func (d *ChunkedDecoder) lengthen() error {
	d.line++
	if d.line > orDefault(d.MaxLine, defaultMaxChunkLine) {
		return ErrOverhead
	}
	return nil
}

func (d *ChunkedDecoder) sizeEnd(c byte) error {
	if c != '\n' {
		return ErrChunk
	}
	d.overhead = max(d.overhead+int64(d.line)-16, 0)
	if d.overhead > int64(orDefault(d.MaxOverhead, defaultMaxOverhead)) {
		return ErrOverhead
	}
	d.state = chunkData
	if d.left == 0 {
		d.state = chunkTrailer
	}
	return nil
}

func (d *ChunkedDecoder) trailerStart(c byte) error {
	if c == '\r' {
		d.state = chunkTrailerLF
		return nil
	}
	if nameClass[c] == 0 {
		return ErrTrailer
	}
	d.state = chunkTrailerText
	return d.keep([]byte{c})
}

func (d *ChunkedDecoder) keep(b []byte) error {
	if len(d.trailer)+len(b) > orDefault(d.MaxTrailer, defaultMaxTrailer) {
		return ErrTrailer
	}
	d.trailer = append(d.trailer, b...)
	return nil
}

func (d *ChunkedDecoder) trailerText(src []byte) (int, error) {
	used := bytes.IndexByte(src, '\n') + 1
	if used == 0 {
		return len(src), d.keep(src)
	}
	d.state = chunkTrailer
	return used, d.keep(src[:used])
}

// trailers reads the kept lines.
func (d *ChunkedDecoder) trailers() error {
	d.state = chunkDone
	for pos := 0; pos < len(d.trailer); {
		s := scanField(d.trailer, pos)
		if s.verdict != fieldGood || s.lf || len(d.Trailers) == orDefault(d.MaxTrailers, defaultMaxTrailers) {
			return ErrTrailer
		}
		f := Field{d.trailer[pos:s.nameEnd:s.nameEnd], d.trailer[s.valueStart:s.valueEnd:s.valueEnd]}
		if forbiddenTrailer(f.Name) {
			return ErrTrailer
		}
		d.Trailers = append(d.Trailers, f)
		pos = s.next
	}
	return nil
}

// forbiddenTrailers frame, route, authenticate or condition a message, or say how to read its
// content (RFC 9110 section 6.5.1): they mean something only in a head.
var forbiddenTrailers = [...]string{
	"authorization", "cache-control", "connection", "content-encoding", "content-length", "content-range",
	"content-type", "cookie", "expect", "host", "if-match", "if-modified-since", "if-none-match", "if-range",
	"if-unmodified-since", "keep-alive", "max-forwards", "proxy-authenticate", "proxy-authorization",
	"proxy-connection", "range", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade", "www-authenticate",
}

func forbiddenTrailer(name []byte) bool {
	for _, f := range forbiddenTrailers {
		if foldsTo(name, f) {
			return true
		}
	}
	return false
}

func orDefault(n, def int) int {
	if n > 0 {
		return n
	}
	return def
}

// AppendChunkHeader begins a chunk of n bytes of data, n > 0; CRLF follows the data.
func AppendChunkHeader(dst []byte, n int) []byte {
	return append(AppendHex(dst, uint64(n)), '\r', '\n')
}

// AppendLastChunk ends a chunked body.
func AppendLastChunk(dst []byte, trailers []Field) []byte {
	dst = append(dst, "0\r\n"...)
	for _, f := range trailers {
		dst = AppendField(dst, f.Name, f.Value)
	}
	return append(dst, '\r', '\n')
}
