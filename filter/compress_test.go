package filter

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"

	"github.com/luahttpd/luahttpd/phases"
)

// decoders are the clients' side of the codings.
var decoders = map[string]func(r io.Reader) (io.Reader, error){
	"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"br":   func(r io.Reader) (io.Reader, error) { return brrr.NewReader(r), nil },
	"zstd": func(r io.Reader) (io.Reader, error) {
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		return d, err
	},
}

// text is a body that compresses about as well as text does.
func text(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "line %d of a text %d\n", i, i*7919%1000)
	}
	return b.Bytes()[:size]
}

// Whatever the coding, level and pieces, what comes out is what went in.
func TestCodings(t *testing.T) {
	for _, c := range []struct{ coding, directives string }{
		{"gzip", "gzip on; gzip_types *; gzip_min_length 0;"},
		{"gzip", "gzip on; gzip_types *; gzip_min_length 0; gzip_comp_level 9;"},
		{"br", "brotli on; brotli_types *; brotli_min_length 0;"},
		{"br", "brotli on; brotli_types *; brotli_min_length 0; brotli_comp_level 0;"},
		{"br", "brotli on; brotli_types *; brotli_min_length 0; brotli_comp_level 11; brotli_window 16k;"},
		{"zstd", "zstd on; zstd_types *; zstd_min_length 0;"},
		{"zstd", "zstd on; zstd_types *; zstd_min_length 0; zstd_comp_level 19;"},
	} {
		st := newRunning(t, c.directives)
		for _, size := range []int{0, 1, 100, 32<<10 - 1, 32 << 10, 200 << 10} {
			body := text(size)
			for _, n := range []int{0, 4096, 700} { // 0: all at once
				var r phases.Request
				var s sink
				st.content = pieces("text/x", body, n)
				if n == 0 {
					st.content = func(r *phases.Request) phases.Result {
						r.Out.ContentType = "text/x"
						return r.SendBytes(body)
					}
				}
				st.get(&r, &s, "Accept-Encoding", "x, "+c.coding)
				if v, _ := r.Out.Get("Content-Encoding"); v != c.coding || s.ended != 1 {
					t.Fatalf("%s %d by %d: encoding %q, ended %d times", c.directives, size, n, v, s.ended)
				}
				if size > 1000 && s.body.Len() > size/2 {
					t.Errorf("%s: %d bytes became %d", c.directives, size, s.body.Len())
				}
				d, err := decoders[c.coding](&s.body)
				if err != nil {
					t.Fatalf("%s %d by %d: %v", c.directives, size, n, err)
				}
				if got, err := io.ReadAll(d); err != nil || !bytes.Equal(got, body) {
					t.Errorf("%s: %d by %d: %d bytes came back, %v", c.directives, size, n, len(got), err)
				}
			}
		}
	}
}

// A flush lets the client see everything so far, whatever the coding; one that
// comes before the body does no harm.
func TestFlush(t *testing.T) {
	for _, c := range []struct{ coding, directives string }{
		{"gzip", "gzip on; gzip_types *;"}, {"br", "brotli on; brotli_types *;"}, {"zstd", "zstd on; zstd_types *;"},
	} {
		st := newRunning(t, c.directives)
		var s sink
		seen := func() string {
			d, err := decoders[c.coding](bytes.NewReader(s.body.Bytes()))
			if err != nil {
				return err.Error()
			}
			got, _ := io.ReadAll(d)
			return string(got)
		}
		st.content = func(r *phases.Request) phases.Result {
			r.Out.ContentType = "text/x"
			if err := r.Send(phases.Chunk{Flush: true}); err != nil {
				return r.Result(err)
			}
			if err := r.Send(phases.Chunk{Bytes: []byte("first"), Flush: true}); err != nil {
				return r.Result(err)
			}
			if got := seen(); got != "first" {
				t.Errorf("%s: %q was seen after a flush", c.coding, got)
			}
			return r.SendBytes([]byte(" and last"))
		}
		var r phases.Request
		st.get(&r, &s, "Accept-Encoding", c.coding)
		if got := seen(); got != "first and last" {
			t.Errorf("%s: %q came in all", c.coding, got)
		}
	}
}

// Which coding a client gets.
func TestWhichCoding(t *testing.T) {
	for _, c := range []struct{ directives, accept, want, vary string }{
		{"gzip on; brotli on; zstd on;", "gzip, deflate, br, zstd", "br", ""},
		{"gzip on; brotli on; zstd on;", "gzip, zstd", "zstd", ""},
		{"gzip on; brotli on; zstd on;", "br;q=0, gzip", "gzip", ""},
		{"gzip on; brotli on; zstd on;", "brx", "", ""},
		{"gzip on;", "br, zstd", "", ""},
		{"brotli on; gzip_vary on;", "gzip", "", "Accept-Encoding"},
		{"brotli on; zstd on; gzip on; gzip_vary on;", "zstd", "zstd", "Accept-Encoding"},
		{"brotli on; brotli_min_length 10k;", "br", "", ""},
		{"zstd on; zstd_min_length 10k;", "zstd", "", ""},
	} {
		st := newRunning(t, "gzip_types text/x; zstd_types text/x; brotli_types text/x; "+c.directives)
		st.content = func(r *phases.Request) phases.Result {
			r.Out.ContentType = "text/x"
			return r.SendBytes(text(1000))
		}
		var r phases.Request
		var s sink
		st.get(&r, &s, "Accept-Encoding", c.accept)
		coding, _ := r.Out.Get("Content-Encoding")
		if vary, _ := r.Out.Get("Vary"); coding != c.want || vary != c.vary {
			t.Errorf("%s %q: got %q, Vary %q", c.directives, c.accept, coding, vary)
		}
	}
}
