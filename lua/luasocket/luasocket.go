// Package luasocket has the cores of LuaSocket 3 that are C there: socket.core,
// socket.unix and mime.core. Its files in Lua (socket, socket.http, ltn12, mime …)
// are found by lua_package_path as ever, and run on these.
//
// A call that waits parks the coroutine. Where there is none it blocks, as
// LuaSocket does everywhere.
package luasocket

import (
	"net/netip"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// Host is what the modules need of the server.
type Host struct {
	// Wait waits until one of the descriptors is ready, at most for limit
	// (negative: without one; 0: it only looks), and sets what is. It returns
	// false when nothing is.
	Wait func(t *vm.Thread, list []Interest, limit time.Duration) (ready bool, err error)
	// Sleep waits.
	Sleep func(t *vm.Thread, d time.Duration)
	// Lookup finds the addresses of a host, at least one.
	Lookup func(t *vm.Thread, name string) ([]netip.Addr, error)
	// Offload runs what would block.
	Offload func(f func())
	// Disconnect takes the peer of a datagram socket away.
	Disconnect func(fd int) error
}

// Interest is a descriptor and what it is waited for.
type Interest struct {
	FD                 int
	Read, Write        bool
	Readable, Writable bool // set by Wait
}

// version is that of the LuaSocket whose meaning this has.
const version = "LuaSocket 3.0.0"

// functions is socket.core.
var functions = []struct {
	name string
	f    func(l *library, t *vm.Thread) int
}{
	{"tcp", creator("tcp", unspecified)}, // tcp.go
	{"tcp4", creator("tcp", inet4)},
	{"tcp6", creator("tcp", inet6)},
	{"connect", (*library).connect}, // (host, port [, local host, local port, family])
	{"udp", creator("udp", unspecified)},
	{"udp4", creator("udp", inet4)},
	{"udp6", creator("udp", inet6)},
	{"select", (*library).selectReady}, // (readers, writers [, timeout]): select.go
	{"newtry", (*library).newTry},      // (finalizer): except.go
	{"protect", (*library).protect},    // (function)
	{"skip", skip},                     // (n, ...): drops n arguments
	{"gettime", getTime},               // (): seconds since 1970
	{"sleep", (*library).sleep},        // (seconds)
	{"__unload", func(*library, *vm.Thread) int { return 0 }},
}

// library is the modules in one VM.
type library struct {
	m       *vm.VM
	host    Host
	kinds   map[string]kind
	classes map[string]*class
	raised  *vm.Table    // the metatable of what try raises
	loose   map[int]bool // descriptors that setfd has taken from their objects
}

// Register makes the modules available to require in m.
func Register(m *vm.VM, h Host) {
	l := &library{m: m, host: h, kinds: kinds()}
	m.Builtin("socket.core", func(*vm.Thread) vm.Value {
		t := m.NewTable(0, len(functions)+8)
		for _, f := range functions {
			t.SetStr(f.name, m.NewFunc(f.name, func(t *vm.Thread) int { return f.f(l, t) }))
		}
		t.SetStr("dns", l.openDNS().Value())
		t.SetStr("_VERSION", vm.String(version))
		t.SetStr("_SETSIZE", vm.Int(selectMax))
		t.SetStr("_SOCKETINVALID", vm.Int(-1))
		t.SetStr("_DATAGRAMSIZE", vm.Int(datagramSize))
		return t.Value()
	})
	m.Builtin("socket.unix", func(*vm.Thread) vm.Value { return l.openUnix().Value() }) // unix.go
	m.Builtin("mime.core", func(*vm.Thread) vm.Value { return openMIME(m).Value() })    // mime.go
}

func skip(_ *library, t *vm.Thread) int {
	first := t.CheckInt(1) + 2
	if first < 2 || first > t.NArg() {
		return 0
	}
	t.ReturnArgs(first, t.NArg())
	return t.NArg() - first + 1
}

func getTime(_ *library, t *vm.Thread) int {
	t.PushNumber(float64(time.Now().UnixMicro()) / 1e6)
	return 1
}

func (l *library) sleep(t *vm.Thread) int {
	l.host.Sleep(t, max(seconds(t.CheckNumber(1)), 0))
	return 0
}

// seconds is a duration in Lua; what is no number or very long is the longest.
func seconds(n float64) time.Duration {
	const most = 1<<31 - 1
	if n > most || n != n {
		n = most
	}
	return time.Duration(max(n, -1) * float64(time.Second))
}

// refuse pushes nil and why.
func refuse(t *vm.Thread, why string) int {
	t.PushNil()
	t.PushString(why)
	return 2
}

// one pushes 1, which most methods return.
func one(t *vm.Thread) int {
	t.PushInt(1)
	return 1
}
