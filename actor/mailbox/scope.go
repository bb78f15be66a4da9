package mailbox

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Scope is the actors of one configuration, with their names. Names of the system's root are found
// in every scope that has none of its own.
type Scope struct {
	sys    *System
	parent *Scope

	// Timeout is how long calls to its actors wait that do not say, and the start of one; 0:
	// DefaultTimeout. Set it before the first actor.
	Timeout time.Duration

	mu    sync.Mutex
	names map[string]*Actor
	over  bool
	from  map[*Actor]*Scope // of those that it has adopted; they have their names there too
}

// NewScope makes a scope below the root.
func (sys *System) NewScope() *Scope {
	return &Scope{sys: sys, parent: &sys.root, names: map[string]*Actor{}}
}

func (c *Scope) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return DefaultTimeout
}

// Find returns the actor that has the name, nil if none has.
func (c *Scope) Find(name string) *Actor {
	for ; c != nil; c = c.parent {
		c.mu.Lock()
		a := c.names[name]
		c.mu.Unlock()
		if a != nil {
			return a
		}
	}
	return nil
}

// Register gives an actor one more name.
func (c *Scope) Register(name string, a *Actor) *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.names[name]; old != nil && old != a {
		return &Error{Code: EEXIST, Msg: fmt.Sprintf("the name %q is taken by %s", name, old)}
	}
	c.names[name] = a
	a.alias.Store(true)
	return nil
}

// Names calls f for every name of the scope itself.
func (c *Scope) Names(f func(name string, a *Actor)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, a := range c.names {
		f(name, a)
	}
}

// add lists an actor and gives it its name. Both are there or neither: who finds the name may end
// the actor at once.
func (c *Scope) add(a *Actor) *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || c.sys.closing.Load() {
		return &Error{Code: ESHUTDOWN, Addr: a.short()}
	}
	if a.Name != "" {
		if old := c.names[a.Name]; old != nil {
			return &Error{Code: EEXIST, Addr: a.short(), Msg: fmt.Sprintf("the name %q is taken by %s", a.Name, old)}
		}
		c.names[a.Name] = a
	}
	c.sys.mu.Lock()
	c.sys.actors[a.ID] = a
	c.sys.mu.Unlock()
	c.sys.counters.started.Add(1)
	return nil
}

// replace gives the names of a to b.
func (c *Scope) replace(a, b *Actor) bool {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return false
	}
	if b.Name != "" && c.names[b.Name] == nil {
		c.names[b.Name] = b
	}
	c.mu.Unlock()
	for from := c; from != nil; {
		from = from.rename(a, b)
	}
	c.sys.mu.Lock()
	c.sys.part(a)
	c.sys.actors[b.ID] = b
	c.sys.mu.Unlock()
	c.sys.counters.started.Add(1)
	c.sys.counters.restarts.Add(1)
	return true
}

// drop takes the names of an actor that has ended.
func (c *Scope) drop(a *Actor) {
	for from := c; from != nil; {
		from = from.rename(a, nil)
	}
	c.sys.mu.Lock()
	c.sys.part(a)
	c.sys.mu.Unlock()
}

// rename gives the names that a has in the scope to b, nil for nobody. It returns the scope that a
// was adopted from.
func (c *Scope) rename(a, b *Actor) *Scope {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.Name != "" || a.alias.Load() {
		for name, o := range c.names {
			switch {
			case o != a:
			case b == nil:
				delete(c.names, name)
			default:
				c.names[name] = b
			}
		}
	}
	from := c.from[a]
	delete(c.from, a)
	if from != nil && b != nil {
		c.from[b] = from
	}
	return from
}

// open is the scope, or the one that a was adopted from, and so on: the first that is not closed.
func (c *Scope) open(a *Actor) *Scope {
	for c != nil {
		c.mu.Lock()
		over, from := c.over, c.from[a]
		c.mu.Unlock()
		if !over {
			return c
		}
		c = from
	}
	return nil
}

func (c *Scope) closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// Close ends the actors of the scope, the last started first, but for those that it has adopted
// from one that is still there: when a configuration fails, they are the one's before it again.
func (c *Scope) Close(ctx context.Context, reason string) {
	c.mu.Lock()
	c.over = true
	from := maps.Clone(c.from)
	c.mu.Unlock()
	for a, home := range from {
		if home = home.open(a); home != nil {
			a.scope.CompareAndSwap(c, home)
		}
	}
	c.sys.end(ctx, reason, func(a *Actor) bool { return a.Scope() == c })
}

// Adopt takes an actor of another scope that may survive it: one of the same name and Key. It is nil
// when there is none.
func (c *Scope) Adopt(spec *Spec) *Actor {
	if !spec.Survive || spec.Key == "" || spec.Name == "" {
		return nil
	}
	for _, a := range c.sys.Actors() {
		if a.Name != spec.Name || a.spec.Key != spec.Key || !a.spec.Survive || a.Scope() == c || !a.Alive() {
			continue
		}
		home := a.Scope().open(a)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.over || c.names[a.Name] != nil {
			return nil
		}
		c.names[a.Name] = a
		if a.scope.Store(c); home != nil {
			if c.from == nil {
				c.from = map[*Actor]*Scope{}
			}
			c.from[a] = home
		}
		return a
	}
	return nil
}
