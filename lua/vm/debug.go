package vm

import (
	"fmt"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// Frame describes one active function.
type Frame struct {
	Source   string // as given to Compile; "=[C]" for host functions
	ShortSrc string // as in messages; "[C]" for host functions
	Line     int    // -1 when unknown
	Name     string // how the caller calls it; "" when unknown
	NameWhat string // "global", "local", "method", "field", "upvalue" or ""
	What     string // "Lua", "C" or "main"
	Defined  int    // first line of the function
	Func     Value
}

// at returns the frame of a level: 0 is the running function.
func (t *Thread) at(level int) *frame {
	if t.l == nil || level < 0 {
		return nil
	}
	f := currentFrame(t.l)
	for ; level > 0 && f != nil; level-- {
		f = f.caller()
	}
	return f
}

// caller is the frame that f returns to. gopher-lua keeps the frame of a function that tail-calls a
// host function; for LuaJIT, and so for messages, it is gone.
func (f *frame) caller() *frame {
	p := f.Parent
	if f.Fn.IsG {
		for p != nil && p.op() == glua.OP_TAILCALL {
			p = p.Parent
		}
	}
	return p
}

// op is the instruction that a Lua function is at; -1 for a host function.
func (f *frame) op() int {
	if pc := f.Pc - 1; !f.Fn.IsG && pc >= 0 && pc < len(f.Fn.Proto.Code) {
		return int(f.Fn.Proto.Code[pc] >> 26)
	}
	return -1
}

// Frame describes the function at a level; level 0 is the running one. ok is false past the
// outermost.
func (t *Thread) Frame(level int) (info Frame, ok bool) {
	f := t.at(level)
	if f == nil {
		return Frame{}, false
	}
	info = describe(f.Fn)
	if !f.Fn.IsG {
		info.Line = f.line()
	}
	info.NameWhat, info.Name = f.calledAs()
	return info, true
}

func describe(fn *glua.LFunction) Frame {
	if fn.IsG {
		return Frame{Source: "=[C]", ShortSrc: "[C]", What: "C", Line: -1, Defined: -1, Func: Value{fn}}
	}
	p := fn.Proto
	info := Frame{Source: sourceOf(p), ShortSrc: p.SourceName, What: "Lua", Line: -1, Defined: p.LineDefined, Func: Value{fn}}
	if p.LineDefined == 0 {
		info.What = "main"
	}
	return info
}

func (f *frame) line() int {
	if pc := f.Pc - 1; !f.Fn.IsG && pc >= 0 && pc < len(f.Fn.Proto.DbgSourcePositions) {
		return f.Fn.Proto.DbgSourcePositions[pc]
	}
	return -1
}

// calledAs finds how the calling Lua function names f.
func (f *frame) calledAs() (what, name string) {
	caller := f.caller()
	if caller == nil || caller.op() != glua.OP_CALL {
		return "", ""
	}
	pc := caller.Pc - 1
	_, a, _, _ := decode(caller.Fn.Proto.Code[pc])
	return loadedName(caller, a, pc) // the register of a callee is never a local's own
}

// Where is "chunk:line:" of a level when a Lua function runs there, else "".
func (t *Thread) Where(level int) string {
	f := t.at(level)
	if f == nil || f.Fn.IsG {
		return ""
	}
	return fmt.Sprintf("%s:%d:", f.Fn.Proto.SourceName, f.line())
}

// Frames shown at the two ends of a long traceback.
const (
	tracebackTop    = 12
	tracebackBottom = 10
)

// Traceback lists the active functions from a level on, in LuaJIT's format, after msg when there is
// one.
func (t *Thread) Traceback(msg string, level int) string {
	var b strings.Builder
	if msg != "" {
		b.WriteString(msg)
		b.WriteByte('\n')
	}
	b.WriteString("stack traceback:")
	if t.l == nil && t.co != nil {
		b.WriteString(t.co.trace)
	}
	t.trace(&b, level)
	return b.String()
}

// trace writes the lines of a traceback, each after a newline.
func (t *Thread) trace(b *strings.Builder, level int) {
	var frames []*frame
	for f := t.at(level); f != nil; f = f.caller() {
		frames = append(frames, f)
	}
	top := max(tracebackTop-level, 0)
	long := len(frames) > top+tracebackBottom+1
	for i, f := range frames {
		if long && i >= top && i < len(frames)-tracebackBottom {
			if i == top {
				b.WriteString("\n\t...")
			}
			continue
		}
		f.trace(b)
	}
}

func (f *frame) trace(b *strings.Builder) {
	info := describe(f.Fn)
	_, name := f.calledAs()
	b.WriteString("\n\t")
	b.WriteString(info.ShortSrc)
	b.WriteByte(':')
	if line := f.line(); line > 0 {
		fmt.Fprintf(b, "%d:", line)
	}
	if name == "" && f.Fn.IsG {
		name = hostName(f.Fn)
	}
	switch {
	case name != "":
		fmt.Fprintf(b, " in function '%s'", name)
	case info.What == "main":
		b.WriteString(" in main chunk")
	case info.What == "C":
		b.WriteString(" in function ?")
	default:
		fmt.Fprintf(b, " in function <%s:%d>", info.ShortSrc, info.Defined)
	}
}

// hostName is the name that a host function was registered with.
func hostName(fn *glua.LFunction) string {
	if fn.IsG && len(fn.Upvalues) > 0 {
		return fn.Upvalues[0].Value().String()
	}
	return ""
}

// ArgError raises "bad argument #i to 'name' (msg)" for the running host function.
func (t *Thread) ArgError(i int, msg string) {
	f := currentFrame(t.l)
	what, name := f.calledAs()
	if name == "" {
		name = "?"
	}
	if what == "method" {
		if i--; i == 0 {
			t.Errorf("calling '%s' on bad self (%s)", name, msg)
		}
	}
	t.Errorf("bad argument #%d to '%s' (%s)", i, name, msg)
}

// TypeError raises the ArgError for an argument that is not a want.
func (t *Thread) TypeError(i int, want string) {
	got := "no value"
	if i <= t.NArg() {
		got = t.Arg(i).Kind().String()
	}
	t.ArgError(i, want+" expected, got "+got)
}
