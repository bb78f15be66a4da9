package resty

import (
	"syscall"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// signals are the names that resty.signal knows.
var signals = map[string]syscall.Signal{"NONE": 0, "HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "ILL": syscall.SIGILL,
	"TRAP": syscall.SIGTRAP, "ABRT": syscall.SIGABRT, "BUS": syscall.SIGBUS, "FPE": syscall.SIGFPE, "KILL": syscall.SIGKILL, "USR1": syscall.SIGUSR1,
	"SEGV": syscall.SIGSEGV, "USR2": syscall.SIGUSR2, "PIPE": syscall.SIGPIPE, "ALRM": syscall.SIGALRM, "TERM": syscall.SIGTERM, "CHLD": syscall.SIGCHLD,
	"CONT": syscall.SIGCONT, "STOP": syscall.SIGSTOP, "TSTP": syscall.SIGTSTP, "TTIN": syscall.SIGTTIN, "TTOU": syscall.SIGTTOU, "URG": syscall.SIGURG,
	"XCPU": syscall.SIGXCPU, "XFSZ": syscall.SIGXFSZ, "VTALRM": syscall.SIGVTALRM, "PROF": syscall.SIGPROF, "WINCH": syscall.SIGWINCH,
	"IO": syscall.SIGIO, "PWR": syscall.SIGPWR, "SYS": syscall.SIGSYS}

func openSignal(m *vm.VM) *vm.Table {
	t := m.NewTable(0, 3)
	t.SetStr("version", vm.Number(0.04))
	t.SetStr("signum", m.NewFunc("signum", func(t *vm.Thread) int {
		s, ok := signum(t.Arg(1))
		if !ok {
			return refuse(t, "unknown signal name")
		}
		t.PushInt(s)
		return 1
	}))
	t.SetStr("kill", m.NewFunc("kill", kill))
	return t
}

// signum is the number of a signal given by name or number.
func signum(v vm.Value) (n int, ok bool) {
	if v.Kind() == vm.KNumber {
		return int(v.Num()), true
	}
	s, ok := signals[v.Str()]
	return int(s), ok
}

// kill(pid, signal) sends a signal, by number or name, to a process.
func kill(t *vm.Thread) int {
	if !t.Arg(2).Truth() {
		t.Errorf("assertion failed!")
	}
	n, ok := signum(t.Arg(2))
	if !ok {
		return refuse(t, "unknown signal name")
	}
	if !t.Arg(1).Truth() {
		t.Errorf("assertion failed!")
	}
	if err := syscall.Kill(t.CheckInt(1), syscall.Signal(n)); err != nil {
		return refuse(t, vm.Strerror(err))
	}
	t.PushBool(true)
	return 1
}
