package lua

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// pipeArea is the module ngx.pipe. Its functions wait.
var pipeArea = area{open: func(e *engine, ngx *vm.Table) {
	meta := e.vm.NewTable(0, 2)
	methods := e.vm.NewTable(0, 20)
	meta.SetStr("__index", methods.Value())
	meta.SetStr("__gc", e.vm.NewFunc("gc", func(t *vm.Thread) int {
		if p, ok := userdata[*process](t.Arg(1)); ok {
			p.destroy()
		}
		return 0
	}))
	for _, row := range []row{
		{"pid", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushInt(checkProcess(t).cmd.Process.Pid)
			return 1
		}},
		{"kill", anyPhase, processKill},
		{"set_timeouts", anyPhase, processTimeouts},
		{"shutdown", anyPhase, processShutdown},
		{"wait", waiting, processWait},
		{"write", waiting, processWrite},
	} {
		e.add(methods, row)
	}
	for i, name := range []string{"stdout", "stderr"} {
		read := func(how string, mode func(t *vm.Thread) readMode) {
			e.add(methods, row{name + "_read_" + how, waiting, func(t *vm.Thread, s *state) int {
				p := checkProcess(t)
				if i == 1 && p.merged {
					return fail(t, "merged to stdout")
				}
				m := mode(t)
				if m == nil {
					t.PushString("")
					return 1
				}
				return p.out[i].read(t, m, how == "all")
			}})
		}
		read("all", func(*vm.Thread) readMode { return readAll })
		read("line", func(*vm.Thread) readMode { return readLine })
		read("bytes", func(t *vm.Thread) readMode {
			n := t.CheckInt(2)
			if n < 0 {
				t.ArgError(2, "bad len argument")
			}
			if n == 0 {
				return nil
			}
			return readBytes(n)
		})
		read("any", func(t *vm.Thread) readMode {
			n := t.CheckInt(2)
			if n <= 0 {
				t.ArgError(2, "bad max argument")
			}
			return readAny(n)
		})
	}
	e.module("ngx.pipe", []row{{"spawn", "WESVRAPCHBLTUKXFOQZ", func(t *vm.Thread, s *state) int { return pipeSpawn(t, s, meta) }}})
}}

func checkProcess(t *vm.Thread) *process {
	p, ok := userdata[*process](t.Arg(1))
	if !ok {
		t.ArgError(1, "process expected, got "+t.Arg(1).Kind().String())
	}
	return p
}

// pipeSpawn is spawn(args, options): a list of arguments, or a line for the
// shell.
func pipeSpawn(t *vm.Thread, s *state, meta *vm.Table) int {
	var args []string
	switch v := t.Arg(1); v.Kind() {
	case vm.KString:
		args = []string{"/bin/sh", "-c", v.Str()}
	case vm.KTable:
		args = texts(t, v.Table())
		if len(args) == 0 {
			t.Errorf("bad args arg: non-empty table expected")
		}
	default:
		t.Errorf("bad args arg: table expected, got %s", v.Kind())
	}
	p := &process{e: s.e, cmd: command(args), waitTimeout: pipeTimeout}
	p.stdin.timeout, p.out[0].timeout, p.out[1].timeout = pipeTimeout, pipeTimeout, pipeTimeout
	if o := t.Arg(2).Table(); o != nil {
		p.merged = o.GetStr("merge_stderr").Truth()
		if n := o.GetStr("buffer_size"); !n.IsNil() { // ours grow as they must
			if size, ok := n.ToNumber(); !ok || size < 1 {
				t.Errorf("bad buffer_size option")
			}
		}
		if v := o.GetStr("environ"); !v.IsNil() {
			p.cmd.Env = environ(t, v)
		}
		for name, to := range map[string]*time.Duration{"write_timeout": &p.stdin.timeout, "stdout_read_timeout": &p.out[0].timeout,
			"stderr_read_timeout": &p.out[1].timeout, "wait_timeout": &p.waitTimeout} {
			pipeTime(t, o.GetStr(name), "bad "+name+" option", to)
		}
	}
	if err := p.start(); err != nil {
		return fail(t, err.Error())
	}
	t.Push(s.e.vm.NewUserdata(p, meta))
	return 1
}

// defaultPath is where programs are looked for without PATH, as by execvp(3):
// the server may have been started with no environment at all.
var defaultPath = []string{"/bin/", "/usr/bin/"}

func command(args []string) *exec.Cmd {
	name := args[0]
	if os.Getenv("PATH") == "" && !strings.Contains(name, "/") {
		for _, dir := range defaultPath {
			if path, err := exec.LookPath(dir + name); err == nil {
				name = path
				break
			}
		}
	}
	c := exec.Command(name, args[1:]...)
	c.Args[0] = args[0]
	return c
}

