package phases

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
)

// Block is one block of the configuration while it is compiled.
type Block struct {
	Config  *Config
	Parent  *Block
	Context conf.Context
	// Stmt opened the block; nil for the main block.
	Stmt *conf.Stmt
	// Server is the innermost server block's, Loc the location being built:
	// for a server block its own, which requests have before one is found.
	Server *Server
	Loc    *Loc
	// Data belongs to the module that opened a block of its own kind
	// (upstream, map, …) and applies its statements.
	Data any

	confs    []any // by module, *T
	seen     map[string]bool
	deferred []func() error
	applying int // the module whose directive is being set
}

// Child opens a block inside b with copies of b's configurations.
func (b *Block) Child(ctx conf.Context, s *conf.Stmt) *Block {
	c := &Block{Config: b.Config, Parent: b, Context: ctx, Stmt: s, Server: b.Server, Loc: b.Loc, seen: map[string]bool{}}
	c.confs = make([]any, len(b.confs))
	for i, m := range b.Config.Modules {
		c.confs[i] = m.inherit(b.confs[i])
	}
	return c
}

// Compile applies the statements of the block, then what they deferred: the
// blocks inside it, which inherit everything the block says anywhere.
func (b *Block) Compile(stmts []*conf.Stmt) error {
	for _, s := range stmts {
		if err := b.apply(s); err != nil {
			return err
		}
	}
	for i, m := range b.Config.Modules {
		if err := m.finish(b.confs[i], b); err != nil {
			return err
		}
	}
	for i := 0; i < len(b.deferred); i++ {
		if err := b.deferred[i](); err != nil {
			return err
		}
	}
	return nil
}

// Defer runs f after the block's own statements were applied.
func (b *Block) Defer(f func() error) { b.deferred = append(b.deferred, f) }

// apply dispatches one statement to the module that knows it.
func (b *Block) apply(s *conf.Stmt) error {
	rows := b.Config.directives[s.Name]
	if len(rows) == 0 {
		if hint := conf.Suggest(s.Name, b.Config.directiveNames()); hint != "" {
			return fmt.Errorf("%w (did you mean \"%s\"?)", s.Unknown(), hint)
		}
		return s.Unknown()
	}
	for _, row := range rows {
		if row.d.in&b.Context == 0 {
			continue
		}
		if err := row.d.args.Check(s); err != nil {
			return err
		}
		if !row.d.repeat {
			if b.seen[s.Name] {
				return s.Duplicate()
			}
			b.seen[s.Name] = true
		}
		was := b.applying
		b.applying = row.module
		err := row.d.set(b.confs[row.module], b, s)
		b.applying = was
		return err
	}
	return s.NotAllowed()
}

// Core is what the block says of the server itself.
func (b *Block) Core() *Core { return b.confs[0].(*Core) }

// UseContent makes the module whose directive is being set the content
// handler of the location. Two of them in one location are an error.
func (b *Block) UseContent(s *conf.Stmt) error {
	l := b.Loc
	if l.contentBy != nil && l.contentModule != b.applying {
		return s.Errorf("\"%s\" conflicts with \"%s\" in %s:%d: a location has one content handler",
			s.Name, l.contentBy.Name, l.contentBy.File, l.contentBy.Line)
	}
	l.contentModule, l.contentBy = b.applying, s
	return nil
}

// AddOp appends an operation to the rewrite operations of the block, which
// run in the order of the statements.
func (b *Block) AddOp(op Handler) { b.Loc.ops = append(b.Loc.ops, op) }

// Path makes a path of the configuration absolute: relative ones are below
// the server's prefix.
func (b *Block) Path(p string) string { return b.Config.Path(p) }

// Path is Block.Path for paths that are known only when a request runs.
func (cfg *Config) Path(p string) string { return join(cfg.Prefix, p) }

// ConfPath is Path for files that belong to the configuration (certificates,
// password files, includes): relative ones are beside the configuration file.
func (b *Block) ConfPath(p string) string { return b.Config.ConfPath(p) }

// ConfPath is Block.ConfPath for paths that are known only when a request runs.
func (cfg *Config) ConfPath(p string) string { return join(cfg.Dir, p) }

func join(dir, p string) string {
	if strings.HasPrefix(p, "/") {
		return p
	}
	return filepath.Join(dir, p)
}
