//go:build !luafast

package vm

// checked has the interpreter compare every access to a register with the end of the stack, and the code of every function
// verified when it is made. Over the programs of TestCompare it costs nothing that can be told from the noise of the
// measurement (geometric mean within 2 %, calls and loops that do little else up to 5 %), so it is the default; the build
// tag luafast leaves it out.
const checked = true
