package upstream

import (
	"bytes"
	"strconv"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// memcachedConf is what a location says of memcached_pass.
type memcachedConf struct {
	Settings
	pass     pass
	gzipFlag int
	workers  *workers
	key      *phases.Template
}

// Memcached is memcached_pass and its directives.
var Memcached = phases.Define(phases.Spec[memcachedConf]{
	Name: "memcached",
	Default: func() memcachedConf {
		s := defaultSettings("memcached")
		s.temp.max, s.ForceRanges = 0, true
		return memcachedConf{Settings: s}
	},
	Directives: append(peerRows("memcached_", func(c *memcachedConf) *Settings { return &c.Settings }),
		phases.Set("memcached_pass", conf.Location|conf.LocationIf, conf.Exactly(1), func(own *memcachedConf, b *phases.Block, s *conf.Stmt) (err error) {
			if err = own.pass.set(b, s, parseSocket("memcached")); err == nil {
				own.key, err = b.Template(s, "$memcached_key")
			}
			return err
		}),
		phases.SetInt("memcached_gzip_flag", anywhere, func(c *memcachedConf) *int { return &c.gzipFlag }),
	),
	Finish: func(own *memcachedConf, b *phases.Block) error {
		own.workers = &inConfig.Of(b.Config).workers
		own.hide(nil)
		own.PassBody = false
		return nil
	},
	Content: memcachedPass,
})

func memcachedPass(r *phases.Request, own *memcachedConf) phases.Result {
	if r.Method != "GET" && r.Method != "HEAD" {
		return 405
	}
	if err := r.DiscardBody(); err != nil {
		return r.Result(err)
	}
	x := begin(r, own.workers, &own.Settings)
	x.proto = &memcached{own: own}
	x.intercept404 = true
	if res := x.aim(&own.pass, nil); res != phases.Next {
		return res
	}
	x.uri = x.uri[:0]
	r.SetContentType()
	return x.run()
}

// memcached asks for one key with the text protocol.
type memcached struct {
	own  *memcachedConf
	key  []byte // as it is sent
	left int64
	tail int // bytes of "\r\nEND\r\n" that came
	miss bool
}

const memcachedEnd = "\r\nEND\r\n"

func (m *memcached) reset(*Exchange) { m.left, m.tail, m.miss = 0, 0, false }

func (m *memcached) request(x *Exchange, b []byte) ([]byte, error) {
	key := m.own.key.Bytes(x.r)
	if len(key) == 0 {
		return nil, &phases.StatusError{Status: 500, Level: phases.LevelError, Reason: "the \"$memcached_key\" variable is not set"}
	}
	m.key = http1.AppendEscaped(nil, key, http1.EscapeMemcached)
	b = append(append(b, "get "...), m.key...)
	return append(b, "\r\n"...), nil
}

func (m *memcached) framed(*Exchange) bool       { return false }
func (m *memcached) open(b []byte, _ int) []byte { return b }
func (m *memcached) shut(b []byte, _ int) []byte { return b }
func (m *memcached) end(b []byte) []byte         { return b }
func (m *memcached) closed(*Exchange) bool       { return false }
func (m *memcached) reusable(*Exchange) bool {
	return m.miss || m.left == 0 && m.tail == len(memcachedEnd)
}

// readHead reads "VALUE key flags length" or "END".
func (m *memcached) readHead(x *Exchange, b []byte) (n int, err error) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return 0, http1.ErrShort
	}
	line := bytes.TrimSuffix(b[:i], []byte("\r"))
	h := &x.head
	h.Reset()
	h.Status = 200
	if string(line) == "END" {
		x.r.Errorf(phases.LevelInfo, "key: \"%s\" was not found by memcached", m.key)
		h.Status, m.miss = 404, true
		return i + 1, nil
	}
	if rest, is := bytes.CutPrefix(line, []byte("VALUE ")); is {
		if rest, is = bytes.CutPrefix(rest, m.key); !is || len(rest) == 0 || rest[0] != ' ' {
			return 0, fastcgiError("upstream sent invalid key in response \"" + printable(line) + "\" for key \"" + printable(m.key) + "\"")
		}
		flags, length, ok := bytes.Cut(rest[1:], []byte(" "))
		f, ferr := strconv.ParseUint(string(flags), 10, 32)
		if !ok || ferr != nil {
			return 0, fastcgiError("upstream sent invalid flags in response \"" + printable(line) + "\" for key \"" + printable(m.key) + "\"")
		}
		size, lerr := strconv.ParseInt(string(length), 10, 62)
		if lerr != nil || size < 0 {
			return 0, fastcgiError("upstream sent invalid length in response \"" + printable(line) + "\" for key \"" + printable(m.key) + "\"")
		}
		if int(f)&m.own.gzipFlag != 0 {
			h.Fields = append(h.Fields, http1.Field{Name: []byte("Content-Encoding"), Value: []byte("gzip")})
		}
		h.ContentLength, m.left = size, size
		return i + 1, nil
	}
	return 0, fastcgiError("memcached sent invalid response: \"" + printable(line) + "\"")
}

// printable is a text for the log.
func printable(b []byte) string {
	return string(http1.AppendEscaped(nil, b[:min(len(b), 256)], http1.EscapeMemcached))
}

func (m *memcached) readBody(x *Exchange, b []byte) (data []byte, n int, done bool, err error) {
	if m.miss {
		return nil, 0, true, nil
	}
	n = int(min(int64(len(b)), m.left))
	data = b[:n]
	m.left -= int64(n)
	if x.r.IsHead() {
		data = nil
	}
	for n < len(b) && m.left == 0 && m.tail < len(memcachedEnd) {
		if b[n] != memcachedEnd[m.tail] {
			x.r.Errorf(phases.LevelError, "memcached sent invalid trailer while reading upstream")
			return data, n, true, nil
		}
		m.tail++
		n++
	}
	return data, n, m.left == 0 && m.tail == len(memcachedEnd), nil
}
