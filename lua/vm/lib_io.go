package vm

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// file is what a Lua file handle holds.
type file struct {
	f      *os.File
	r      *bufio.Reader
	w      *bufio.Writer
	cmd    *exec.Cmd // popen
	std    bool
	closed bool
	line   bool // line buffered or unbuffered writes
	noW    bool // opened for reading only
}

func newFile(f *os.File) *file {
	h := &file{f: f, r: bufio.NewReader(f), w: bufio.NewWriter(f)}
	runtime.SetFinalizer(h, func(h *file) {
		if h.w.Flush(); !h.std {
			h.f.Close()
		}
	})
	return h
}

// ioState is the default input and output of a VM.
type ioState struct {
	mt      *Table
	in, out Value
}

func (m *VM) openIo() {
	st := &ioState{mt: m.NewTable(0, 10)}
	methods := m.NewTable(0, 8)
	m.register(methods, map[string]Func{
		"close":   func(t *Thread) int { return t.closeFile(t.checkFile(1)) },
		"flush":   func(t *Thread) int { return t.pushOK(t.checkFile(1).w.Flush(), t.Arg(1)) },
		"lines":   func(t *Thread) int { return ioLines(t, t.checkFile(1), 2, false) },
		"read":    func(t *Thread) int { return t.checkFile(1).read(t, 2) },
		"seek":    ioSeek,
		"setvbuf": ioSetvbuf,
		"write":   func(t *Thread) int { return t.checkFile(1).write(t, 2, t.Arg(1)) },
	})
	st.mt.SetStr("__index", methods.Value())
	st.mt.SetStr("__name", String("FILE*"))
	st.mt.SetStr("__tostring", m.NewFunc("tostring", func(t *Thread) int {
		f, _ := t.Arg(1).Userdata().Value.(*file)
		if f == nil || f.closed {
			t.PushString("file (closed)")
		} else {
			t.PushString("file (" + strings.TrimPrefix(t.Arg(1).lv().String(), "userdata: ") + ")")
		}
		return 1
	}))
	tb := m.NewTable(0, 16)
	for name, f := range map[string]*os.File{"stdin": os.Stdin, "stdout": os.Stdout, "stderr": os.Stderr} {
		h := newFile(f)
		h.std, h.line = true, true
		tb.SetStr(name, m.NewUserdata(h, st.mt))
	}
	st.in, st.out = tb.GetStr("stdin"), tb.GetStr("stdout")
	m.registerIo(tb, st)
	m.Globals().SetStr("io", tb.Value())
}

func (m *VM) registerIo(tb *Table, st *ioState) {
	m.register(tb, map[string]Func{
		"close": func(t *Thread) int {
			if t.NArg() == 0 {
				return t.closeFile(t.open(st.out))
			}
			return t.closeFile(t.checkFile(1))
		},
		"flush": func(t *Thread) int { return t.pushOK(t.open(st.out).w.Flush(), st.out) },
		"input": func(t *Thread) int { return ioDefault(t, st, &st.in, "r") },
		"lines": func(t *Thread) int {
			if t.Arg(1).IsNil() {
				return ioLines(t, t.open(st.in), 2, false)
			}
			f, err := openFile(t.CheckString(1), "r")
			if err != nil {
				t.ArgError(1, t.CheckString(1)+": "+errnoText(err))
			}
			return ioLines(t, f, 2, true)
		},
		"open": func(t *Thread) int {
			name, mode := t.CheckString(1), t.OptString(2, "r")
			if !validMode(mode) {
				t.PushNil()
				t.PushString(name + ": Invalid argument")
				t.PushInt(22)
				return 3
			}
			f, err := openFile(name, mode)
			if err != nil {
				return t.pushResult(err, name)
			}
			t.Push(t.vm.NewUserdata(f, st.mt))
			return 1
		},
		"output": func(t *Thread) int { return ioDefault(t, st, &st.out, "w") },
		"popen":  func(t *Thread) int { return ioPopen(t, st) },
		"read":   func(t *Thread) int { return t.open(st.in).read(t, 1) },
		"tmpfile": func(t *Thread) int {
			f, err := os.CreateTemp("", "lua_")
			if err != nil {
				return t.pushResult(err, "")
			}
			os.Remove(f.Name())
			t.Push(t.vm.NewUserdata(newFile(f), st.mt))
			return 1
		},
		"type": func(t *Thread) int {
			u := t.CheckAny(1).Userdata()
			if u == nil {
				t.PushNil()
			} else if f, ok := u.Value.(*file); !ok {
				t.PushNil()
			} else if f.closed {
				t.PushString("closed file")
			} else {
				t.PushString("file")
			}
			return 1
		},
		"write": func(t *Thread) int { return t.open(st.out).write(t, 1, st.out) },
	})
}

