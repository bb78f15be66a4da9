package lua

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// site is what one configuration has of Lua: the engines of its workers and
// the compiled scripts that they share.
type site struct {
	cfg     *phases.Config
	http    *Conf // the http block's
	chunks  int
	engines atomic.Pointer[[]*engine] // by worker

	mu    sync.Mutex
	files map[string]fileProto // by path

	clients clients
	lazy    lazyAPI
	scope   *mailbox.Scope
	fronts  int // worker engines that are open, under mu

	directory *directory // of the actors' sockets

	// wantsAgent: ngx.process.enable_privileged_agent was called; agent is the
	// engine that stands for that process, on the first worker.
	wantsAgent atomic.Bool
	agent      *engine
}

var siteSlot phases.ConfigSlot[site]

func (s *site) nextChunk() int {
	s.chunks++
	return s.chunks - 1
}

// openSite is the module's Init.
func openSite(cfg *phases.Config, own *Conf) error {
	s := siteSlot.Of(cfg)
	s.cfg, s.http, s.files = cfg, own, map[string]fileProto{}
	s.engines.Store(new([]*engine))
	s.scope = cfg.ActorNames
	s.scope.Timeout = own.callTimeout
	return nil
}

// fileProto is what was compiled of a file as it was at some time, fileScript
// the function that an engine has made of it.
type fileProto struct {
	stamp stdlib.Stamp
	proto *vm.Proto
}

type fileScript struct {
	stamp stdlib.Stamp
	fn    vm.Value
}

// compileFile is the package's, remembered for all workers.
func (s *site) compileFile(path string) (*vm.Proto, error) {
	return s.compileAs(path, stdlib.StampOf(path))
}

// compileAs is compileFile for a file that has been looked at.
func (s *site) compileAs(path string, stamp stdlib.Stamp) (*vm.Proto, error) {
	s.mu.Lock()
	f := s.files[path]
	s.mu.Unlock()
	if f.proto != nil && f.stamp == stamp {
		return f.proto, nil
	}
	p, err := compileFile(path)
	if err == nil {
		s.mu.Lock()
		s.files[path] = fileProto{stamp, p}
		s.mu.Unlock()
	}
	return p, err
}

// engine is the Lua VM of one worker and configuration, or of one request when
// the code cache is off. Only its worker's goroutine uses it.
type engine struct {
	site    *site
	worker  *actor.Worker
	vm      *vm.VM
	cached  bool                  // scripts are kept
	funcs   []vm.Value            // by chunk
	files   map[string]fileScript // by path
	modules *stdlib.Modules
	// processes are the programs that run (ngx.pipe).
	processes map[*process]struct{}
	looked    time.Time // at the files, with lua_code_cache stat
	idle      []*state
	live      []*state // that have begun
	begun     uint64   // how many have
	null      vm.Value
	regexes   regexes
	exiting   bool // the worker has no more requests
	agent     bool // it is the privileged agent: a worker without requests
	timers    timers
	threads   workerThreads
	self      *mailbox.Actor // that this is the VM of
	service   *service       // its handlers
	holds     int            // of a request's own VM: the request and its timers
	buffer    []byte         // for ngx.say, between two calls
	// fieldTable is the metatable of tables of fields: it finds them by their
	// names in any letters.
	fieldTable *vm.Table
	lowered    []byte // room for a name
	// captureTable is that of the fields of a captured response.
	captureTable *vm.Table
	errorTable   *vm.Table // the metatable of errors of actors
	wrappings    *vm.Table // of shared tables
	sleepers     map[any]*sleeper
	actorPool    *vm.Pool  // of the actors on its worker
	opened       uint64    // areas, of an engine that opens them when they are asked for
	cdataTable   *vm.Table // the metatable of what is cdata in OpenResty
	// The metatables of cosockets, and their pools by name.
	tcpTable, udpTable, bodyTable, rawTable *vm.Table
	pools                                   map[string]*socketPool
	socketBuffers                           [][]byte
	receiver                                *owner // of the sockets in an answer that is being unpacked
}

// startEngine is the module's Start: it makes the worker's VM and runs
// init_by_lua and init_worker_by_lua in it.
func startEngine(cfg *phases.Config, w *actor.Worker) error {
	s := siteSlot.Of(cfg)
	if s.chunks == 0 && len(s.http.actors.Items) == 0 {
		return nil
	}
	e, err := s.newEngine(w, true)
	if err != nil {
		// The starter of the server hears of it, the error log as well, as in OpenResty.
		cfg.MainLog.Log(phases.LevelError, 0, err.Error())
		return err
	}
	s.put(e)
	if err = e.openFront(); err == nil {
		err = e.startActors()
	}
	if err == nil {
		e.runWorkerScript(inInitWorker)
		if w.ID() == 0 && s.wantsAgent.Load() {
			err = s.startAgent(w)
		}
	}
	if err != nil {
		e.leave()
	}
	return err
}

// leave ends the engine and, with the last of its site, the actors.
func (e *engine) leave() {
	e.endTimers()
	if e.self != nil {
		e.self.Finish("reload")
		e.site.closeActors()
	}
	e.close()
}

// startAgent makes the privileged agent: a VM of its own on the first worker's
// loop, in which the worker's scripts run but no request.
func (s *site) startAgent(w *actor.Worker) error {
	e, err := s.newEngine(w, true)
	if err != nil {
		s.cfg.MainLog.Log(phases.LevelError, 0, err.Error())
		return err
	}
	e.agent, s.agent = true, e
	e.runWorkerScript(inInitWorker)
	return nil
}

