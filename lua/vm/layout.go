package vm

import (
	"context"
	"fmt"
	"reflect"
	"time"
	"unsafe"

	glua "github.com/yuin/gopher-lua"
)

// gopher-lua keeps its frames, registers and open upvalues to itself, and what a server needs of
// them (positions, variable names, unwinding to an arbitrary catch point) it does not offer. This
// file is the one place that looks inside: mirrors of its structs, compared with the originals by
// name, order and offset when the package is loaded.

type frame struct {
	Idx        int
	Fn         *glua.LFunction
	Parent     *frame
	Pc         int
	Base       int
	LocalBase  int
	ReturnBase int
	NArgs      int
	NRet       int
	TailCall   int
}

type registers struct {
	array   []glua.LValue
	top     int
	growBy  int
	maxSize int
}

type upvalue struct {
	next   *upvalue
	reg    *registers
	index  int
	value  glua.LValue
	closed bool
}

type segment struct{}

type frameStack struct {
	segments []*segment
	segIdx   uint16
	segSp    uint8
}

const framesPerSegment = glua.FramesPerSegment

// engine holds the offsets of the fields of LState used here.
type engine struct {
	reg, stack, currentFrame, uvcache, hasErrorFunc, ctx uintptr
}

var gopher = measure()

// measure compares the mirrors. Another version of gopher-lua with another layout is a build error
// in disguise: it panics here, before any script runs.
func measure() engine {
	state := reflect.TypeFor[glua.LState]()
	at := func(name string) reflect.StructField {
		f, ok := state.FieldByName(name)
		if !ok {
			panic("vm: gopher-lua has no LState." + name)
		}
		return f
	}
	mirrors(at("currentFrame").Type.Elem(), reflect.TypeFor[frame]())
	mirrors(at("reg").Type.Elem(), reflect.TypeFor[registers]())
	mirrors(at("uvcache").Type.Elem(), reflect.TypeFor[upvalue]())
	return engine{
		reg: at("reg").Offset, stack: at("stack").Offset, currentFrame: at("currentFrame").Offset,
		uvcache: at("uvcache").Offset, hasErrorFunc: at("hasErrorFunc").Offset, ctx: at("ctx").Offset,
	}
}

func mirrors(of, mirror reflect.Type) {
	for i := range mirror.NumField() {
		a, b := of.Field(i), mirror.Field(i)
		if a.Name != b.Name || a.Offset != b.Offset || a.Type.Size() != b.Type.Size() {
			panic(fmt.Sprintf("vm: gopher-lua's %v has changed: %s is %s", of, b.Name, a.Name))
		}
	}
}

func field[T any](l *glua.LState, offset uintptr) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(l), offset))
}

func regs(l *glua.LState) *registers     { return *field[*registers](l, gopher.reg) }
func currentFrame(l *glua.LState) *frame { return *field[*frame](l, gopher.currentFrame) }

// setOwner makes t the thread that runs on l. It also keeps an error from closing the upvalues of
// every frame of the thread, those below the pcall included: unwindTo closes the right ones.
func setOwner(l *glua.LState, t *Thread) {
	*field[context.Context](l, gopher.ctx) = (*anchor)(t)
	*field[bool](l, gopher.hasErrorFunc) = true
}
func owner(l *glua.LState) *Thread { return (*Thread)(l.Context().(*anchor)) }

func frames(l *glua.LState) *frameStack {
	return (*frameStack)((*[2]unsafe.Pointer)(unsafe.Add(unsafe.Pointer(l), gopher.stack))[1])
}

// growFrames makes room for more frames while fewer than maxFrames are there: the table for all of
// them would be most of a thread's memory.
func growFrames(l *glua.LState) {
	s := frames(l)
	if int(s.segIdx)+2 < len(s.segments) || len(s.segments) >= maxFrames/framesPerSegment {
		return
	}
	grown := make([]*segment, min(4*len(s.segments), maxFrames/framesPerSegment))
	copy(grown, s.segments)
	s.segments = grown
}

// closeUpvalues detaches every open upvalue at or above register base from the registers, which are
// about to be reused.
func closeUpvalues(l *glua.LState, base int) {
	list := field[*upvalue](l, gopher.uvcache)
	for at := list; *at != nil; {
		u := *at
		if u.index < base {
			at = &u.next
			continue
		}
		u.value, u.closed = u.reg.array[u.index], true
		*at = u.next
	}
}

// unwindTo drops the frames above f and the registers from base on.
func unwindTo(l *glua.LState, f *frame, base int) {
	closeUpvalues(l, base)
	sp := 0
	if f != nil {
		sp = f.Idx + 1
	}
	stack := frames(l)
	idx, used := sp/framesPerSegment, sp%framesPerSegment
	if used == 0 && idx > 0 {
		idx, used = idx-1, framesPerSegment
	}
	for i := int(stack.segIdx); i > idx; i-- {
		stack.segments[i] = nil
	}
	stack.segIdx, stack.segSp = uint16(idx), uint8(used)
	*field[*frame](l, gopher.currentFrame) = f
	r := regs(l)
	if r.top > base {
		clear(r.array[base:r.top])
	}
	r.top = base
}

// anchor ties a thread to the engine state it runs on: the state's context slot, which gopher-lua
// itself only uses for states that asked for cancellation.
type anchor Thread

func (*anchor) Deadline() (time.Time, bool) { return time.Time{}, false }
func (*anchor) Done() <-chan struct{}       { return nil }
func (*anchor) Err() error                  { return nil }
func (*anchor) Value(any) any               { return nil }
