package pcre

import "fmt"

// Flags say how an expression is compiled and matched. The letters are those
// of the options argument of ngx.re.match.
type Flags uint32

const (
	Caseless      Flags = 1 << iota // i: letters match both cases (ASCII only without UTF)
	Multiline                       // m: ^ and $ match at line ends too
	DotAll                          // s: the dot matches a newline too
	Extended                        // x: white space and # comments in the pattern are ignored
	Anchored                        // a: a match must begin at the start offset
	UTF                             // u: pattern and subject are UTF-8; offsets stay bytes
	NoUTFCheck                      // U: as u, but an invalid subject is matched, not refused
	DollarEndOnly                   // $ matches at the very end only, not before a last newline
	DupNames                        // D: several groups may bear one name
	JavaScript                      // J: JavaScript's \u, \x, [] and unset references
	Ungreedy                        // repeats are lazy unless followed by ?
	DFA                             // d: the longest match instead of the first, no captures
	CompileOnce                     // o: the caller wants the compiled form cached
	JIT                             // j: accepted, nothing to do
)

// letters is the order lua-nginx-module documents.
var letters = [...]struct {
	letter byte
	flags  Flags
}{
	{'a', Anchored},
	{'d', DFA},
	{'D', DupNames},
	{'i', Caseless},
	{'j', JIT},
	{'J', JavaScript},
	{'m', Multiline},
	{'o', CompileOnce},
	{'s', DotAll},
	{'u', UTF},
	{'U', UTF | NoUTFCheck},
	{'x', Extended},
}

// compiled is the part of Flags that changes what an expression means.
const compiled = ^(CompileOnce | JIT)

// ParseFlags reads the options argument of ngx.re.*. An unknown letter is an
// error in lua-resty-core's words.
func ParseFlags(options string) (Flags, error) {
	var f Flags
next:
	for i := range len(options) {
		for _, l := range letters {
			if options[i] == l.letter {
				f |= l.flags
				continue next
			}
		}
		return 0, fmt.Errorf("unknown flag \"%c\" (flags \"%s\")", options[i], options)
	}
	return f, nil
}
