package upstream

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

type fastcgiConf struct{ cgiConf }

// FastCGI is fastcgi_pass and its directives.
var FastCGI = phases.Define(phases.Spec[fastcgiConf]{
	Name:    "fastcgi",
	Default: func() fastcgiConf { return fastcgiConf{cgiConf{Settings: defaultSettings("fastcgi")}} },
	Directives: append(cgiRows("fastcgi_", func(c *fastcgiConf) *cgiConf { return &c.cgiConf }, parseSocket("fastcgi")),
		phases.SetTemplate("fastcgi_index", anywhere, func(c *fastcgiConf) **phases.Template { return &c.index }),
		phases.SetFlag("fastcgi_keep_conn", anywhere, func(c *fastcgiConf) *bool { return &c.keep }),
		phases.Add("fastcgi_catch_stderr", anywhere, conf.Exactly(1), func(own *fastcgiConf, b *phases.Block, s *conf.Stmt) error {
			own.catch.Add(s, s.Args[0])
			return nil
		}),
		phases.Set("fastcgi_split_path_info", anywhere, conf.Exactly(1), func(own *fastcgiConf, b *phases.Block, s *conf.Stmt) (err error) {
			if own.split, err = b.Regex(s, s.Args[0], false); err == nil && own.split.Groups() != 2 {
				err = s.Errorf("pattern \"%s\" must have 2 captures", s.Args[0])
			}
			return err
		}),
		phases.Ignore[fastcgiConf](anywhere, conf.Exactly(1), roomy, "fastcgi_send_lowat")[0],
	),
	Finish: func(own *fastcgiConf, b *phases.Block) error { return own.finish(b, "fastcgi_") },
	Content: func(r *phases.Request, own *fastcgiConf) phases.Result {
		return own.carry(r, &fastcgi{own: &own.cgiConf})
	},
	Variables: []phases.Variable{
		{Name: "fastcgi_script_name", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			script, _ := fastcgiPaths(r)
			return append(dst, script...), true
		}},
		{Name: "fastcgi_path_info", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			_, info := fastcgiPaths(r)
			return append(dst, info...), true
		}},
	},
})

// fastcgiPaths parts the URI as fastcgi_split_path_info and fastcgi_index say.
func fastcgiPaths(r *phases.Request) (script, info []byte) {
	script = r.URI
	own := phases.ConfOf[fastcgiConf](r.Loc)
	if own == nil {
		return script, nil
	}
	if own.split != nil {
		if a, b, ok := own.split.Pair(r.URI); ok {
			return withIndex(r, own, a), b
		}
	}
	return withIndex(r, own, script), nil
}

func withIndex(r *phases.Request, own *fastcgiConf, script []byte) []byte {
	if own.index != nil && bytes.HasSuffix(script, []byte("/")) {
		return own.index.Append(r, bytes.Clone(script))
	}
	return script
}

// The types of FastCGI's records.
const (
	fcgiBegin  = 1
	fcgiEnd    = 3
	fcgiParams = 4
	fcgiStdin  = 5
	fcgiStdout = 6
	fcgiStderr = 7
)

const fcgiHeader = 8

// maxRecord is how much content the records hold that are sent.
const maxRecord = 32 << 10

// fastcgi speaks FastCGI 1.0, one request at a time on a connection.
type fastcgi struct {
	own *cgiConf

	header  [fcgiHeader]byte
	got     int // bytes of the header
	content int // bytes of the record still to come
	padding int
	kind    byte
	ended   bool   // END_REQUEST came
	head    []byte // output while the answer's head is not complete
	rest    []byte // output behind the head
	errors  []byte // of a record of the peer's stderr
	caught  bool   // some of them were what fastcgi_catch_stderr names
	left    int64  // of the answer's declared length; -1: none
	nobody  bool
}

func (f *fastcgi) reset(*Exchange) {
	*f = fastcgi{own: f.own, head: f.head[:0], errors: f.errors[:0], left: -1}
}

func appendRecord(b []byte, kind byte, n int) []byte {
	return append(b, 1, kind, 0, 1, byte(n>>8), byte(n), 0, 0)
}

func (f *fastcgi) request(x *Exchange, b []byte) ([]byte, error) {
	b = appendRecord(b, fcgiBegin, 8)
	keep := byte(0)
	if f.own.keep {
		keep = 1
	}
	b = append(b, 0, 1, keep, 0, 0, 0, 0, 0)
	var params []byte
	f.own.each(x, func(name, value []byte) {
		params = appendLength(appendLength(params, len(name)), len(value))
		params = append(append(params, name...), value...)
	})
	for len(params) > 0 {
		n := min(len(params), maxRecord)
		b = append(appendRecord(b, fcgiParams, n), params[:n]...)
		params = params[n:]
	}
	return appendRecord(b, fcgiParams, 0), nil
}

func appendLength(b []byte, n int) []byte {
	if n < 128 {
		return append(b, byte(n))
	}
	return binary.BigEndian.AppendUint32(b, uint32(n)|1<<31)
}

