package conf

// An Arity is the set of argument counts that a directive takes, and whether a
// block follows. Sets may be joined: Exactly(1)|Exactly(3). The zero Arity
// takes nothing at all.
type Arity uint32

const (
	most       = 15 // the bit for this count also stands for more
	anyCount   = Arity(1)<<(most+1) - 1
	opensBlock = Arity(1) << 30
	opensLua   = Arity(1) << 31
)

const (
	Any      = anyCount       // any number of arguments, no block
	Block    = opensBlock | 1 // no argument, a block
	LuaBlock = opensLua | 1   // no argument, a body of Lua
)

// Exactly n arguments.
func Exactly(n int) Arity { return Between(n, n) }

// Between low and high arguments. A high of 15 or more is no bound.
func Between(low, high int) Arity {
	if high >= most {
		return AtLeast(low)
	}
	return AtLeast(low) &^ AtLeast(high+1)
}

// AtLeast n arguments; an n above 15 counts as 15.
func AtLeast(n int) Arity { return anyCount &^ (1<<min(n, most) - 1) }

// Flag is one argument, on or off; Stmt.Flag reads it.
func Flag() Arity { return Exactly(1) }

// BlockN is a block after low to high arguments.
func BlockN(low, high int) Arity { return opensBlock | Between(low, high) }

// LuaBlockN is a body of Lua after low to high arguments.
func LuaBlockN(low, high int) Arity { return opensLua | Between(low, high) }

// Check returns nginx's error when s has another number of arguments, or lacks
// or has a block.
func (a Arity) Check(s *Stmt) error {
	switch block := a&(opensBlock|opensLua) != 0; {
	case !block && (s.HasBlock || s.IsLua):
		return s.Errorf("directive \"%s\" is not terminated by \";\"", s.Name)
	case block && !s.HasBlock && !s.IsLua:
		return s.Errorf("directive \"%s\" has no opening \"{\"", s.Name)
	}
	if a&(1<<min(len(s.Args), most)) == 0 {
		return s.Errorf("invalid number of arguments in \"%s\" directive", s.Name)
	}
	return nil
}
