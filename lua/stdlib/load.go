package stdlib

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// maxSource bounds the text of one chunk.
const maxSource = 64 << 20

// dumpMark begins what string.dump gives; no other bytecode exists.
const dumpMark = "\x1bLJ"

// load compiles a chunk, or finds the function that string.dump gave a token for.
func (s *state) load(t *vm.Thread, src, chunk, mode string, env *vm.Table) (vm.Value, error) {
	binary := strings.HasPrefix(src, "\x1b")
	if mode != "" && !strings.Contains(mode, map[bool]string{true: "b", false: "t"}[binary]) {
		return vm.Nil, fmt.Errorf("attempt to load chunk with wrong mode")
	}
	if binary {
		p := s.dumps[src]
		if p == nil {
			return vm.Nil, fmt.Errorf("(binary): cannot load incompatible bytecode")
		}
		if env == nil {
			env = t.Env()
		}
		return t.VM().Instance(p, env), nil
	}
	return t.LoadString(src, chunk, env)
}

// chunkReader collects the pieces of a chunk that a reader function gives.
type chunkReader struct {
	s          *state
	reader     vm.Value
	pcall      vm.Value
	text       strings.Builder
	name, mode string
	env        *vm.Table
}

func (s *state) baseLoad(t *vm.Thread) int {
	v := t.Arg(1)
	l := &chunkReader{s: s, name: "=(load)", reader: v}
	switch v.Kind() {
	case vm.KString, vm.KNumber:
		l.name = t.CheckString(1)
	case vm.KFunction:
	default:
		t.TypeError(1, "function")
	}
	l.name = t.OptString(2, l.name)
	l.mode = t.OptString(3, "")
	if t.NArg() >= 4 {
		l.env = t.Arg(4).Table()
	}
	if v.Kind() == vm.KFunction {
		l.pcall = s.m.Primitive("pcall")
		return l.read(t)
	}
	return l.load(t, t.CheckString(1))
}

// read asks for piece after piece. An error of the reader is one of load.
func (l *chunkReader) read(t *vm.Thread) int {
	if t.Yields(l.reader) {
		return t.CallThen(&vm.Continuation{Then: func(t *vm.Thread) int {
			if n := l.add(t, t.Args()); n >= 0 {
				return n
			}
			return l.read(t)
		}}, l.pcall, l.reader)
	}
	for {
		if n := l.add(t, t.CallRaw(l.pcall, l.reader)); n >= 0 {
			return n
		}
	}
}

// add adds a piece, what pcall of the reader gave. It gives the results of load after the last, else -1.
func (l *chunkReader) add(t *vm.Thread, results []vm.Value) int {
	v := vm.Nil
	if len(results) > 1 {
		v = results[1]
	}
	if !results[0].Truth() {
		t.PushNil()
		t.Push(v)
		return 2
	}
	if v.IsNil() || v.Kind() == vm.KString && v.Str() == "" {
		return l.load(t, l.text.String())
	}
	piece, ok := v.ToString()
	if !ok {
		t.Push(vm.Nil)
		t.PushString("reader function must return a string")
		return 2
	}
	l.text.WriteString(piece)
	t.Reserve(len(piece))
	if l.text.Len() > maxSource {
		t.PushNil()
		t.PushString("not enough memory")
		return 2
	}
	return -1
}

func (l *chunkReader) load(t *vm.Thread, src string) int {
	f, err := l.s.load(t, src, l.name, l.mode, l.env)
	if err != nil {
		t.PushNil()
		t.PushString(err.Error())
		return 2
	}
	t.Push(f)
	return 1
}

// readSource reads a file of Lua; the name "" is standard input.
func readSource(name string) (src, chunk string, err error) {
	var data []byte
	if name == "" {
		data, err = io.ReadAll(io.LimitReader(os.Stdin, maxSource))
		chunk = "=stdin"
	} else {
		data, err = os.ReadFile(name)
		chunk = "@" + name
	}
	if err != nil {
		text, _ := sysError(err)
		return "", "", fmt.Errorf("cannot open %s: %s", name, text)
	}
	return string(data), chunk, nil
}

func (s *state) loadFile(t *vm.Thread, name, mode string, env *vm.Table) (vm.Value, error) {
	src, chunk, err := readSource(name)
	if err != nil {
		return vm.Nil, err
	}
	return s.load(t, src, chunk, mode, env)
}

func (s *state) baseLoadfile(t *vm.Thread) int {
	f, err := s.loadFile(t, t.OptString(1, ""), t.OptString(2, ""), t.Arg(3).Table())
	if err != nil {
		t.PushNil()
		t.PushString(err.Error())
		return 2
	}
	t.Push(f)
	return 1
}

func (s *state) baseDofile(t *vm.Thread) int {
	f, err := s.loadFile(t, t.OptString(1, ""), "", nil)
	if err != nil {
		t.RaiseString(err.Error())
	}
	return t.CallThen(&vm.Continuation{Then: (*vm.Thread).NArg}, f)
}
