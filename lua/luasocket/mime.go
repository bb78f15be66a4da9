package luasocket

import (
	"encoding/base64"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// filters are the functions of mime.core (RFC 2045, RFC 5321 section 4.5.2).
// Those that keep a rest take what was left over and the next piece, and give
// the result and what is left over now; without a next piece they finish.
var filters = []struct {
	name string
	f    vm.Func
}{
	{"b64", rest(encodeBase64)},         // (rest, piece)
	{"unb64", rest(decodeBase64)},       // (rest, piece)
	{"qp", quote},                       // (rest, piece, line break): mime_qp.go
	{"unqp", rest(unquote)},             // (rest, piece)
	{"wrp", wrapper(lineBreak, 0, 0)},   // (room in the line, piece, length of lines)
	{"qpwrp", wrapper(softBreak, 1, 3)}, // (room in the line, piece, length of lines)
	{"eol", lineEnds},                   // (last byte, piece, line break)
	{"dot", doubleDots},                 // (state, piece)
}

const (
	lineBreak = "\r\n"
	softBreak = "=\r\n"
	lineMax   = 76 // RFC 2045: without the line break
)

func openMIME(m *vm.VM) *vm.Table {
	t := m.NewTable(0, len(filters)+1)
	for _, f := range filters {
		t.SetStr(f.name, m.NewFunc(f.name, f.f))
	}
	t.SetStr("_VERSION", vm.String("MIME 1.0.3"))
	return t
}

// step appends what can be made of in, and says what must wait for more. last:
// nothing comes any more.
type step func(out, in []byte, last bool) (result, left []byte)

// rest makes the function of a step.
func rest(f step) vm.Func {
	return func(t *vm.Thread) int {
		if t.Arg(1).IsNil() {
			t.PushNil()
			t.PushNil()
			return 2
		}
		in := []byte(t.CheckString(1))
		last := t.Arg(2).IsNil()
		if !last {
			in = append(in, t.CheckString(2)...)
		}
		t.Reserve(longest * len(in))
		t.Spend(len(in) / bytesPerStep)
		out, left := f(nil, in, last)
		if last {
			if len(out) == 0 {
				t.PushNil()
			} else {
				t.PushBytes(out)
			}
			t.PushNil()
			return 2
		}
		t.PushBytes(out)
		t.PushBytes(left)
		return 2
	}
}

// longest is how many bytes a step makes of one at most.
const longest = 3

// bytesPerStep is how many bytes count as one step of the machine.
const bytesPerStep = 16

func encodeBase64(out, in []byte, last bool) ([]byte, []byte) {
	whole := len(in)
	if !last {
		whole -= len(in) % 3
	}
	return base64.StdEncoding.AppendEncode(out, in[:whole]), in[whole:]
}

// base64Value is a character's; padding counts as zero.
func base64Value(c byte) (v uint32, ok bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return uint32(c - 'A'), true
	case 'a' <= c && c <= 'z':
		return uint32(c-'a') + 26, true
	case '0' <= c && c <= '9':
		return uint32(c-'0') + 52, true
	case c == '+':
		return 62, true
	case c == '/':
		return 63, true
	}
	return 0, c == '='
}

// decodeBase64 skips what is no character of base64, and goes on behind padding.
func decodeBase64(out, in []byte, last bool) ([]byte, []byte) {
	var four []byte
	value := uint32(0)
	for _, c := range in {
		v, ok := base64Value(c)
		if !ok {
			continue
		}
		four, value = append(four, c), value<<6|v
		if len(four) < 4 {
			continue
		}
		bytes := []byte{byte(value >> 16), byte(value >> 8), byte(value)}
		switch {
		case four[2] == '=':
			bytes = bytes[:1]
		case four[3] == '=':
			bytes = bytes[:2]
		}
		out, four, value = append(out, bytes...), four[:0], 0
	}
	return out, four
}

// wrapper makes wrp and qpwrp: they break lines with mark when the room in them
// is down to plain bytes, or to escape before "=".
func wrapper(mark string, plain, escape int) vm.Func {
	return func(t *vm.Thread) int {
		left, length := t.CheckInt(1), t.OptInt(3, lineMax)
		if t.Arg(2).IsNil() {
			if left < length {
				t.PushString(mark)
			} else {
				t.PushNil()
			}
			t.PushInt(length)
			return 2
		}
		in := t.CheckString(2)
		t.Reserve((1 + len(mark)) * len(in)) // lines of one byte
		t.Spend(len(in) / bytesPerStep)
		var out []byte
		for i := range len(in) {
			c, need := in[i], plain
			switch c {
			case '\r':
				continue
			case '\n':
				out, left = append(out, lineBreak...), length
				continue
			case '=':
				need = escape
			}
			if left <= need {
				out, left = append(out, mark...), length
			}
			out = append(out, c)
			left--
		}
		t.PushBytes(out)
		t.PushInt(left)
		return 2
	}
}

// lineEnds makes all line breaks the same: CR, LF, CR LF and LF CR are one.
func lineEnds(t *vm.Thread) int {
	last, mark := t.CheckInt(1), t.OptString(3, lineBreak)
	if t.Arg(2).IsNil() {
		t.PushNil()
		t.PushInt(0)
		return 2
	}
	in := t.CheckString(2)
	t.Reserve(len(in) + (strings.Count(in, "\n")+strings.Count(in, "\r"))*len(mark))
	t.Spend(len(in) / bytesPerStep)
	var out []byte
	isBreak := func(c int) bool { return c == '\r' || c == '\n' }
	for i := range len(in) {
		c := int(in[i])
		switch {
		case !isBreak(c):
			out, last = append(out, in[i]), 0
		case !isBreak(last):
			out, last = append(out, mark...), c
		default: // the second half, or one more
			if c == last {
				out = append(out, mark...)
			}
			last = 0
		}
	}
	t.PushBytes(out)
	t.PushInt(last)
	return 2
}

// doubleDots doubles a dot that begins a line. The state is 2 at the begin of a
// line and 1 behind a carriage return.
func doubleDots(t *vm.Thread) int {
	state := t.CheckInt(1)
	if t.Arg(2).IsNil() {
		t.PushNil()
		t.PushInt(2)
		return 2
	}
	in := t.CheckString(2)
	t.Reserve(2 * len(in))
	t.Spend(len(in) / bytesPerStep)
	var out []byte
	for i := range len(in) {
		c, before := in[i], state
		out, state = append(out, c), 0
		switch c {
		case '\r':
			state = 1
		case '\n':
			if before == 1 {
				state = 2
			}
		case '.':
			if before == 2 {
				out = append(out, '.')
			}
		}
	}
	t.PushBytes(out)
	t.PushInt(state)
	return 2
}