// pushResult pushes true, or nil, "name: text" and errno.
func (t *Thread) pushResult(err error, name string) int {
	if err == nil {
		t.PushBool(true)
		return 1
	}
	text := errnoText(err)
	if name != "" {
		text = name + ": " + text
	}
	t.PushNil()
	t.PushString(text)
	t.PushInt(errno(err))
	return 3
}

// pushOK is pushResult with ok instead of true.
func (t *Thread) pushOK(err error, ok Value) int {
	if err != nil {
		return t.pushResult(err, "")
	}
	t.Push(ok)
	return 1
}

// open is the file of a handle that must not be closed.
func (t *Thread) open(v Value) *file {
	f := v.Userdata().Value.(*file)
	if f.closed {
		t.Errorf("attempt to use a closed file")
	}
	return f
}

func (t *Thread) checkFile(i int) *file {
	u := t.Arg(i).Userdata()
	var f *file
	if u != nil {
		f, _ = u.Value.(*file)
	}
	if f == nil {
		t.TypeError(i, "FILE*")
	}
	if f.closed {
		t.Errorf("attempt to use a closed file")
	}
	return f
}

func (t *Thread) closeFile(f *file) int {
	if f.closed {
		t.Errorf("attempt to use a closed file")
	}
	err := f.w.Flush()
	if f.std {
		return t.pushResult(err, "")
	}
	f.closed = true
	if f.cmd != nil {
		f.f.Close()
		return t.pushExit(f.cmd.Wait())
	}
	return t.pushResult(errors.Join(err, f.f.Close()), "")
}

func validMode(mode string) bool {
	if mode == "" || strings.IndexByte("rwa", mode[0]) < 0 {
		return false
	}
	rest := strings.TrimPrefix(mode[1:], "+")
	return rest == "" || rest == "b"
}

func openFile(name, mode string) (*file, error) {
	flags := map[byte]int{'r': os.O_RDONLY, 'w': os.O_WRONLY | os.O_CREATE | os.O_TRUNC, 'a': os.O_WRONLY | os.O_CREATE | os.O_APPEND}[mode[0]]
	if strings.Contains(mode, "+") {
		flags = flags&^(os.O_RDONLY|os.O_WRONLY) | os.O_RDWR
	}
	f, err := os.OpenFile(name, flags, 0o666)
	if err != nil {
		return nil, err
	}
	h := newFile(f)
	h.noW = mode[0] == 'r' && !strings.Contains(mode, "+")
	return h, nil
}

func ioPopen(t *Thread, st *ioState) int {
	command, mode := t.CheckString(1), t.OptString(2, "r")
	if mode != "r" && mode != "w" {
		t.ArgError(2, "invalid mode")
	}
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	r, w, err := os.Pipe()
	if err != nil {
		return t.pushResult(err, command)
	}
	mine, theirs := r, w
	if mode == "r" {
		cmd.Stdout = w
	} else {
		mine, theirs = w, r
		cmd.Stdin = r
	}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		mine.Close()
		return t.pushResult(err, command)
	}
	f := newFile(mine)
	f.cmd = cmd
	t.Push(t.vm.NewUserdata(f, st.mt))
	return 1
}

func ioDefault(t *Thread, st *ioState, which *Value, mode string) int {
	if v := t.Arg(1); !v.IsNil() {
		if name, ok := v.ToString(); ok {
			f, err := openFile(name, mode)
			if err != nil {
				t.Errorf("%s: %s", name, errnoText(err))
			}
			v = t.vm.NewUserdata(f, st.mt)
		} else {
			t.checkFile(1)
		}
		*which = v
	}
	t.Push(*which)
	return 1
}

