package phases

import (
	"fmt"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/pcre"
)

// Config is a configuration, compiled: immutable, shared by the workers. A
// reload makes another one; requests keep the one they began with.
type Config struct {
	// Prefix is the server's directory, Dir the configuration file's, both
	// absolute. File is the configuration file's path.
	Prefix, Dir, File string
	Hostname          string
	// DefaultPort is that of server blocks without listen.
	DefaultPort uint16
	Modules     []Module
	Process     *Process
	Servers     []*Server
	Listens     []*Listen
	Zones       *Zones
	Actors      *mailbox.System
	ActorNames  *mailbox.Scope // of its own actors
	Logs        *Logs
	Stats       *Stats
	// MainLog is the error log of the main block.
	MainLog *Logger
	// CaptureLog, when not nil, also gets the lines that the error logs write.
	// A module sets it while the configuration is compiled; it is called from
	// any goroutine, and does not keep line.
	CaptureLog func(level Level, when time.Time, line []byte)
	// Build is the version text that $nginx_version, Server and pages use.
	Build Build
	// Testing: the configuration is only tested (-t).
	Testing bool

	http       *Block
	main       *Block
	vars       map[string]*variable
	members    map[string]*member
	prefixes   []Prefix
	indexed    int
	directives map[string][]directiveRow
	values     map[any]any
	zones      map[string]*zone
	notices    []string
	regexes    *pcre.Cache
	system     ResolverConf // for what has no resolver directive
}

// Build says what the server calls itself.
type Build struct {
	// Name and Version as in "nginx/1.27.1"; Number as in 1027001.
	Name, Version string
	Number        int
}

type directiveRow struct {
	module int
	d      *directive
}

// Options of Compile; zero fields have defaults.
type Options struct {
	Modules     []Module
	Prefix      string          // "": the working directory
	Zones       *Zones          // kept over reloads; nil: new ones
	Actors      *mailbox.System // kept over reloads; nil: a new one
	Logs        *Logs
	Stats       *Stats // kept over reloads; nil: new ones
	Build       Build
	DefaultPort uint16 // 80
	Testing     bool
	// ErrorLog is the error log's place when no directive names one.
	ErrorLog string
}

// Compile makes a configuration of the statements of file. The error is a
// *conf.Error with file and line wherever a statement is to blame.
func Compile(file *conf.File, path string, o Options) (*Config, error) {
	cfg := &Config{
		Prefix: o.Prefix, File: path, Modules: o.Modules, Zones: o.Zones, Actors: o.Actors, Logs: o.Logs, Stats: o.Stats, Build: o.Build,
		DefaultPort: o.DefaultPort, Testing: o.Testing,
		vars: map[string]*variable{}, members: map[string]*member{}, directives: map[string][]directiveRow{}, values: map[any]any{}, zones: map[string]*zone{},
		regexes: pcre.NewCache(0),
	}
	cfg.system = ResolverConf{Local: true, IPv4: true, IPv6: true, config: cfg}
	if cfg.Actors == nil {
		cfg.Actors = mailbox.NewSystem()
	}
	cfg.ActorNames = cfg.Actors.NewScope()
	if cfg.Zones == nil {
		cfg.Zones = &Zones{}
	}
	if cfg.Stats == nil {
		cfg.Stats = &Stats{}
	}
	if cfg.DefaultPort == 0 {
		cfg.DefaultPort = 80
	}
	cfg.Hostname, _ = os.Hostname()
	cfg.Dir = filepath.Dir(path)
	for i, m := range cfg.Modules {
		for j := range m.directives {
			d := &m.directives[j]
			cfg.directives[d.name] = append(cfg.directives[d.name], directiveRow{i, d})
		}
		for _, v := range m.variables {
			if cfg.vars[v.Name] != nil {
				return nil, fmt.Errorf("module %s: variable $%s is another module's", m.Name, v.Name)
			}
			cfg.addVariable(v)
		}
		cfg.prefixes = append(cfg.prefixes, m.prefixes...)
	}
	b := &Block{Config: cfg, Context: conf.Main, seen: map[string]bool{}, confs: make([]any, len(cfg.Modules))}
	b.Loc = &Loc{confs: b.confs}
	cfg.main = b
	for i, m := range cfg.Modules {
		b.confs[i] = m.inherit(nil)
	}
	cfg.Process = ConfOf[Process](b.Loc)
	cfg.Logs.fallback(o.ErrorLog)
	if err := b.Compile(file.Stmts); err != nil {
		return nil, err
	}
	cfg.MainLog = ConfOf[Core](b.Loc).ErrorLog
	return cfg, cfg.finish()
}

// finish ties together what the blocks left open.
func (cfg *Config) finish() error {
	for _, l := range cfg.Listens {
		servers := l.servers
		l.servers, l.addr = nil, l.String()
		for _, s := range servers {
			if err := l.Hosts.add(cfg, s); err != nil {
				return err
			}
		}
	}
	if err := cfg.checkVariables(); err != nil {
		return err
	}
	top := cfg.main
	if cfg.http != nil {
		top = cfg.http
	}
	for i, m := range cfg.Modules {
		if err := m.init(cfg, top.confs[i]); err != nil {
			return err
		}
	}
	return nil
}

// HTTP returns the configuration of type T of the http block, or of the main
// block when there is none.
func HTTP[T any](cfg *Config) *T {
	top := cfg.main
	if cfg.http != nil {
		top = cfg.http
	}
	for _, c := range top.confs {
		if own, ok := c.(*T); ok {
			return own
		}
	}
	return nil
}

func (cfg *Config) directiveNames() iter.Seq[string] { return maps.Keys(cfg.directives) }

// Warn, Alert and Notice remember something to tell about statement s; the messages
// are logged when the configuration is taken.
func (cfg *Config) Warn(s *conf.Stmt, format string, a ...any) {
	cfg.notices = append(cfg.notices, "[warn] "+s.Errorf(format, a...).Error())
}

func (cfg *Config) Alert(s *conf.Stmt, format string, a ...any) {
	cfg.notices = append(cfg.notices, "[alert] "+s.Errorf(format, a...).Error())
}

func (cfg *Config) Notice(s *conf.Stmt, format string, a ...any) {
	cfg.notices = append(cfg.notices, "[notice] "+s.Errorf(format, a...).Error())
}

// Notices returns what they collected, each with its level in front.
func (cfg *Config) Notices() []string { return cfg.notices }

// FindActor returns the actor that has a name in the configuration, nil if none has.
func (cfg *Config) FindActor(name string) *mailbox.Actor { return cfg.ActorNames.Find(name) }
