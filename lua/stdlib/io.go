package stdlib

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func (s *state) openIO() {
	lib := s.library("io", []function{
		{"close", s.ioClose},
		{"flush", func(t *vm.Thread) int { return pushResult(t, s.use(t, s.out).flush(), "") }},
		{"input", func(t *vm.Thread) int { return s.ioDefault(t, &s.in, "r") }},
		{"lines", s.ioLines},
		{"open", s.ioOpen},
		{"output", func(t *vm.Thread) int { return s.ioDefault(t, &s.out, "w") }},
		{"popen", s.ioPopen},
		{"read", func(t *vm.Thread) int { return read(t, s.use(t, s.in), 1) }},
		{"tmpfile", s.ioTmpfile},
		{"type", ioType},
		{"write", func(t *vm.Thread) int { return s.write(t, s.use(t, s.out), 1) }},
	})
	meta := s.m.NewTable(0, 4)
	s.fileMeta = meta
	s.fill(meta, []function{
		{"close", func(t *vm.Thread) int { return s.closeFile(t, self(t)) }},
		{"flush", func(t *vm.Thread) int { return pushResult(t, self(t).flush(), "") }},
		{"lines", func(t *vm.Thread) int { return s.lines(t, self(t), 2, false) }},
		{"read", func(t *vm.Thread) int { return read(t, self(t), 2) }},
		{"seek", fileSeek},
		{"setvbuf", fileSetvbuf},
		{"write", func(t *vm.Thread) int { return s.write(t, self(t), 2) }},
	})
	meta.SetStr("__index", meta.Value())
	s.fill(meta, []function{
		{"__tostring", fileTostring},
		{"__gc", fileGC},
	})
	std := func(name string, f *os.File, read bool) *file {
		x := &file{name: name, f: f, std: true, read: read, write: !read, flushes: name == "stderr"}
		v := s.m.NewUserdata(x, nil)
		v.Userdata().SetMetatable(meta)
		x.self = v
		lib.SetStr(name, v)
		return x
	}
	s.stdin = std("stdin", os.Stdin, true)
	s.stdout = std("stdout", os.Stdout, false)
	s.stderr = std("stderr", os.Stderr, false)
	s.in, s.out = s.stdin, s.stdout
	s.stdout.flushes = true
}

func (s *state) push(t *vm.Thread, f *file) int {
	if f.self.IsNil() {
		f.self = s.m.NewUserdata(f, s.fileMeta)
	}
	t.Push(f.self)
	return 1
}

// handle gives the file of argument i, nil when it is none.
func handle(t *vm.Thread, i int) *file {
	if u := t.Arg(i).Userdata(); u != nil {
		f, _ := u.Value.(*file)
		return f
	}
	return nil
}

// self gives the open file that a method was called on.
func self(t *vm.Thread) *file {
	f := handle(t, 1)
	if f == nil {
		t.TypeError(1, "FILE*")
	}
	if f.closed {
		t.Errorf("attempt to use a closed file")
	}
	return f
}

func (s *state) use(t *vm.Thread, f *file) *file {
	if f.closed {
		t.Errorf("standard file is closed")
	}
	return f
}

func (s *state) ioOpen(t *vm.Thread) int {
	name := t.CheckString(1)
	f, err := openFile(name, t.OptString(2, "r"))
	if err != nil {
		return pushResult(t, err, name)
	}
	return s.push(t, f)
}

func (s *state) ioTmpfile(t *vm.Thread) int {
	f, err := os.CreateTemp("", "lua_")
	if err != nil {
		return pushResult(t, err, "")
	}
	os.Remove(f.Name())
	return s.push(t, &file{name: f.Name(), f: f, read: true, write: true})
}

