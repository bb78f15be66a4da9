// Package luahttpd is an HTTP server that runs nginx configurations with Lua
// in every phase, as OpenResty does, in a Go program.
//
//	srv, err := luahttpd.New("conf/nginx.conf")
//	if err != nil { … }
//	go srv.ListenAndServe()
//	…
//	srv.Shutdown(ctx)
//
// The package touches no signals and no global state: several servers can run
// in one process.
package luahttpd

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/lua"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// Option changes what New and Parse make. Of two of a kind the later counts.
type Option func(*options)

type options struct {
	prefix     string
	file       string
	text       []byte // the configuration itself; nil: file is read
	directives string
	errorLog   string
	slog       *slog.Logger
	stderr     io.Writer
	modules    func([]phases.Module) []phases.Module
	luaModules map[string]func(t *vm.Thread) vm.Value
	port       uint16
	syscalls   *actor.Syscalls
	testing    bool
	unbound    bool
}

// WithPrefix sets the directory that relative paths of the configuration start
// from. Default: the directory above the configuration file's when that is
// called conf, else its own.
func WithPrefix(dir string) Option { return func(o *options) { o.prefix = dir } }

// WithDirectives adds directives to the main block, as nginx's -g does.
func WithDirectives(text string) Option { return func(o *options) { o.directives = text } }

// WithErrorLog sets where errors go when no error_log is configured: a file,
// or "stderr" (the default).
func WithErrorLog(path string) Option { return func(o *options) { o.errorLog = path } }

// WithLogger also gives every line of the error logs to l, on the goroutine of
// the worker that logs: a handler that blocks holds up the worker's requests.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.slog = l } }

// WithStderr sets where "stderr" logs go; default os.Stderr. One line is one
// Write, on the goroutine that logs; no two run at once.
func WithStderr(w io.Writer) Option { return func(o *options) { o.stderr = w } }

// WithModules lets the caller change the list of modules: add its own at
// their places. The order is described at the list in modules.go. The list is
// the caller's; change runs again at each Reload.
func WithModules(change func([]phases.Module) []phases.Module) Option {
	return func(o *options) { o.modules = change }
}

// WithLuaModule makes a module of Go: what require(name) gives is what load
// returns, once in each worker and configuration. It wins over a file of that
// name. load and the functions it makes run on the worker's goroutine, t being
// valid until they return; what they share between workers needs a lock.
// Modules that were written for gopher-lua, and Go values wrapped by
// gopher-luar: see package lua/gopher.
func WithLuaModule(name string, load func(t *vm.Thread) vm.Value) Option {
	return func(o *options) {
		if o.luaModules == nil {
			o.luaModules = map[string]func(t *vm.Thread) vm.Value{}
		}
		o.luaModules[name] = load
	}
}

// WithDefaultPort sets the port of server blocks without listen (80).
func WithDefaultPort(port uint16) Option { return func(o *options) { o.port = port } }

// WithoutSockets opens none of the addresses that the configuration listens on:
// connections come only from listeners that Attach and Serve are given.
func WithoutSockets() Option { return func(o *options) { o.unbound = true } }

// ForTest compiles the configuration as -t does: nothing that runs is touched.
func ForTest() Option { return func(o *options) { o.testing = true } }

// withSyscalls replaces the workers' system calls, for tests.
func withSyscalls(s actor.Syscalls) Option { return func(o *options) { o.syscalls = &s } }

// New makes a server of a configuration file. It does not listen yet, but has
// opened its logs: Close releases one that is not started. The error of a bad
// configuration is nginx's message, which ends with the file and line.
func New(file string, opts ...Option) (*Server, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	return newServer(&options{file: path}, opts)
}

// Parse makes a server of the configuration that r holds, as if it were a file
// nginx.conf in the prefix, or else in the working directory. Reload compiles
// the same text again. Else it is as New.
func Parse(r io.Reader, opts ...Option) (*Server, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	return newServer(&options{file: filepath.Join(dir, "nginx.conf"), text: text}, opts)
}

func newServer(o *options, opts []Option) (*Server, error) {
	for _, opt := range opts {
		opt(o)
	}
	if o.stderr == nil {
		o.stderr = os.Stderr
	}
	if o.prefix == "" {
		o.prefix = filepath.Dir(o.file)
		if filepath.Base(o.prefix) == "conf" {
			o.prefix = filepath.Dir(o.prefix)
		}
	}
	prefix, err := filepath.Abs(o.prefix)
	if err != nil {
		return nil, err
	}
	if o.prefix = prefix; o.text != nil {
		o.file = filepath.Join(prefix, filepath.Base(o.file))
	}
	s := &Server{
		o: *o, auto: runtime.GOMAXPROCS(0), zones: &phases.Zones{}, actors: mailbox.NewSystem(), logs: phases.NewLogs(o.stderr),
		done: make(chan struct{}),
	}
	s.logs.Slog = o.slog
	s.actors.Log = func(text string) {
		if cfg := s.cfg.Load(); cfg != nil {
			cfg.MainLog.Log(phases.LevelWarn, 0, text)
		}
	}
	cfg, err := s.compile()
	if err != nil {
		s.logs.Close()
		return nil, err
	}
	cfg.KeepZones()
	s.cfg.Store(cfg)
	return s, nil
}

// compile reads the configuration and compiles it.
func (s *Server) compile() (*phases.Config, error) {
	o := &s.o
	file, err := o.read()
	if err != nil {
		return nil, err
	}
	mods := modules()
	if o.modules != nil {
		mods = o.modules(mods)
	}
	if o.luaModules != nil {
		mods = append(mods, lua.Provide(o.luaModules))
	}
	cfg, err := phases.Compile(file, o.file, phases.Options{
		Modules: mods, Prefix: o.prefix, Zones: s.zones, Actors: s.actors, Logs: s.logs, Stats: &s.stats, Build: build, DefaultPort: o.port,
		Testing: o.testing, ErrorLog: o.errorLog,
	})
	if err == nil && cfg.Process.Workers == 0 {
		cfg.Process.Workers = s.auto
	}
	return cfg, err
}

// read parses the configuration with the directives of the command line in
// front, as nginx applies them.
func (o *options) read() (*conf.File, error) {
	opt := conf.Options{Dir: filepath.Dir(o.file)}
	var file *conf.File
	var err error
	if o.text != nil {
		file, err = conf.Parse(o.file, o.text, opt)
	} else {
		file, err = conf.ParseFile(o.file, opt)
	}
	if err != nil || o.directives == "" {
		return file, err
	}
	extra, err := conf.ParseDirectives(o.directives, opt)
	if err != nil {
		return nil, err
	}
	file.Stmts = append(extra.Stmts, file.Stmts...)
	return file, nil
}

// Dump writes the configuration with everything that it includes, each file
// under its name, as nginx -T does. It checks the syntax only.
func Dump(file string, w io.Writer) error {
	f, err := conf.ParseFile(file, conf.Options{Dir: filepath.Dir(file)})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s", f.Dump())
	return err
}