func ioLines(t *Thread, f *file, formats int, closeAtEnd bool) int {
	var what []Value
	if t.NArg() >= formats {
		what = append(what, t.Args()[formats-1:]...)
	}
	t.Push(t.vm.NewFunc("lines", func(t *Thread) int {
		if f.closed {
			t.Errorf("file is already closed")
		}
		if len(what) == 0 {
			what = []Value{String("*l")}
		}
		n := f.readAll(t, what, formats)
		if t.top(n).IsNil() && closeAtEnd {
			f.closed = true
			f.f.Close()
		}
		return n
	}))
	return 1
}

// top is the value n below the top of the stack.
func (t *Thread) top(n int) Value {
	r := regs(t.l)
	return Value{r.array[r.top-n]}
}

func (f *file) read(t *Thread, first int) int {
	if t.NArg() < first {
		return f.readAll(t, []Value{String("*l")}, first)
	}
	return f.readAll(t, t.Args()[first-1:], first)
}

// readAll reads by each format in turn and stops at the first that fails. The first is argument
// first of the caller.
func (f *file) readAll(t *Thread, formats []Value, first int) int {
	f.w.Flush()
	for n, format := range formats {
		v := Nil
		var err error
		if format.Kind() == KNumber {
			v, err = f.readBytes(int(format.Num()))
		} else {
			switch letter := strings.TrimPrefix(format.Str(), "*") + " "; letter[:1] {
			case "n":
				v = f.readNumber()
			case "a":
				var b []byte
				b, err = io.ReadAll(f.r)
				v = Bytes(b)
			case "l":
				v, err = f.readLine(false)
			case "L":
				v, err = f.readLine(true)
			default:
				t.ArgError(first+n, "invalid format")
			}
		}
		if err != nil && err != io.EOF {
			return t.pushResult(err, "")
		}
		t.Push(v)
		if v.IsNil() {
			return n + 1
		}
	}
	return len(formats)
}

func (f *file) readBytes(n int) (Value, error) {
	if n == 0 {
		if _, err := f.r.Peek(1); err != nil {
			return Nil, err
		}
		return String(""), nil
	}
	b, err := io.ReadAll(io.LimitReader(f.r, int64(n)))
	if len(b) == 0 {
		return Nil, err
	}
	return Bytes(b), err
}

func (f *file) readLine(keep bool) (Value, error) {
	s, err := f.r.ReadString('\n')
	if s == "" {
		return Nil, err
	}
	if !keep {
		s = strings.TrimSuffix(s, "\n")
	}
	return String(s), nil
}

func (f *file) readNumber() Value {
	var b []byte
	for {
		c, err := f.r.ReadByte()
		if err != nil {
			break
		}
		space := c == ' ' || c >= '\t' && c <= '\r'
		if space && len(b) == 0 {
			continue
		}
		if space || strings.IndexByte("+-.0123456789abcdefABCDEFxXpP", c) < 0 || len(b) > 200 {
			f.r.UnreadByte()
			break
		}
		b = append(b, c)
	}
	if n, ok := parseNumber(string(b)); ok {
		return Number(n)
	}
	return Nil
}

func (f *file) write(t *Thread, first int, self Value) int {
	if f.noW {
		t.PushNil()
		t.PushString("Bad file descriptor")
		t.PushInt(9)
		return 3
	}
	for i := first; i <= t.NArg(); i++ {
		if _, err := f.w.WriteString(t.CheckString(i)); err != nil {
			return t.pushResult(err, "")
		}
	}
	if f.line {
		return t.pushOK(f.w.Flush(), self)
	}
	t.Push(self)
	return 1
}

func ioSeek(t *Thread) int {
	f := t.checkFile(1)
	whence, ok := map[string]int{"set": io.SeekStart, "cur": io.SeekCurrent, "end": io.SeekEnd}[t.OptString(2, "cur")]
	if !ok {
		t.ArgError(2, "invalid option '"+t.OptString(2, "")+"'")
	}
	offset := int64(t.OptInt(3, 0))
	f.w.Flush()
	if whence == io.SeekCurrent {
		offset -= int64(f.r.Buffered())
	}
	at, err := f.f.Seek(offset, whence)
	if err != nil {
		return t.pushResult(err, "")
	}
	f.r.Reset(f.f)
	t.PushNumber(float64(at))
	return 1
}

func ioSetvbuf(t *Thread) int {
	f := t.checkFile(1)
	switch mode := t.CheckString(2); mode {
	case "no", "line":
		f.line = true
	case "full":
		f.line = false
	default:
		t.ArgError(2, "invalid option '"+mode+"'")
	}
	t.PushBool(true)
	return 1
}