// environ reads the environment for a program, which is never nil.
func environ(t *vm.Thread, v vm.Value) []string {
	list := v.Table()
	if list == nil {
		t.Errorf("bad environ option: table expected, got %s", v.Kind())
	}
	env := []string{}
	for i := 1; !list.GetInt(i).IsNil(); i++ {
		entry := list.GetInt(i)
		if entry.Kind() != vm.KString {
			t.Errorf("bad value at index %d of environ option: string expected, got %s", i, entry.Kind())
		}
		if strings.IndexByte(entry.Str(), '=') < 1 {
			t.Errorf("bad value at index %d of environ option: 'name=[value]' format expected, got '%s'", i, entry.Str())
		}
		env = append(env, entry.Str())
	}
	return env
}

func texts(t *vm.Thread, list *vm.Table) (all []string) {
	for i := 1; i <= list.Len(); i++ {
		all = append(all, t.ToString(list.GetInt(i)))
	}
	return all
}

// pipeTime reads a timeout in milliseconds; nil leaves it, 0 is none.
func pipeTime(t *vm.Thread, v vm.Value, bad string, to *time.Duration) {
	if v.IsNil() {
		return
	}
	ms, ok := v.ToNumber()
	if !ok || ms < 0 || ms > float64(sleepMax/time.Millisecond) {
		t.Errorf("%s", bad)
	}
	*to = time.Duration(ms * float64(time.Millisecond))
}

func processTimeouts(t *vm.Thread, s *state) int {
	p := checkProcess(t)
	names := [...]string{"write_timeout", "stdout_read_timeout", "stderr_read_timeout", "wait_timeout"}
	for i, to := range []*time.Duration{&p.stdin.timeout, &p.out[0].timeout, &p.out[1].timeout, &p.waitTimeout} {
		pipeTime(t, t.Arg(i+2), "bad "+names[i]+" option", to)
	}
	return 0
}

func processKill(t *vm.Thread, s *state) int {
	p := checkProcess(t)
	sig := t.CheckInt(2)
	if sig < 0 || sig > 64 {
		return fail(t, "invalid signal")
	}
	if p.ended {
		return fail(t, "exited")
	}
	if err := p.cmd.Process.Signal(syscall.Signal(sig)); errors.Is(err, os.ErrProcessDone) {
		return fail(t, "exited")
	} else if err != nil {
		return fail(t, err.Error())
	}
	t.PushBool(true)
	return 1
}

func processShutdown(t *vm.Thread, s *state) int {
	p := checkProcess(t)
	var end *pipeEnd
	switch which := t.CheckString(2); {
	case which == "stdin":
		end = &p.stdin
	case which == "stdout":
		end = &p.out[0]
	case which == "stderr" && p.merged:
		return fail(t, "merged to stdout")
	case which == "stderr":
		end = &p.out[1]
	default:
		t.Errorf("bad shutdown arg: %s", which)
	}
	if end.fd == nil {
		return fail(t, "closed")
	}
	end.close()
	t.PushBool(true)
	return 1
}

func processWait(t *vm.Thread, s *state) int {
	p := checkProcess(t)
	switch {
	case p.fetched:
		return fail(t, "exited")
	case p.waiting:
		return fail(t, "pipe busy waiting")
	case p.ended:
		return p.result(t)
	}
	p.waiting, p.waiter = true, newWaiter(s.e.worker.Current())
	defer func() { p.waiting, p.waiter = false, waiter{} }()
	if p.waitTimeout > 0 {
		timer := s.e.worker.AfterFunc(p.waitTimeout, p.waiter.wake)
		defer timer.Stop()
	}
	p.waiter.park()
	if !p.ended {
		return fail(t, "timeout")
	}
	return p.result(t)
}

func processWrite(t *vm.Thread, s *state) int {
	p := checkProcess(t)
	var data []byte
	switch v := t.Arg(2); v.Kind() {
	case vm.KTable:
		for _, text := range texts(t, v.Table()) {
			data = append(data, text...)
		}
	case vm.KString, vm.KNumber:
		data = []byte(t.ToString(v))
	default:
		t.Errorf("bad data arg: string, number, or table expected, got %s", v.Kind())
	}
	switch {
	case p.stdin.fd == nil:
		return fail(t, "closed")
	case p.stdin.busy:
		return fail(t, "pipe busy writing")
	}
	p.stdin.busy = true
	defer func() { p.stdin.busy = false }()
	p.stdin.fd.SetWriteTimeout(p.stdin.timeout)
	n, err := p.stdin.fd.Write(data)
	if err != nil {
		text := pipeError(err)
		if text == "closed" {
			p.stdin.close()
		}
		return fail(t, text)
	}
	t.PushInt(n)
	return 1
}
