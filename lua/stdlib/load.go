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
			return vm.Nil, fmt.Errorf("cannot load incompatible bytecode")
		}
		if env == nil {
			env = t.Env()
		}
		return t.VM().Instance(p, env), nil
	}
	return t.LoadString(src, chunk, env)
}

func (s *state) baseLoad(t *vm.Thread) int {
	v := t.Arg(1)
	var src string
	name := "=(load)"
	switch v.Kind() {
	case vm.KString, vm.KNumber:
		src = t.CheckString(1)
		name = src
	case vm.KFunction:
		var b strings.Builder
		for {
			r := t.Call1(v)
			if r.IsNil() || r.Kind() == vm.KString && r.Str() == "" {
				break
			}
			piece, ok := r.ToString()
			if !ok {
				t.Push(vm.Nil)
				t.PushString("reader function must return a string")
				return 2
			}
			b.WriteString(piece)
			t.Reserve(len(piece))
			if b.Len() > maxSource {
				t.RaiseString("not enough memory")
			}
		}
		src = b.String()
	default:
		t.TypeError(1, "string")
	}
	name = t.OptString(2, name)
	mode := t.OptString(3, "")
	var env *vm.Table
	if t.NArg() >= 4 {
		env = t.Arg(4).Table()
	}
	f, err := s.load(t, src, name, mode, env)
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
	res := t.CallRaw(f)
	for _, v := range res {
		t.Push(v)
	}
	return len(res)
}
