package lua

import "github.com/luahttpd/luahttpd/lua/vm"

// stringBuf is the size of the buffer that get_string_buf lends, in bytes;
// programs may set another.
const stringBuf = 4096

// openBase makes the functions of resty.core.base that hand out memory of ffi:
// libraries borrow it for what they pack and unpack. Whoever asks next gets the
// same buffer, as in OpenResty.
func (e *engine) openBase(base *vm.Table) {
	size, lent := stringBuf, map[string]vm.Value{}
	allocate := func(t *vm.Thread, ctype string, n int) vm.Value {
		ffi := t.Call1(e.vm.Globals().GetStr("require"), vm.String("ffi")).Table()
		return t.Call1(ffi.GetStr("new"), vm.String(ctype), vm.Int(n))
	}
	lend := func(t *vm.Thread, ctype string, n int) int {
		v, ok := lent[ctype]
		if !ok {
			v = allocate(t, ctype, n)
			lent[ctype] = v
		}
		t.Push(v)
		return 1
	}
	for name, do := range map[string]vm.Func{
		"get_string_buf": func(t *vm.Thread) int {
			if n := t.OptInt(1, size); n > size || t.Arg(2).Truth() {
				t.Push(allocate(t, "unsigned char[?]", n))
				return 1
			}
			return lend(t, "unsigned char[?]", size)
		},
		"get_string_buf_size": func(t *vm.Thread) int { t.PushInt(size); return 1 },
		"set_string_buf_size": func(t *vm.Thread) int {
			size = max(t.CheckInt(1), 1)
			delete(lent, "unsigned char[?]")
			return 0
		},
		"get_size_ptr":   func(t *vm.Thread) int { return lend(t, "size_t[?]", 1) },
		"get_errmsg_ptr": func(t *vm.Thread) int { return lend(t, "unsigned char *[?]", 1) },
	} {
		base.SetStr(name, e.vm.NewFunc(name, do))
	}
}
