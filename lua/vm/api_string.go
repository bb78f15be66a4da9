package vm

// MaxString is the length of the longest string, in bytes.
const MaxString = maxStr

// AppendNumber appends a number as tostring writes it.
func AppendNumber(b []byte, f float64) []byte { return appendNum(b, f) }

// NewString makes a string of n bytes and gives them out to be filled in, once, before Lua sees the value.
func NewString(n int) (v Value, b []byte) {
	if n == 0 {
		return strValue(emptyStr), nil
	}
	if n > maxStr {
		panic(errTooLong)
	}
	s, b := newStrBuf(n)
	return strValue(s), b
}

// ReturnArgs pushes arguments i to n as results. When they are the last ones they already lie where results do.
func (t *Thread) ReturnArgs(i, n int) {
	if n == t.an && t.push == t.ab+uintptr(t.an)*16 {
		return
	}
	for ; i <= n; i++ {
		t.Push(t.Arg(i))
	}
}

// Scratch gives an empty buffer that is the VM's: it is good until the next function of Go runs. Keep returns it grown.
func (t *Thread) Scratch() []byte { return t.vm.scratch[:0] }

// Keep gives a scratch buffer back, so that its room is there the next time.
func (t *Thread) Keep(b []byte) {
	if cap(b) <= 64<<10 {
		t.vm.scratch = b[:0]
	}
}
