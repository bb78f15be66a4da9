package upstream

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
)

// A cache file holds one answer: a header of fixed size, the key, Vary, the
// ETag, the answer's head and its body. It is written under another name and
// renamed when it is whole; one whose size or sum is wrong is as good as none.
type cacheHeader struct {
	valid    int64    // until when it is fresh, in seconds
	updating int64    // seconds behind that while which it may be served while it is updated
	erring   int64    // the same when the peer fails
	date     int64    // when it was stored or revalidated
	modified int64    // Last-Modified; 0: none
	variant  [16]byte // of the fields that Vary names
	body     int64    // its length
	key      string
	vary     string
	etag     string
	head     string // status line and fields
}

const (
	cacheMagic = "LHC1"
	// cacheFixed is magic, sum, the lengths of the texts, the numbers and the variant.
	cacheFixed = 4 + 4 + 4*4 + 6*8 + 16
	// maxCacheHead bounds what a file may claim of its texts.
	maxCacheHead = 1 << 20
)

var errCacheFile = errors.New("cache file is broken")

// start is where the body begins.
func (h *cacheHeader) start() int64 {
	return int64(cacheFixed + len(h.key) + len(h.vary) + len(h.etag) + len(h.head))
}

func (h *cacheHeader) encode() []byte {
	b := make([]byte, 0, h.start())
	b = append(b, cacheMagic...)
	b = append(b, 0, 0, 0, 0)
	for _, s := range []string{h.key, h.vary, h.etag, h.head} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
	}
	for _, n := range []int64{h.valid, h.updating, h.erring, h.date, h.modified, h.body} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	b = append(b, h.variant[:]...)
	for _, s := range []string{h.key, h.vary, h.etag, h.head} {
		b = append(b, s...)
	}
	binary.LittleEndian.PutUint32(b[4:], crc32.ChecksumIEEE(b[8:]))
	return b
}

// decode reads a header at the beginning of b. io.ErrShortBuffer: need bytes
// of the file are needed.
func (h *cacheHeader) decode(b []byte) (need int, err error) {
	if len(b) < cacheFixed || string(b[:4]) != cacheMagic {
		return 0, errCacheFile
	}
	var sizes [4]int
	need = cacheFixed
	for i := range sizes {
		n := binary.LittleEndian.Uint32(b[8+4*i:])
		if n > maxCacheHead {
			return 0, errCacheFile
		}
		sizes[i] = int(n)
		need += int(n)
	}
	if len(b) < need {
		return need, io.ErrShortBuffer
	}
	b = b[:need]
	if crc32.ChecksumIEEE(b[8:]) != binary.LittleEndian.Uint32(b[4:]) {
		return 0, errCacheFile
	}
	p := b[8+16:]
	for _, n := range []*int64{&h.valid, &h.updating, &h.erring, &h.date, &h.modified, &h.body} {
		*n = int64(binary.LittleEndian.Uint64(p))
		p = p[8:]
	}
	copy(h.variant[:], p)
	text := string(p[16:])
	for i, s := range []*string{&h.key, &h.vary, &h.etag, &h.head} {
		*s, text = text[:sizes[i]], text[sizes[i]:]
	}
	if h.body < 0 {
		return 0, errCacheFile
	}
	return need, nil
}

// openCacheFile opens the file of an answer and reads its header.
func openCacheFile(path string) (f *os.File, h cacheHeader, err error) {
	if f, err = os.Open(path); err != nil {
		return nil, h, err
	}
	if err = h.read(f); err != nil {
		f.Close()
		return nil, h, err
	}
	return f, h, nil
}

func (h *cacheHeader) read(f *os.File) error {
	var room [4096]byte
	n, err := f.ReadAt(room[:], 0)
	if err != nil && err != io.EOF {
		return err
	}
	need, err := h.decode(room[:n])
	if err == io.ErrShortBuffer {
		b := make([]byte, need)
		if _, err = f.ReadAt(b, 0); err == nil {
			_, err = h.decode(b)
		}
	}
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.Size() != h.start()+h.body {
		return errCacheFile
	}
	return nil
}
