package lua

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// body_filter_by_lua_block buffered [max=size] { … }: the script has the whole
// body at once, and the head waits for it, so that it says the length of what
// the script has made.

// bufferedMax is how large the body may be by default.
const bufferedMax = 1 << 20

// setBuffered reads what follows buffered in a statement; first is the number
// of arguments before it.
func (k *chunk) setBuffered(s *conf.Stmt, first int) error {
	if len(s.Args) <= first {
		return nil
	}
	if s.Args[first] != "buffered" {
		return s.Errorf("invalid parameter \"%s\"", s.Args[first])
	}
	k.buffered = bufferedMax
	for _, arg := range s.Args[first+1:] {
		text, ok := strings.CutPrefix(arg, "max=")
		size, valid := conf.Size(text)
		if !ok || !valid || size <= 0 {
			return s.Errorf("invalid parameter \"%s\"", arg)
		}
		k.buffered = size
	}
	return nil
}

// heldBody is a response whose head waits for its body.
type heldBody struct {
	bytes []byte
	done  bool
}

// bufferedFilter is the filter of a body filter that has the whole body; head
// is what is done to the head before.
func (own *Conf) bufferedFilter(k *chunk, head func(r *phases.Request) error) (f phases.Filter) {
	var sendHead phases.HeaderFunc
	f.Header = func(next phases.HeaderFunc) phases.HeaderFunc {
		sendHead = next
		return func(r *phases.Request) error {
			if err := head(r); err != nil {
				return err
			}
			if m := memoSlot.Get(r); m != nil && m.whole != nil { // it has failed, and this is the page for that
				m.whole = nil
				return next(r)
			}
			if r.Out.NoBody {
				if r.IsHead() {
					r.Out.ChangeBody(false)
				}
				return next(r)
			}
			memoSlot.Ensure(r).whole = &heldBody{}
			return nil
		}
	}
	f.Body = func(next phases.BodyFunc) phases.BodyFunc {
		return func(r *phases.Request, c phases.Chunk) error {
			m := memoSlot.Get(r)
			if m == nil || m.whole == nil {
				return next(r, c)
			}
			h := m.whole
			if h.done {
				return nil
			}
			if err := h.add(c, k.buffered); err != nil || !c.End {
				return err
			}
			h.done = true
			c, err := own.filterWhole(r, k, c, h)
			if err != nil {
				return err
			}
			if err := sendHead(r); err != nil {
				return err
			}
			return next(r, c)
		}
	}
	return f
}

// add keeps a chunk, up to most bytes of them.
func (h *heldBody) add(c phases.Chunk, most int64) error {
	if int64(len(h.bytes))+c.Len() > most {
		return tooLarge(most)
	}
	c, err := c.Load()
	h.bytes = append(h.bytes, c.Bytes...)
	return err
}

func tooLarge(most int64) error {
	return &phases.StatusError{Status: 500, Level: phases.LevelError,
		Reason: fmt.Sprintf("the response body is larger than the %s of a buffered body_filter_by_lua*", sizeText(most))}
}

// filterWhole runs the script on the body, which it has decompressed, and
// makes the head fit what comes out.
func (own *Conf) filterWhole(r *phases.Request, k *chunk, c phases.Chunk, h *heldBody) (phases.Chunk, error) {
	body := h.bytes
	if e, ok := r.Out.Get("Content-Encoding"); ok && strings.EqualFold(e, "gzip") {
		plain, err := gunzip(body, k.buffered)
		var se *phases.StatusError
		switch {
		case err == nil:
			body = plain
			r.Out.Del("Content-Encoding")
		case errors.As(err, &se):
			return c, err
		default:
			r.Errorf(phases.LevelWarn, "the response body is not what its Content-Encoding says: %v", err)
		}
	}
	made, err := own.runBodyFilter(r, k, phases.Chunk{Bytes: body, End: true, Last: c.Last})
	if err != nil {
		return c, err
	}
	if !bytes.Equal(made.Bytes, h.bytes) {
		r.Out.ChangeBody(false)
	}
	r.Out.ContentLength = int64(len(made.Bytes))
	made.End, made.Last = true, c.Last
	return made, nil
}

func gunzip(b []byte, most int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(z, most+1))
	if err == nil && int64(len(plain)) > most {
		err = tooLarge(most)
	}
	return plain, err
}
