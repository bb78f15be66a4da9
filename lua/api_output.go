package lua

import (
	"strconv"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// outputArea writes the response's body.
var outputArea = area{rows: []row{
	{"say", handlers, func(t *vm.Thread, s *state) int { return s.echo(t, true) }},
	{"print", handlers, func(t *vm.Thread, s *state) int { return s.echo(t, false) }},
	{"flush", handlers, ngxFlush},
	{"eof", handlers, ngxEOF},
	{"send_headers", handlers, func(t *vm.Thread, s *state) int { return s.outcome(t, s.sendHead()) }},
}}

// outcome pushes the result of an output function.
func (s *state) outcome(t *vm.Thread, err error) int {
	if err != nil {
		return fail(t, "nginx output filter error")
	}
	t.PushInt(1)
	return 1
}

// closed pushes why no more output is taken, or nothing.
func (s *state) closed(t *vm.Thread) int {
	m := memoSlot.Get(s.r)
	switch {
	case m != nil && m.raw:
		return fail(t, "raw request socket acquired")
	case s.r.Out.Sent && s.r.Out.NoBody && s.r.Out.Status != 101:
		return fail(t, "header only")
	case m != nil && m.eof:
		return fail(t, "seen eof")
	}
	return 0
}

func (s *state) echo(t *vm.Thread, newline bool) int {
	if n := s.closed(t); n > 0 {
		return n
	}
	buf := s.e.takeBuffer()
	for i := 1; i <= t.NArg(); i++ {
		var bad string
		if buf, bad = s.e.appendText(buf, t.Arg(i), false); bad != "" {
			t.ArgError(i, bad)
		}
	}
	if newline {
		buf = append(buf, '\n')
	}
	var err error
	if len(buf) == 0 {
		err = s.sendHead()
	} else {
		err = s.send(buf, false)
	}
	s.e.putBuffer(buf)
	return s.outcome(t, err)
}

// appendText appends a value as ngx.say and cosockets write it. strict leaves
// out nil, booleans and null. bad is the argument error, if any.
func (e *engine) appendText(dst []byte, v vm.Value, strict bool) (text []byte, bad string) {
	if text, ok := e.appendScalar(dst, v, strict); ok {
		return text, ""
	}
	if v.Kind() == vm.KTable {
		return e.appendArray(dst, v.Table(), strict, 0)
	}
	if strict {
		return dst, "string, number, boolean, nil, ngx.null, or array table expected, got " + v.Kind().String()
	}
	return dst, "string, number, boolean, nil, ngx.null, or array table expected, but got " + v.Kind().String()
}

func (e *engine) appendScalar(dst []byte, v vm.Value, strict bool) ([]byte, bool) {
	switch v.Kind() {
	case vm.KString:
		return append(dst, v.Str()...), true
	case vm.KNumber:
		return appendNumber(dst, v), true
	}
	if strict {
		return dst, false
	}
	switch v.Kind() {
	case vm.KNil:
		return append(dst, "nil"...), true
	case vm.KBool:
		return strconv.AppendBool(dst, v.Bool()), true
	case vm.KLight:
		if vm.RawEqual(v, e.null) {
			return append(dst, "null"...), true
		}
		return dst, true
	}
	return dst, false
}

func appendNumber(dst []byte, v vm.Value) []byte {
	if f := v.Num(); f == float64(int64(f)) && f > -1e14 && f < 1e14 && (f != 0 || 1/f > 0) {
		return strconv.AppendInt(dst, int64(f), 10)
	}
	text, _ := v.ToString()
	return append(dst, text...)
}

// arrayDepth bounds how deep tables in tables are written.
const arrayDepth = 200

// appendArray appends the items of an array table and of those in it.
func (e *engine) appendArray(dst []byte, a *vm.Table, strict bool, depth int) ([]byte, string) {
	if depth > arrayDepth {
		return dst, "too deeply nested table found"
	}
	n := 0
	for k, _, ok := a.Next(vm.Nil); ok; k, _, ok = a.Next(k) {
		i := int(k.Num())
		if k.Kind() != vm.KNumber || float64(i) != k.Num() || i < 1 {
			return dst, "non-array table found"
		}
		n = max(n, i)
	}
	for i := 1; i <= n; i++ {
		v := a.GetInt(i)
		text, ok := e.appendScalar(dst, v, strict)
		bad := ""
		switch {
		case ok:
			dst = text
		case v.Kind() == vm.KTable:
			dst, bad = e.appendArray(dst, v.Table(), strict, depth+1)
		default:
			bad = "bad data type " + v.Kind().String() + " found"
		}
		if bad != "" {
			return dst, bad
		}
	}
	return dst, ""
}

// bufferLimit bounds the memory that an engine keeps for the next ngx.say.
const bufferLimit = 64 << 10

func (e *engine) takeBuffer() []byte {
	b := e.buffer[:0]
	e.buffer = nil
	return b
}

func (e *engine) putBuffer(b []byte) {
	if cap(b) <= bufferLimit {
		e.buffer = b
	}
}

func ngxFlush(t *vm.Thread, s *state) int {
	wait := false
	switch n := t.NArg(); {
	case n > 1:
		t.Errorf("attempt to pass %d arguments, but accepted 0 or 1", n)
	case n == 1 && s.r.IsMain():
		wait = t.CheckBool(1)
	}
	if n := s.closed(t); n > 0 {
		return n
	}
	m := memoSlot.Get(s.r)
	switch {
	case m != nil && m.buffering:
		s.debugf("lua http 1.0 buffering makes ngx.flush() a no-op")
		return fail(t, "buffering")
	case !s.r.Out.Sent || !wait && !s.entry.said:
		return fail(t, "nothing to flush")
	}
	return s.outcome(t, s.send(nil, true))
}

func ngxEOF(t *vm.Thread, s *state) int {
	if t.NArg() != 0 {
		t.Errorf("no argument is expected")
	}
	if m := memoSlot.Get(s.r); m != nil {
		switch {
		case m.raw:
			return fail(t, "raw request socket acquired")
		case m.eof:
			return fail(t, "seen eof")
		}
	}
	err := s.sendLast()
	s.memo().eof = true
	return s.outcome(t, err)
}