// retireEngine is the module's Retire: what waits for a time to come is told
// that the end has.
func retireEngine(cfg *phases.Config, w *actor.Worker) {
	s := siteSlot.Of(cfg)
	if e := s.engine(w); e != nil {
		e.exiting = true
		e.abortTimers()
	}
	if w.ID() == 0 && s.agent != nil {
		s.agent.exiting = true
		s.agent.abortTimers()
	}
}

// stopEngine is the module's Stop.
func stopEngine(cfg *phases.Config, w *actor.Worker) {
	s := siteSlot.Of(cfg)
	if w.ID() == 0 && s.agent != nil {
		s.agent.finish()
		s.agent.close()
		s.agent = nil
	}
	if e := s.engine(w); e != nil {
		e.finish()
		e.leave()
	}
}

// finish is the end of a worker's scripts.
func (e *engine) finish() {
	e.endTimers()
	e.runWorkerScript(inExitWorker)
}

func (e *engine) endTimers() {
	e.exiting = true
	e.abortTimers()
	e.awaitTimers()
}

func (s *site) put(e *engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append([]*engine(nil), *s.engines.Load()...)
	for len(all) <= e.worker.ID() {
		all = append(all, nil)
	}
	all[e.worker.ID()] = e
	s.engines.Store(&all)
}

// engine returns the worker's, nil when it has none.
func (s *site) engine(w *actor.Worker) *engine {
	if all := *s.engines.Load(); w.ID() < len(all) {
		return all[w.ID()]
	}
	return nil
}

// newEngine makes a VM with the API in it and runs init_by_lua there.
func (s *site) newEngine(w *actor.Worker, cached bool) (*engine, error) {
	e := &engine{site: s, worker: w, vm: vm.New(vm.Options{}), cached: cached,
		funcs: make([]vm.Value, s.chunks), files: map[string]fileScript{}}
	e.modules = stdlib.Open(e.vm)
	e.vm.OnSlice(e.slice)
	e.setPaths()
	if home := s.engine(w); home != nil && !cached {
		e.self = home.self // it speaks for the worker's requests
	}
	e.openAPI(areas())
	if err := e.runInit(); err != nil {
		e.vm.Close()
		return nil, err
	}
	return e, nil
}

// setPaths tells require where to look: lua_package_path and LUA_PATH.
func (e *engine) setPaths() {
	s := e.site
	path, cpath := e.vm.Path()
	path, cpath = expandPath(os.Getenv("LUA_PATH"), path, ""), expandPath(os.Getenv("LUA_CPATH"), cpath, "")
	prefix := s.cfg.Prefix + "/" // as ngx.config.prefix has it
	e.vm.SetPath(expandPath(s.http.packagePath, path, prefix), expandPath(s.http.packageCPath, cpath, prefix))
}

// hold keeps a request's own VM open; letGo ends that.
func (e *engine) hold() { e.holds++ }

func (e *engine) letGo() {
	if e.holds--; e.holds == 0 && !e.cached {
		e.closePools()
		e.close()
	}
}

// runInit runs init_by_lua; its error fails the configuration.
func (e *engine) runInit() error {
	k := e.site.http.scripts[inInit]
	if k == nil {
		return nil
	}
	s := e.begin(e.site.http, nil, inInit)
	defer s.end()
	fn, err := e.load(k, nil)
	if err == nil {
		err = s.whole(fn)
	}
	if err != nil {
		return errors.New(k.blame(err))
	}
	return nil
}

// runWorkerScript runs the script of a worker's start or end. Its error is
// logged.
func (e *engine) runWorkerScript(p phase) {
	k := e.site.http.scripts[p]
	if k == nil {
		return
	}
	s := e.begin(e.site.http, nil, p)
	defer s.end()
	fn, err := e.load(k, nil)
	if err == nil {
		err = s.whole(fn)
	}
	if err != nil {
		e.site.cfg.MainLog.Logf(phases.LevelError, 0, "%s", k.blame(err))
	}
}

// load returns the function of a script; r may be nil. The error is a
// *loadError.
func (e *engine) load(k *chunk, r *phases.Request) (vm.Value, error) {
	if k.path != nil {
		return e.loadFile(k.file(r))
	}
	if fn := e.funcs[k.id]; !fn.IsNil() {
		return fn, nil
	}
	p, err := k.compiled()
	if err != nil {
		return vm.Nil, err
	}
	e.funcs[k.id] = e.vm.Load(p)
	return e.funcs[k.id], nil
}

func (e *engine) loadFile(path string) (vm.Value, error) {
	if f, ok := e.files[path]; ok {
		return f.fn, nil
	}
	var p *vm.Proto
	var err error
	stamp := stdlib.StampOf(path)
	if e.cached {
		p, err = e.site.compileAs(path, stamp)
	} else {
		p, err = compileFile(path)
	}
	if err != nil {
		return vm.Nil, err
	}
	fn := e.vm.Load(p)
	e.files[path] = fileScript{stamp, fn}
	return fn, nil
}

// lookInterval is how often lua_code_cache stat looks whether files have
// changed.
const lookInterval = time.Second

// refresh forgets the scripts and modules whose files have changed.
func (e *engine) refresh() {
	now := e.worker.Now()
	if now.Sub(e.looked) < lookInterval {
		return
	}
	e.looked = now
	for path, f := range e.files {
		if stdlib.StampOf(path) != f.stamp {
			delete(e.files, path)
		}
	}
	e.modules.Refresh()
}
