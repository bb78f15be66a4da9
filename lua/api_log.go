package lua

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// loggingArea writes to the error log.
var loggingArea = area{
	rows: []row{{"log", anyPhase, func(t *vm.Thread, s *state) int {
		level := t.CheckInt(1)
		if level < int(phases.LevelStderr) || level > int(phases.LevelDebug) {
			t.ArgError(1, "bad log level: "+strconv.Itoa(level))
		}
		s.logArgs(t, phases.Level(level), 2)
		return 0
	}}},
	open: func(e *engine, ngx *vm.Table) {
		e.add(e.vm.Globals(), row{"print", anyPhase, func(t *vm.Thread, s *state) int {
			s.logArgs(t, phases.LevelNotice, 1)
			return 0
		}})
	},
}

// logArgs logs the arguments from the first-th on, after where the caller is.
func (s *state) logArgs(t *vm.Thread, level phases.Level, first int) {
	if !s.log().Enabled(level) {
		return
	}
	b := append([]byte("[lua] "), caller(t)...)
	for i := first; i <= t.NArg(); i++ {
		v := t.Arg(i)
		if text, ok := s.e.appendScalar(b, v, false); ok {
			b = text
			continue
		}
		switch mt := v.Table(); {
		case mt == nil:
			t.ArgError(i, "string, number, boolean, or nil expected, got "+v.Kind().String())
		case mt.Metatable() == nil || mt.Metatable().GetStr("__tostring").IsNil():
			t.ArgError(i, "expected table to have __tostring metamethod")
		}
		b = append(b, t.ToString(v)...)
	}
	s.logf(level, "%s", continued(b))
}

// continued has the lines of a message after its first begin with a tab, so
// that what a script logs cannot pass for a line of the log.
func continued(b []byte) []byte {
	if bytes.IndexByte(b, '\n') < 0 {
		return b
	}
	out := make([]byte, 0, len(b)+8)
	for i, c := range b {
		out = append(out, c)
		if c == '\n' && i+1 < len(b) && b[i+1] != '\t' {
			out = append(out, '\t')
		}
	}
	return out
}

// caller is "file:line: name(): " of the function that called the running host
// function.
func caller(t *vm.Thread) string {
	f, ok := t.Frame(1)
	if !ok {
		return ""
	}
	name := f.ShortSrc[strings.LastIndexByte(f.ShortSrc, '/')+1:]
	line := f.Line
	if line <= 0 {
		line = f.Defined
	}
	text := name + ":" + strconv.Itoa(line) + ": "
	if f.What == "Lua" && f.NameWhat != "" {
		text += f.Name + "(): "
	}
	return text
}

// debugs tells whether debugf writes anything: a caller that asks first saves
// what its arguments cost.
func (s *state) debugs() bool { return s.log().Enabled(phases.LevelDebug) }

// debugf writes a line of nginx's debug log.
func (s *state) debugf(format string, a ...any) {
	if s.debugs() {
		s.logf(phases.LevelDebug, format, a...)
	}
}