func (s *state) ioPopen(t *vm.Thread) int {
	name, mode := t.CheckString(1), t.OptString(2, "r")
	c := exec.Command("/bin/sh", "-c", name)
	r, w, err := os.Pipe()
	if err != nil {
		return pushResult(t, err, name)
	}
	f := &file{name: name, cmd: c}
	s.stdout.flush()
	c.Stderr = os.Stderr
	var other *os.File
	switch mode {
	case "r", "rb":
		c.Stdin, c.Stdout = os.Stdin, w
		f.f, f.read, other = r, true, w
	case "w", "wb":
		c.Stdin, c.Stdout = r, os.Stdout
		f.f, f.write, other = w, true, r
	default:
		r.Close()
		w.Close()
		t.ArgError(2, "invalid mode")
	}
	err = c.Start()
	other.Close()
	if err != nil {
		f.f.Close()
		return pushResult(t, err, name)
	}
	return s.push(t, f)
}

func (s *state) closeFile(t *vm.Thread, f *file) int {
	if f.std {
		t.PushNil()
		t.PushString("cannot close standard file")
		return 2
	}
	err := f.close()
	if f.cmd != nil {
		return pushExit(t, f.cmd.Wait(), f.cmd)
	}
	return pushResult(t, err, "")
}

func (s *state) ioClose(t *vm.Thread) int {
	if t.NArg() == 0 || t.Arg(1).IsNil() {
		return s.closeFile(t, s.use(t, s.out))
	}
	return s.closeFile(t, self(t))
}

// ioDefault is io.input and io.output.
func (s *state) ioDefault(t *vm.Thread, which **file, mode string) int {
	switch v := t.Arg(1); v.Kind() {
	case vm.KNil:
	case vm.KUserdata:
		*which = self(t)
		t.Push(v)
		return 1
	default:
		name := t.CheckString(1)
		f, err := openFile(name, mode)
		if err != nil {
			text, _ := sysError(err)
			t.Errorf("%s: %s", name, text)
		}
		*which = f
	}
	return s.push(t, *which)
}

func ioType(t *vm.Thread) int {
	t.CheckAny(1)
	f := handle(t, 1)
	switch {
	case f == nil:
		t.PushNil()
	case f.closed:
		t.PushString("closed file")
	default:
		t.PushString("file")
	}
	return 1
}

func fileTostring(t *vm.Thread) int {
	f := handle(t, 1)
	if f == nil {
		t.TypeError(1, "FILE*")
	}
	if f.closed {
		t.PushString("file (closed)")
	} else {
		t.PushString(fmt.Sprintf("file (%p)", f))
	}
	return 1
}

func fileGC(t *vm.Thread) int {
	f := handle(t, 1)
	if f == nil {
		t.TypeError(1, "FILE*")
	}
	if !f.closed && !f.std {
		f.close()
		if f.cmd != nil {
			f.cmd.Process.Release()
		}
	}
	return 0
}

func (s *state) write(t *vm.Thread, f *file, from int) int {
	w, err := f.writer()
	flush := f.flushes
	for i := from; err == nil && i <= t.NArg(); i++ {
		text := t.CheckString(i)
		flush = flush || f.lines && strings.IndexByte(text, '\n') >= 0
		_, err = w.WriteString(text)
	}
	if err == nil && flush {
		err = w.Flush()
	}
	if err != nil {
		return pushResult(t, err, "")
	}
	if from == 1 {
		return s.push(t, f)
	}
	t.Push(t.Arg(1))
	return 1
}

// read reads by the formats that are the arguments from one on; none means a line.
func read(t *vm.Thread, f *file, from int) int {
	r, err := f.reader()
	if err != nil {
		return pushResult(t, err, "")
	}
	if t.NArg() < from {
		ok, err := readFormat(t, r, "l")
		return readDone(t, ok, err, 1)
	}
	n := t.NArg()
	for i := from; i <= n; i++ {
		ok := false
		if v := t.Arg(i); v.Kind() == vm.KNumber {
			ok, err = readBytes(t, r, t.CheckInt(i))
		} else {
			format := strings.TrimPrefix(t.CheckString(i), "*")
			if format == "" || !strings.Contains("nlLa", format[:1]) {
				t.ArgError(i, "invalid format")
			}
			ok, err = readFormat(t, r, format[:1])
		}
		if !ok || err != nil {
			return readDone(t, ok, err, i-from+1)
		}
	}
	return n - from + 1
}

