package vm

import (
	"fmt"
	"strings"
	"unsafe"
)

// Frame describes a function, and where it is when it runs.
type Frame struct {
	Source   string // name of the chunk as given to Compile; "=[C]" for functions of Go
	ShortSrc string
	Line     int    // that runs, -1 when unknown
	Name     string // as the caller names it, "" when unknown
	NameWhat string // "global", "local", "field", "method", "upvalue", "metamethod" or ""
	What     string // "Lua", "main" or "C"
	Defined  int    // first line of the function
	LastLine int
	NUps     int
	NParams  int
	Vararg   bool
	Func     Value
}

// level is a running function found on the stack.
type level struct {
	fn  Value
	lua *frame  // of a Lua function
	fo  uintptr // of the frame that called it, to be looked at for its name
}

// level finds the function at a level: 0 the running one, 1 who called it.
func (t *Thread) level(n int) (l level, ok bool) {
	if n < 0 {
		return l, false
	}
	count := -1
	found := false
	t.walk(func(x level) bool {
		count++
		if count == n {
			l, found = x, true
		}
		return !found
	})
	return l, found
}

// walk visits the running functions from the newest on until visit gives false.
func (t *Thread) walk(visit func(l level) bool) {
	if !t.hasFrame() {
		return
	}
	switch {
	case t.ab != 0:
		if !visit(level{fn: *t.at(t.ab - 16), fo: t.fo}) {
			return
		}
	case t.status == coSuspended && !t.root:
		if !visit(level{fn: t.vm.yield, fo: t.fo}) {
			return
		}
	}
	for fo := t.fo; fo+frameSize != 0; fo -= frameSize {
		f := t.frameAt(fo)
		l := level{fo: fo - frameSize}
		switch {
		case f.kind < kPcall:
			l.fn, l.lua = *t.at(uintptr(f.base) - 16), f
		case f.kind == kPcall || f.kind == kXpcall:
			l.fn = *t.at(uintptr(f.base))
		case (f.kind == kEntry || f.kind == kThen) && f.dst != 0:
			l.fn = *t.at(uintptr(f.dst) - 16)
		default:
			continue
		}
		if !visit(l) {
			return
		}
	}
}

// callName is the name by which a function on the stack was called.
func (t *Thread) callName(l level) (kind, name string) {
	fo := l.fo
	for fo+frameSize != 0 {
		f := t.frameAt(fo)
		if f.kind < kPcall {
			return t.nameOfCall(f)
		}
		if f.kind < kMeta || f.kind > kConcat {
			return "", ""
		}
		fo -= frameSize
	}
	return "", ""
}

// describe fills in what a function is.
func describe(fn Value) Frame {
	f := Frame{Source: "=[C]", ShortSrc: "[C]", What: "C", Line: -1, Defined: -1, LastLine: -1, Vararg: true, Func: fn}
	if fn.n == tLua {
		p := fn.lua().p
		f.Source, f.ShortSrc, f.What = p.chunk, shortName(p.chunk), "Lua"
		if p.line == 0 {
			f.What = "main"
		}
		f.Defined, f.LastLine, f.NUps, f.NParams, f.Vararg = p.line, p.lastLine, len(p.caps), p.nparams, p.vararg
	}
	return f
}

// Info describes a function that need not run.
func Info(fn Value) Frame { return describe(fn) }

// Frame describes the function at a level of the stack: 0 is the running one, 1 who called it.
func (t *Thread) Frame(n int) (Frame, bool) {
	l, ok := t.level(n)
	if !ok {
		return Frame{}, false
	}
	f := describe(l.fn)
	if l.lua != nil {
		f.Line = t.lineOf(l.lua, l.fn.lua().p)
	}
	f.NameWhat, f.Name = t.callName(l)
	return f, true
}

// Depth of tracebacks: as many levels are shown at the top and at the end.
const (
	traceTop = 12
	traceEnd = 10
)

const traceHead = "stack traceback:"

// Traceback writes the stack from a level on in LuaJIT's format, after msg and a line end when msg is not empty.
func (t *Thread) Traceback(msg string, from int) string {
	var b strings.Builder
	if msg != "" {
		b.WriteString(msg)
		b.WriteByte('\n')
	}
	b.WriteString(traceHead)
	total := 0
	t.walk(func(level) bool { total++; return true })
	n := -1
	t.walk(func(l level) bool {
		n++
		if n < from {
			return true
		}
		if shown := n - from; shown >= traceTop && total-n > traceEnd {
			if shown == traceTop {
				b.WriteString("\n\t...")
			}
			return true
		}
		t.traceLine(&b, l)
		return true
	})
	return b.String()
}

