package stdlib

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// file is what a file handle of Lua holds. Reads and writes go through buffers; a change of direction flushes one and
// drops the other.
type file struct {
	name    string
	self    vm.Value // the userdata that holds it
	f       *os.File
	r       *bufio.Reader
	w       *bufio.Writer
	cmd     *exec.Cmd // of popen
	closed  bool
	std     bool // may not be closed
	read    bool // what the mode allows
	write   bool
	append  bool
	pos     bool // the reader may have read ahead
	flushes bool // after each write
	lines   bool // after each write that has a line end
}

// OS gives the open file, nil when it is closed: package lfs locks it.
func (f *file) OS() *os.File {
	if f.closed {
		return nil
	}
	return f.f
}

func (f *file) reader() (*bufio.Reader, error) {
	if !f.read {
		return nil, errBadDescriptor
	}
	if f.w != nil {
		if err := f.w.Flush(); err != nil {
			return nil, err
		}
	}
	if f.r == nil {
		f.r = bufio.NewReader(f.f)
	}
	f.pos = true
	return f.r, nil
}

func (f *file) writer() (*bufio.Writer, error) {
	if !f.write {
		return nil, errBadDescriptor
	}
	if err := f.unread(); err != nil {
		return nil, err
	}
	if f.w == nil {
		f.w = bufio.NewWriter(f.f)
	}
	return f.w, nil
}

// unread puts the file position to where the program has read.
func (f *file) unread() error {
	if !f.pos || f.r == nil {
		return nil
	}
	f.pos = false
	n := f.r.Buffered()
	f.r = nil
	if n == 0 {
		return nil
	}
	_, err := f.f.Seek(int64(-n), io.SeekCurrent)
	return err
}

func (f *file) flush() error {
	if f.w == nil {
		return nil
	}
	return f.w.Flush()
}

func (f *file) close() error {
	err := f.flush()
	if e := f.f.Close(); err == nil {
		err = e
	}
	f.closed = true
	return err
}

var errBadDescriptor = os.NewSyscallError("", errnoBadf)

// openMode checks a mode of io.open and gives the flags of the system.
func openMode(mode string) (flags int, f file, ok bool) {
	if mode == "" {
		return 0, f, false
	}
	plus := false
	for _, c := range mode[1:] {
		switch c {
		case '+':
			plus = true
		case 'b':
		default:
			return 0, f, false
		}
	}
	switch mode[0] {
	case 'r':
		f.read, f.write = true, plus
		if plus {
			flags = os.O_RDWR
		}
	case 'w':
		f.read, f.write = plus, true
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
		if plus {
			flags = os.O_RDWR | os.O_CREATE | os.O_TRUNC
		}
	case 'a':
		f.read, f.write, f.append = plus, true, true
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
		if plus {
			flags = os.O_RDWR | os.O_CREATE | os.O_APPEND
		}
	default:
		return 0, f, false
	}
	return flags, f, true
}

// openFile opens a file for Lua.
func openFile(name, mode string) (*file, error) {
	flags, f, ok := openMode(mode)
	if !ok {
		return nil, errInvalid
	}
	h, err := os.OpenFile(name, flags, 0o666)
	if err != nil {
		return nil, err
	}
	f.name, f.f = name, h
	f.flushes = true // nobody does it for a file that is never closed
	return &f, nil
}

// readLine reads up to a line end; ok is false at the end of the file.
func readLine(t *vm.Thread, r *bufio.Reader, keepEnd bool) (line []byte, ok bool, err error) {
	for {
		part, e := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxRead {
			t.RaiseString("not enough memory")
		}
		if errors.Is(e, bufio.ErrBufferFull) {
			continue
		}
		if e != nil && e != io.EOF {
			return nil, false, e
		}
		if len(line) == 0 {
			return nil, false, nil
		}
		if !keepEnd && line[len(line)-1] == '\n' {
			line = line[:len(line)-1]
		}
		return line, true, nil
	}
}

// maxRead bounds what one read gives.
const maxRead = vm.MaxString

// maxNumeral bounds the bytes of a numeral that is read.
const maxNumeral = 200

// readNumber reads a numeral as %lf of scanf does, to the extent that programs can tell.
func readNumber(r *bufio.Reader) (float64, bool) {
	for {
		c, err := r.ReadByte()
		if err != nil {
			return 0, false
		}
		if c != ' ' && c-9 >= 5 {
			r.UnreadByte()
			break
		}
	}
	var b []byte
	take := func(set string) bool {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return false
		case len(b) == maxNumeral || strings.IndexByte(set, c) < 0:
			r.UnreadByte()
			return false
		}
		b = append(b, c)
		return true
	}
	take("+-")
	if word := "nan"; take("nN") || take("iI") {
		if b[len(b)-1]|32 == 'i' {
			word = "infinity"
		}
		for i := 1; i < len(word) && take(word[i:i+1]+strings.ToUpper(word[i:i+1])); i++ {
		}
		return vm.ParseNumber(string(b))
	}
	digits, exponent := "0123456789", "eE"
	some := take("0")
	if some && take("xX") {
		digits, exponent = "0123456789abcdefABCDEF", "pP"
	}
	for take(digits) {
		some = true
	}
	if take(".") {
		for take(digits) {
			some = true
		}
	}
	if some && take(exponent) {
		take("+-")
		for take("0123456789") {
		}
	}
	return vm.ParseNumber(string(b))
}
