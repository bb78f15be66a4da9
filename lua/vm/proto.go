package vm

import (
	"strings"
	"unsafe"
)

// capture tells where a closure takes one of its upvalues from when it is made.
type capture struct {
	local bool // a register of the enclosing function (off bytes), else its upvalue (off bytes)
	boxed bool
	off   uint16
}

// localInfo is a local variable for messages and the debug library: it lives in reg from instruction start to end.
type localInfo struct {
	name       string
	reg        int
	start, end int
}

// Proto is a compiled function. It is immutable but for the hints in its code, so each VM makes its own copy of the code
// before it runs it; see VM.Load.
type Proto struct {
	entry    unsafe.Pointer // [..]ins: where ip is before the first instruction
	code     unsafe.Pointer // the first instruction
	k        unsafe.Pointer
	frame    uintptr // bytes of stack
	nparams  int
	vararg   bool
	codeS    []ins
	kS       []Value
	protos   []*Proto
	shapes   []*Table // keys of constructors
	caps     []capture
	upNames  []string
	lines    []int32
	locals   []localInfo
	chunk    string
	name     string
	line     int // 0: a main chunk
	lastLine int
}

// Compile translates a chunk. chunkname is as Lua's: "=name", "@file" or the text itself. The error is a *SyntaxError.
func Compile(src []byte, chunkname string) (*Proto, error) {
	return compileString(string(src), chunkname)
}

func compileString(src, chunk string) (p *Proto, err error) {
	if strings.HasPrefix(src, "\x1b") {
		return nil, &SyntaxError{shortName(chunk) + ": cannot load incompatible bytecode"}
	}
	n, err := parseChunk(src, chunk)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			se, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			p, err = nil, se
		}
	}()
	return compileFunction(nil, n, chunk), nil
}

// instantiate copies the code of a function and of all inside it, so that the hints belong to one VM.
func (p *Proto) instantiate() *Proto {
	q := *p
	q.setCode(p.codeS)
	if len(p.protos) > 0 {
		q.protos = make([]*Proto, len(p.protos))
		for i, s := range p.protos {
			q.protos[i] = s.instantiate()
		}
	}
	return &q
}

// setCode copies the code. An instruction of padding before and after keeps ip inside of the allocation.
func (p *Proto) setCode(code []ins) {
	all := make([]ins, len(code)+2)
	copy(all[1:], code)
	p.codeS = all[1 : len(code)+1]
	p.entry, p.code = unsafe.Pointer(&all[0]), unsafe.Pointer(&all[1])
}

// Chunk is the name of the chunk as it was given to Compile.
func (p *Proto) Chunk() string { return p.chunk }