func (t *Thread) traceLine(b *strings.Builder, l level) {
	f := describe(l.fn)
	fmt.Fprintf(b, "\n\t%s:", f.ShortSrc)
	if l.lua != nil {
		if line := t.lineOf(l.lua, l.fn.lua().p); line > 0 {
			fmt.Fprintf(b, "%d:", line)
		}
	}
	_, name := t.callName(l)
	switch {
	case name != "":
		fmt.Fprintf(b, " in function '%s'", name)
	case f.What == "main":
		b.WriteString(" in main chunk")
	case f.What == "C":
		fmt.Fprintf(b, " at 0x%08x", address(unsafe.Pointer(l.fn.native())))
	default:
		fmt.Fprintf(b, " in function <%s:%d>", f.ShortSrc, f.Defined)
	}
}

// local finds the register of local variable n of a level; negative n counts the extra arguments.
func (t *Thread) local(lv, n int) (name string, slot *Value) {
	l, ok := t.level(lv)
	if !ok || l.lua == nil {
		return "", nil
	}
	f, p := l.lua, l.fn.lua().p
	if n < 0 {
		extra := int(f.base-f.dst)/16 - 2 - p.nparams
		if f.kind&kVararg == 0 || -n > extra {
			return "", nil
		}
		return "(*vararg)", t.at(uintptr(f.base) - 16 - uintptr(extra)*16 + uintptr(-n-1)*16)
	}
	pc := f.pc(p)
	for i := range p.locals {
		v := &p.locals[i]
		if v.start <= pc && pc < v.end {
			if n--; n == 0 {
				return v.name, t.at(uintptr(f.base) + uintptr(v.reg)*16)
			}
		}
	}
	return "", nil
}

// Local reads local variable n (from 1) of the function at a level; name is "" when there is none.
func (t *Thread) Local(level, n int) (name string, v Value) {
	name, s := t.local(level, n)
	if s == nil || strings.HasPrefix(name, "(for ") { // the hidden variables of loops hold no values
		return name, Value{}
	}
	v = *s
	if v.n <= tTrue || v.n > maxTag {
		v.p = nil
	}
	return name, v
}

// SetLocal writes a local variable.
func (t *Thread) SetLocal(level, n int, v Value) (name string) {
	name, s := t.local(level, n)
	if s != nil && !strings.HasPrefix(name, "(for ") {
		*s = v
	}
	return name
}

// LocalName names parameter n of a function, "" when it has fewer.
func (f *Function) LocalName(n int) string {
	if p := f.Proto(); p != nil && n >= 1 && n <= p.nparams {
		return p.locals[n-1].name
	}
	return ""
}

func newCell(v Value) Value {
	u := &upval{closed: v}
	u.v = &u.closed
	return Value{unsafe.Pointer(u), tBox}
}

// Upvalue reads upvalue i (from 1); ok is false when there is none.
func (f *Function) Upvalue(i int) (name string, v Value, ok bool) {
	p := f.Proto()
	if p == nil || i < 1 || i > len(p.caps) {
		return "", Value{}, false
	}
	v = *f.upAt(i - 1)
	if v.n <= tTrue || v.n > maxTag {
		v.p = nil
	}
	return p.upNames[i-1], v, true
}

// SetUpvalue writes upvalue i. One that the program itself never assigns to is a copy: other functions do not see it.
func (f *Function) SetUpvalue(i int, v Value) (name string, ok bool) {
	p := f.Proto()
	if p == nil || i < 1 || i > len(p.caps) {
		return "", false
	}
	f.upAt(i - 1).store(&v)
	return p.upNames[i-1], true
}

// UpvalueID identifies the variable behind upvalue i, nil when there is none.
func (f *Function) UpvalueID(i int) unsafe.Pointer {
	p := f.Proto()
	if p == nil || i < 1 || i > len(p.caps) {
		return nil
	}
	s := f.up(uintptr(i-1) * 16)
	if s.n == tBox {
		return s.p
	}
	return unsafe.Pointer(s)
}

// JoinUpvalue makes upvalue i of f refer to upvalue j of g. The indices must be valid.
func (f *Function) JoinUpvalue(i int, g *Function, j int) {
	d, s := f.up(uintptr(i-1)*16), g.up(uintptr(j-1)*16)
	switch {
	case d.n != tBox:
		d.store(g.upAt(j - 1))
	case s.n == tBox:
		*d = *s
	default:
		*d = newCell(*s)
	}
}

// ActiveLines gives the lines that have code.
func (p *Proto) ActiveLines() []int {
	seen := map[int]bool{}
	var out []int
	for _, l := range p.lines {
		if !seen[int(l)] {
			seen[int(l)] = true
			out = append(out, int(l))
		}
	}
	return out
}
