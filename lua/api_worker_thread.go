package lua

import (
	"errors"
	"slices"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// workerThreadArea is ngx.run_worker_thread: a function of a module runs on a
// goroutine beside the worker, in a VM of its own, and gets copies.
var workerThreadArea = area{rows: []row{{"run_worker_thread", waiting, runWorkerThread}}}

// threadAreas are the parts of the API that such a VM has: what needs neither a
// request nor the worker.
func threadAreas() []area {
	return []area{constantsArea, escapeArea, hashArea, configArea, sharedArea, nativeArea, luasocketArea}
}

// workerThreads are the VMs of one worker for them
// (lua_worker_thread_vm_pool_size).
type workerThreads struct {
	idle []*engine
	made int
}

func runWorkerThread(t *vm.Thread, s *state) int {
	failed := func(text string) int {
		t.PushBool(false)
		t.PushString(text)
		return 2
	}
	if t.NArg() < 3 {
		return failed("expecting at least 3 arguments")
	}
	var names [3]string
	for i, what := range []string{"threadpool", "module name", "function name"} {
		var ok bool
		if names[i], ok = t.Arg(i + 1).ToString(); !ok {
			return failed(what + " should be a string")
		}
		if i == 0 && names[0] != "default" && !slices.Contains(s.e.site.cfg.Process.Pools.Items, names[0]) {
			return failed("thread pool " + names[0] + " not found")
		}
	}
	own := s.e.takeThread()
	if own == nil {
		return failed("no available Lua vm")
	}
	fn, why := own.lookup(names[1], names[2])
	var args []vm.Value
	for i := 4; i <= t.NArg() && why == ""; i++ {
		var v vm.Value
		if v, why = copyValue(own, t.Arg(i), true, 1); why != "" {
			why += " in the argument"
		}
		args = append(args, v)
	}
	if why != "" {
		s.e.putThread(own)
		return failed(why)
	}
	return own.runFor(t, s, fn, args, failed)
}

// runFor runs the function beside the worker, with the coroutine parked, and
// pushes copies of what it returned.
func (e *engine) runFor(t *vm.Thread, s *state, fn vm.Value, args []vm.Value, failed func(string) int) int {
	home, run := s.e, e.draw(e.site.http, nil, inThread)
	var results []vm.Value
	var err error
	var ended, fetched, abandoned bool // the worker's
	giveBack := func() {
		e.vm.Release(run.t)
		home.putThread(e)
		home.letGo()
	}
	home.hold()
	defer func() {
		if abandoned = !fetched; fetched || ended {
			giveBack()
		}
	}()
	home.worker.Offload(func() {
		var got []vm.Value
		got, err = run.t.Call(fn, args...)
		results = append([]vm.Value(nil), got...)
		home.worker.Post(actor.TaskFunc(func(*actor.Worker) {
			ended = true
			if abandoned { // the caller was killed meanwhile
				giveBack()
			}
		}))
	})
	fetched = true
	if err != nil {
		var le *vm.Error
		if errors.As(err, &le) {
			return failed(message(le))
		}
		return failed(err.Error())
	}
	copies := make([]vm.Value, len(results))
	for i, v := range results {
		var why string
		if copies[i], why = copyValue(home, v, true, 1); why != "" {
			return failed(why + " in the return value")
		}
	}
	t.PushBool(true)
	return 1 + t.PushAll(copies)
}

// takeThread returns a VM for a worker thread, nil when all are in use.
func (e *engine) takeThread() *engine {
	p := &e.threads
	if n := len(p.idle); n > 0 {
		own := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return own
	}
	if p.made >= e.site.http.workerVMs {
		return nil
	}
	p.made++
	own := &engine{site: e.site, vm: stdlib.New(vm.Options{}), cached: true}
	own.setPaths()
	own.openAPI(threadAreas())
	return own
}

func (e *engine) putThread(own *engine) {
	if e.exiting {
		own.vm.Close()
		return
	}
	e.threads.idle = append(e.threads.idle, own)
}

// close ends the VM and those of its worker threads that are idle.
func (e *engine) close() {
	e.exiting = true
	e.killProcesses()
	for _, own := range e.threads.idle {
		own.vm.Close()
	}
	e.threads.idle = nil
	e.vm.Close()
}

// lookup finds a function of a module in the VM; why says what is wrong.
func (e *engine) lookup(module, name string) (fn vm.Value, why string) {
	run := e.draw(e.site.http, nil, inThread)
	defer e.vm.Release(run.t)
	results, err := run.t.Call(e.vm.Globals().GetStr("require"), vm.String(module))
	var le *vm.Error
	switch {
	case errors.As(err, &le):
		return vm.Nil, message(le)
	case err != nil:
		return vm.Nil, err.Error()
	case len(results) == 0 || results[0].Table() == nil:
		return vm.Nil, "invalid lua module"
	}
	if fn = results[0].Table().GetStr(name); fn.Kind() != vm.KFunction {
		return vm.Nil, "invalid function"
	}
	return fn, ""
}

// copyDepth bounds how deep tables in tables are copied.
const copyDepth = 100

// copyValue makes a copy of v that belongs to the VM of to; why says what
// cannot be copied.
func copyValue(to *engine, v vm.Value, allowNil bool, depth int) (c vm.Value, why string) {
	switch v.Kind() {
	case vm.KBool:
		return vm.Bool(v.Bool()), ""
	case vm.KNumber:
		return vm.Number(v.Num()), ""
	case vm.KString:
		return vm.String(v.Str()), ""
	case vm.KLight:
		return to.null, ""
	case vm.KNil:
		if allowNil {
			return vm.Nil, ""
		}
		return vm.Nil, "unsupported Lua type: LUA_TNIL"
	case vm.KTable:
		return copyTable(to, v.Table(), depth)
	case vm.KFunction:
		return vm.Nil, "unsupported Lua type: LUA_TFUNCTION"
	case vm.KThread:
		return vm.Nil, "unsupported Lua type: LUA_TTHREAD"
	}
	return vm.Nil, "unsupported Lua type: LUA_TUSERDATA"
}

func copyTable(to *engine, from *vm.Table, depth int) (c vm.Value, why string) {
	if depth >= copyDepth {
		return vm.Nil, "suspicious circular references, table depth exceed max depth: 100"
	}
	table := to.vm.NewTable(from.Len(), 0)
	for k, v, ok := from.Next(vm.Nil); ok; k, v, ok = from.Next(k) {
		key, why := copyValue(to, k, false, depth+1)
		if why != "" {
			return vm.Nil, why
		}
		value, why := copyValue(to, v, false, depth+1)
		if why != "" {
			return vm.Nil, why
		}
		table.Set(key, value)
	}
	return table.Value(), ""
}
