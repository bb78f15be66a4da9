package phases

import (
	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
)

// Spec declares a module whose configuration in one block is a T. A nested
// block starts with a copy of its parent's T and then applies its own
// statements, so T holds values and conf.Lists, never maps or pointers that a
// setter would change in place.
type Spec[T any] struct {
	Name string
	// Default makes the configuration of the outermost block; nil: the zero T.
	Default    func() T
	Directives []Directive[T]
	// Active tells whether a location uses the module at all; when it says
	// no, neither handlers nor filter are in the location's chains. nil: yes.
	Active   func(own *T) bool
	Handlers []Hook[T]
	// Content answers requests of the locations in which a directive of the
	// module called Block.UseContent.
	Content func(r *Request, own *T) Result
	// Filter is asked once for each location that is compiled.
	Filter func(own *T) Filter
	// Variables and Prefixes are what the module adds to $name.
	Variables []Variable
	Prefixes  []Prefix
	// Finish is called for every block after its own statements were applied
	// and before the blocks inside it are compiled.
	Finish func(own *T, b *Block) error
	// Init is called once for each configuration, after all is compiled and
	// before any worker sees it. own is the configuration of the http block,
	// or of the main block if there is none.
	Init func(cfg *Config, own *T) error
	// Start runs on each worker, on a coroutine, before it serves requests of
	// cfg; Stop runs there when the worker has none of them left.
	Start func(cfg *Config, w *actor.Worker) error
	Stop  func(cfg *Config, w *actor.Worker)
	// Retire runs on each worker's loop when it takes no new requests of cfg,
	// which may be long before Stop.
	Retire func(cfg *Config, w *actor.Worker)
}

// Directive is one row of a module's table.
type Directive[T any] struct {
	name   string
	in     conf.Context
	args   conf.Arity
	set    func(own *T, b *Block, s *conf.Stmt) error
	repeat bool
	unused string // why it has no meaning here
}

// Set declares a directive that may stand once in a block.
func Set[T any](name string, in conf.Context, args conf.Arity, set func(own *T, b *Block, s *conf.Stmt) error) Directive[T] {
	return Directive[T]{name: name, in: in, args: args, set: set}
}

// Add declares a directive that may be repeated within a block.
func Add[T any](name string, in conf.Context, args conf.Arity, set func(own *T, b *Block, s *conf.Stmt) error) Directive[T] {
	return Directive[T]{name: name, in: in, args: args, set: set, repeat: true}
}

// Hook places a handler in a phase.
type Hook[T any] struct {
	phase  Phase
	handle func(r *Request, own *T) Result
	first  func(own *T) bool
}

// At places a handler in a phase.
func At[T any](p Phase, handle func(r *Request, own *T) Result) Hook[T] {
	return Hook[T]{p, handle, nil}
}

// FirstIf places the handler before all others of its phase, and before the
// operations of the rewrite phase, in locations whose configuration says so.
func (h Hook[T]) FirstIf(says func(own *T) bool) Hook[T] {
	h.first = says
	return h
}

// Module is a Spec with its type erased, ready for the module list.
type Module struct {
	Name string
	impl
}

// impl is what Define makes of a Spec; conf values are always *T.
type impl struct {
	directives []directive
	variables  []Variable
	prefixes   []Prefix
	inherit    func(parent any) any
	handlers   func(own any, add func(p Phase, h Handler, first bool))
	content    func(own any) Handler
	filter     func(own any) Filter
	finish     func(own any, b *Block) error
	init       func(cfg *Config, own any) error
	start      func(cfg *Config, w *actor.Worker) error
	stop       func(cfg *Config, w *actor.Worker)
	retire     func(cfg *Config, w *actor.Worker)
}

type directive struct {
	name   string
	in     conf.Context
	args   conf.Arity
	repeat bool
	unused string
	set    func(own any, b *Block, s *conf.Stmt) error
}

// Define erases T. This is the only place that does.
func Define[T any](s Spec[T]) Module {
	m := impl{variables: s.Variables, prefixes: s.Prefixes, start: s.Start, stop: s.Stop, retire: s.Retire}
	for _, d := range s.Directives {
		m.directives = append(m.directives, directive{d.name, d.in, d.args, d.repeat, d.unused,
			func(own any, b *Block, st *conf.Stmt) error { return d.set(own.(*T), b, st) }})
	}
	m.inherit = func(parent any) any {
		child := new(T)
		if parent != nil {
			*child = *parent.(*T)
		} else if s.Default != nil {
			*child = s.Default()
		}
		return child
	}
	active := func(own *T) bool { return s.Active == nil || s.Active(own) }
	m.handlers = func(own any, add func(Phase, Handler, bool)) {
		o := own.(*T)
		if !active(o) {
			return
		}
		for _, h := range s.Handlers {
			add(h.phase, func(r *Request) Result { return h.handle(r, o) }, h.first != nil && h.first(o))
		}
	}
	m.content = func(own any) Handler {
		o := own.(*T)
		return func(r *Request) Result { return s.Content(r, o) }
	}
	m.filter = func(own any) Filter {
		if o := own.(*T); s.Filter != nil && active(o) {
			return s.Filter(o)
		}
		return Filter{}
	}
	m.finish = func(own any, b *Block) error {
		if s.Finish == nil {
			return nil
		}
		return s.Finish(own.(*T), b)
	}
	m.init = func(cfg *Config, own any) error {
		if s.Init == nil {
			return nil
		}
		return s.Init(cfg, own.(*T))
	}
	return Module{Name: s.Name, impl: m}
}

// ConfOf returns the configuration of type T in location l, or nil. It walks
// the modules: use it when the configuration is compiled, not per request.
func ConfOf[T any](l *Loc) *T {
	for _, c := range l.confs {
		if own, ok := c.(*T); ok {
			return own
		}
	}
	return nil
}

// Start runs what the module does on a worker before it serves requests of
// cfg; it may park. Stop runs when the worker has none of them left.
func (m Module) Start(cfg *Config, w *actor.Worker) error {
	if m.start == nil {
		return nil
	}
	return m.start(cfg, w)
}

func (m Module) Stop(cfg *Config, w *actor.Worker) {
	if m.stop != nil {
		m.stop(cfg, w)
	}
}

// Retire tells the module that w takes no new requests of cfg.
func (m Module) Retire(cfg *Config, w *actor.Worker) {
	if m.retire != nil {
		m.retire(cfg, w)
	}
}

// Directives calls yield for each directive of the module; unused says why one
// is accepted and has no meaning here.
func (m Module) Directives(yield func(name string, in conf.Context, unused string)) {
	for i := range m.directives {
		yield(m.directives[i].name, m.directives[i].in, m.directives[i].unused)
	}
}

// VariableNames are the names of the module's variables, families with "*".
func (m Module) VariableNames() (names []string) {
	for _, v := range m.variables {
		names = append(names, v.Name)
	}
	for _, p := range m.prefixes {
		names = append(names, p.Name+"*")
	}
	return names
}

// BlockConf returns the configuration of type T of a block, or nil, as ConfOf
// does for a location.
func BlockConf[T any](b *Block) *T {
	for _, c := range b.confs {
		if own, ok := c.(*T); ok {
			return own
		}
	}
	return nil
}
