package lua

import (
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// areas lists the API, one file each, in the order in which it is built.
func areas() []area {
	return []area{
		constantsArea,
		outputArea,
		controlArea,
		variablesArea,
		loggingArea,
		escapeArea,
		regexArea,
		sharedArea,
		headerArea,
		timeArea,
		hashArea,
		configArea,
		workerArea,
		threadArea,
		workerThreadArea,
		coroutineArea,
		abortArea,
		timerArea,
		semaphoreArea,
		requestArea,
		requestFieldArea,
		requestArgsArea,
		requestBodyArea,
		responseArea,
		captureArea,
		nativeArea,
		luasocketArea, // api_luasocket.go
		processArea,
		errlogArea,
		pipeArea,
		ndkArea,
		tcpArea,
		udpArea,
		requestSocketArea,
		sslArea, // api_ssl.go
		sslHelloArea,
		sslSessionArea,
		sslPeerArea,
		ocspArea,
		actorArea,
		skynetArea,
		balancerArea, // api_balancer.go
		upstreamArea,
		restyLockArea, // resty_lock.go
		globalArea,    // last: it guards the others' globals
	}
}

// area is one part of the API.
type area struct {
	rows []row
	// open, when not nil, adds what is more than functions: constants, tables
	// with metatables, modules for require (e.vm.Builtin).
	open func(e *engine, ngx *vm.Table)
}

// row is one function of the API.
type row struct {
	// name is below ngx: "say", "req.get_headers". Tables on the way are made.
	name string
	// in are the letters of the phases that may call it (see phaseRows).
	in string
	do func(t *vm.Thread, s *state) int
}

// null is ngx.null. It is the same for all machines, so that it can be sent.
var null = vm.NamedLight("userdata: NULL")

// openAPI builds ngx and all that belongs to it in the engine's VM.
func (e *engine) openAPI(areas []area) {
	ngx := e.vm.NewTable(0, 128)
	e.vm.Globals().SetStr("ngx", ngx.Value())
	e.null = null
	for _, a := range areas {
		for _, row := range a.rows {
			e.add(ngx, row)
		}
		if a.open != nil {
			a.open(e, ngx)
		}
	}
	e.vm.Builtin("ngx", func(*vm.Thread) vm.Value { return ngx.Value() })
}

// add puts the function of a row into the table, or one below it.
func (e *engine) add(table *vm.Table, row row) {
	name := row.name
	for {
		head, rest, found := strings.Cut(name, ".")
		if !found {
			break
		}
		table, name = e.subtable(table, head), rest
	}
	table.SetStr(name, e.function(name, row.in, row.do))
}

// subtable returns the table called name in a table, made if it is not there.
func (e *engine) subtable(in *vm.Table, name string) *vm.Table {
	if t := in.GetStr(name).Table(); t != nil {
		return t
	}
	t := e.vm.NewTable(0, 16)
	in.SetStr(name, t.Value())
	return t
}

// function makes a host function that only the given phases may call.
func (e *engine) function(name, letters string, do func(t *vm.Thread, s *state) int) vm.Value {
	in, waits := phasesOf(letters), letters == waiting
	return e.vm.NewFunc(name, func(t *vm.Thread) int {
		s := stateOf(t)
		if !in.has(s.phase) && !(waits && s.admit()) {
			s.disabled(t, in)
		}
		return do(t, s)
	})
}

// stateOf is the state that a host function runs in.
func stateOf(t *vm.Thread) *state { return t.Data().(*state) }

// disabled raises the error of a function that is not allowed in this phase.
func (s *state) disabled(t *vm.Thread, in phaseSet) {
	switch {
	case s.phase == inInit:
		t.Errorf("no request found")
	case s.r == nil && in&phasesOf("SHBLU") != 0 && in&phasesOf("WT") == 0: // of a request, wherever it is
		t.Errorf("API disabled in the current context")
	default:
		t.Errorf("API disabled in the context of %s", s.phase.context())
	}
}

// proxy makes a table whose fields are computed: ngx.var, ngx.header, ngx.arg.
func (e *engine) proxy(index, newindex vm.Value) *vm.Table {
	t, mt := e.vm.NewTable(0, 0), e.vm.NewTable(0, 2)
	mt.SetStr("__index", index)
	mt.SetStr("__newindex", newindex)
	t.SetMetatable(mt)
	return t
}

// fail pushes nil and the error's text, as most functions report failure.
func fail(t *vm.Thread, text string) int {
	t.PushNil()
	t.PushString(text)
	return 2
}
