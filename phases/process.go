package phases

import (
	"net/netip"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
)

// Process is what the main and events blocks say of the process.
type Process struct {
	Workers         int // 0 while it is compiled: as many as there are processors
	Connections     int // 512, for each worker
	Daemon          bool
	Master          bool
	Pid             string
	User, Group     string
	ShutdownTimeout time.Duration
	WorkingDir      string
	NoFile          int
	Env             conf.List[string] // NAME or NAME=VALUE
	Pools           conf.List[string] // names of thread_pool
	// Debug are the clients of debug_connection; the zero Prefix are those of
	// unix sockets.
	Debug conf.List[netip.Prefix]
}

const mainOnly = conf.Main

// ProcessModule holds the directives of the main and events blocks.
var ProcessModule = Define(Spec[Process]{
	Name: "process",
	Default: func() Process {
		return Process{Workers: 1, Connections: 512, Daemon: true, Master: true, Pid: "logs/nginx.pid"}
	},
	Directives: append([]Directive[Process]{
		Set("worker_processes", mainOnly, conf.Exactly(1), setWorkers),
		SetInt("worker_connections", conf.Events, func(p *Process) *int { return &p.Connections }),
		SetFlag("daemon", mainOnly, func(p *Process) *bool { return &p.Daemon }),
		SetFlag("master_process", mainOnly, func(p *Process) *bool { return &p.Master }),
		SetString("pid", mainOnly, func(p *Process) *string { return &p.Pid }),
		Set("user", mainOnly, conf.Between(1, 2), func(p *Process, b *Block, s *conf.Stmt) error {
			p.User, p.Group = s.Args[0], ""
			if len(s.Args) == 2 {
				p.Group = s.Args[1]
			}
			return nil
		}),
		SetDuration("worker_shutdown_timeout", mainOnly, func(p *Process) *time.Duration { return &p.ShutdownTimeout }),
		SetString("working_directory", mainOnly, func(p *Process) *string { return &p.WorkingDir }),
		SetInt("worker_rlimit_nofile", mainOnly, func(p *Process) *int { return &p.NoFile }),
		Add("env", mainOnly, conf.Exactly(1), func(p *Process, b *Block, s *conf.Stmt) error {
			p.Env.Add(s, s.Args[0])
			return nil
		}),
		Add("thread_pool", mainOnly, conf.Between(1, 3), func(p *Process, b *Block, s *conf.Stmt) error {
			p.Pools.Add(s, s.Args[0])
			return nil
		}),
		Add("debug_connection", conf.Events, conf.Exactly(1), addDebugClients),
		Add("load_module", mainOnly, conf.Exactly(1), loadModule),
	}, processIgnored()...),
})

func processIgnored() []Directive[Process] {
	const kernel = "workers are goroutines of one process"
	rows := Ignore[Process](mainOnly, conf.AtLeast(1), kernel, "worker_cpu_affinity", "worker_priority", "worker_rlimit_core",
		"worker_rlimit_sigpending", "timer_resolution", "lock_file", "pcre_jit", "ssl_engine", "debug_points", "ssl_object_cache_inheritable")
	return append(rows, Ignore[Process](conf.Events, conf.AtLeast(1), kernel, "use", "multi_accept", "accept_mutex",
		"accept_mutex_delay", "worker_aio_requests")...)
}

func setWorkers(own *Process, b *Block, s *conf.Stmt) error {
	if s.Args[0] == "auto" {
		own.Workers = 0
		return nil
	}
	n, ok := conf.Number(s.Args[0])
	if !ok || n == 0 {
		return s.Errorf("invalid value \"%s\" in \"worker_processes\" directive", s.Args[0])
	}
	own.Workers = n
	return nil
}

// loadModule accepts the names of modules that are built in.
func loadModule(own *Process, b *Block, s *conf.Stmt) error {
	name := s.Args[0]
	name = strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], ".so")
	for _, known := range []string{"ndk_http_module", "ngx_http_lua_module", "ngx_http_echo_module", "ngx_http_headers_more_filter_module"} {
		if name == known {
			b.Config.Notice(s, "module \"%s\" is built in", name)
			return nil
		}
	}
	return s.Errorf("shared objects cannot be loaded: \"%s\"", s.Args[0])
}