// readDone ends a read whose last result was pushed, or is nil.
func readDone(t *vm.Thread, ok bool, err error, n int) int {
	if err != nil {
		return pushResult(t, err, "")
	}
	if !ok {
		t.PushNil()
	}
	return n
}

func readFormat(t *vm.Thread, r *bufio.Reader, format string) (bool, error) {
	switch format {
	case "n":
		f, ok := readNumber(r)
		if ok {
			t.PushNumber(f)
		}
		return ok, nil
	case "a":
		b, err := io.ReadAll(io.LimitReader(r, maxRead))
		if err != nil {
			return false, err
		}
		t.PushBytes(b)
		return true, nil
	}
	line, ok, err := readLine(t, r, format == "L")
	if ok {
		t.PushBytes(line)
	}
	return ok, err
}

func readBytes(t *vm.Thread, r *bufio.Reader, n int) (bool, error) {
	if n <= 0 {
		_, err := r.Peek(1)
		if err == nil {
			t.PushString("")
		}
		return err == nil, nil
	}
	if n > maxRead {
		t.RaiseString("not enough memory")
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return false, err
	}
	if len(b) > 0 {
		t.PushBytes(b)
	}
	return len(b) > 0, nil
}

// lines pushes an iterator over a file; closing closes it at its end.
func (s *state) lines(t *vm.Thread, f *file, from int, closing bool) int {
	var formats []vm.Value
	for i := from; i <= t.NArg(); i++ {
		formats = append(formats, t.Arg(i))
	}
	t.Push(s.m.NewFunc("lines", func(t *vm.Thread) int {
		if f.closed {
			t.Errorf("file is already closed")
		}
		r, err := f.reader()
		if err != nil {
			text, _ := sysError(err)
			t.Errorf("%s", text)
		}
		n, ok := 0, true
		if len(formats) == 0 {
			ok, err = readFormat(t, r, "l")
			n = 1
		}
		for _, v := range formats {
			n++
			if v.Kind() == vm.KNumber {
				ok, err = readBytes(t, r, int(v.Num()))
			} else {
				ok, err = readFormat(t, r, strings.TrimPrefix(v.Str(), "*"))
			}
			if !ok || err != nil {
				break
			}
		}
		if err != nil {
			text, _ := sysError(err)
			t.Errorf("%s", text)
		}
		if !ok {
			t.PushNil()
			if n == 1 && closing {
				f.close()
			}
		}
		return n
	}))
	return 1
}

func (s *state) ioLines(t *vm.Thread) int {
	if t.NArg() == 0 || t.Arg(1).IsNil() {
		return s.lines(t, s.use(t, s.in), 2, false)
	}
	name := t.CheckString(1)
	f, err := openFile(name, "r")
	if err != nil {
		text, _ := sysError(err)
		t.ArgError(1, name+": "+text)
	}
	return s.lines(t, f, 2, true)
}

func fileSeek(t *vm.Thread) int {
	f := self(t)
	whence, ok := map[string]int{"set": io.SeekStart, "cur": io.SeekCurrent, "end": io.SeekEnd}[t.OptString(2, "cur")]
	if !ok {
		t.ArgError(2, "invalid option '"+t.CheckString(2)+"'")
	}
	off := t.OptInt(3, 0)
	err := f.flush()
	if err == nil {
		err = f.unread()
	}
	var pos int64
	if err == nil {
		pos, err = f.f.Seek(int64(off), whence)
	}
	if err != nil {
		return pushResult(t, err, "")
	}
	t.PushNumber(float64(pos))
	return 1
}

func fileSetvbuf(t *vm.Thread) int {
	f := self(t)
	mode := t.CheckString(2)
	if mode != "no" && mode != "line" && mode != "full" {
		t.ArgError(2, "invalid option '"+mode+"'")
	}
	f.flushes, f.lines = mode == "no", mode == "line"
	return pushResult(t, nil, "")
}