func (f *fastcgi) framed(*Exchange) bool       { return true }
func (f *fastcgi) open(b []byte, n int) []byte { return appendRecord(b, fcgiStdin, n) }
func (f *fastcgi) shut(b []byte, _ int) []byte { return b }
func (f *fastcgi) end(b []byte) []byte         { return appendRecord(b, fcgiStdin, 0) }
func (f *fastcgi) reusable(x *Exchange) bool {
	return f.own.keep && f.ended && f.left <= 0 && !x.r.IsHead()
}
func (f *fastcgi) closed(*Exchange) bool { return !f.own.keep && f.left <= 0 }

// next reads from b up to the end of a run of the peer's output, which is a
// part of b.
func (f *fastcgi) next(x *Exchange, b []byte) (data []byte, n int, err error) {
	for n < len(b) && !f.ended {
		switch {
		case f.got < fcgiHeader:
			m := copy(f.header[f.got:], b[n:])
			f.got += m
			n += m
			if f.got < fcgiHeader {
				return nil, n, nil
			}
			h := &f.header
			f.kind, f.content, f.padding = h[1], int(h[4])<<8|int(h[5]), int(h[6])
			switch {
			case h[0] != 1:
				return nil, n, fastcgiError("upstream sent unsupported FastCGI protocol version")
			case f.kind != fcgiStdout && f.kind != fcgiStderr && f.kind != fcgiEnd:
				return nil, n, fastcgiError("upstream sent invalid FastCGI record type")
			case h[2] != 0 || h[3] != 1:
				return nil, n, fastcgiError("upstream sent unexpected FastCGI request id")
			}
		case f.content > 0:
			m := min(f.content, len(b)-n)
			run := b[n : n+m]
			f.content -= m
			n += m
			switch f.kind {
			case fcgiStdout:
				return run, n, nil
			case fcgiStderr:
				f.complain(x, run)
			}
		case f.padding > 0:
			m := min(f.padding, len(b)-n)
			f.padding -= m
			n += m
		}
		if f.got == fcgiHeader && f.content == 0 && f.padding == 0 {
			f.got = 0
			f.ended = f.kind == fcgiEnd
			if f.kind == fcgiStderr && len(f.errors) > 0 {
				f.logErrors(x)
			}
		}
	}
	return nil, n, nil
}

func fastcgiError(reason string) error { return &http1.ParseError{Status: 502, Reason: reason} }

// maxStderr bounds what is kept of one record of a peer's stderr.
const maxStderr = 4 << 10

func (f *fastcgi) complain(x *Exchange, p []byte) {
	f.errors = append(f.errors, p[:min(len(p), maxStderr-len(f.errors))]...)
}

// logErrors ends a record of the peer's stderr.
func (f *fastcgi) logErrors(x *Exchange) {
	x.r.Errorf(phases.LevelError, "FastCGI sent in stderr: \"%s\" while %s", strings.TrimRight(string(f.errors), "\r\n"), x.doing())
	for _, text := range f.own.catch.Items {
		f.caught = f.caught || bytes.Contains(f.errors, []byte(text))
	}
	f.errors = f.errors[:0]
}

func (f *fastcgi) readHead(x *Exchange, b []byte) (n int, err error) {
	for n < len(b) && !f.ended {
		run, m, err := f.next(x, b[n:])
		n += m
		if err != nil {
			return n, err
		}
		if len(run) == 0 {
			continue
		}
		f.head = append(f.head, run...)
		head := f.head
		if line, rest, whole := bytes.Cut(head, []byte("\n")); whole && bytes.HasPrefix(line, []byte("HTTP/")) {
			head = rest // a script that speaks to clients itself: its first line says nothing, as in nginx
		}
		used, err := http1.ParseCGI(head, &x.head, &x.limits)
		if err == http1.ErrShort {
			continue
		}
		if err != nil {
			return n, err
		}
		f.rest = head[used:]
		f.left = x.head.ContentLength
		f.nobody = x.r.IsHead() || x.head.Status == 204 || x.head.Status == 304
		if f.nobody {
			f.left = 0
		}
		if f.caught {
			return n, fastcgiError("upstream sent what fastcgi_catch_stderr names")
		}
		return n, nil
	}
	if f.ended {
		return n, fastcgiError("upstream prematurely closed FastCGI stdout while reading response header from upstream")
	}
	return n, http1.ErrShort
}

func (f *fastcgi) readBody(x *Exchange, b []byte) (data []byte, n int, done bool, err error) {
	if len(f.rest) > 0 {
		data = f.trim(x, f.rest)
		f.rest = nil
	} else {
		from, to := 0, 0
		for n < len(b) && !f.ended {
			run, m, err := f.next(x, b[n:])
			if at := n + m - len(run); len(run) > 0 {
				if to == 0 {
					from, to = at, at
				}
				copy(b[to:], run)
				to += len(run)
			}
			n += m
			if err != nil {
				return b[from:to], n, false, err
			}
		}
		data = f.trim(x, b[from:to])
	}
	if f.ended && f.left > 0 {
		return data, n, false, fastcgiError("upstream prematurely closed FastCGI stdout")
	}
	return data, n, f.ended, nil
}

// trim cuts what is more than the answer's declared length.
func (f *fastcgi) trim(x *Exchange, data []byte) []byte {
	if f.nobody {
		return nil
	}
	if f.left < 0 {
		return data
	}
	if int64(len(data)) > f.left {
		x.r.Errorf(phases.LevelWarn, "upstream sent more data than specified in \"Content-Length\" header while reading upstream")
		data = data[:f.left]
	}
	f.left -= int64(len(data))
	return data
}
