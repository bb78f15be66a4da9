// Package conf turns an nginx configuration file into statements with
// positions, and their arguments into values.
//
// A file is a list of statements. A statement is a name, arguments and, for
// some, a block of further statements or a body of Lua. An include is replaced
// by the statements of the files it names, so nobody downstream sees one. What
// a statement means, and where it may stand, is for the directive tables of
// the modules to say (Context, Arity); this package knows no directive but
// include and the suffix of the Lua blocks.
//
// Tokens, escapes and the wording of errors are nginx's. Nothing read here
// refers to the Options after the call returns.
package conf

import "path/filepath"

// Limits of a configuration. nginx has none of them but the first, which is
// 4096 bytes there: the size of its buffer.
const (
	MaxParameter = 1 << 20 // bytes of one argument
	MaxDepth     = 128     // blocks within blocks
	MaxIncludes  = 32      // files including files
	MaxFiles     = 10000   // files read, each time counted that one is
)

// A File is a configuration that was read: the main file and all it includes.
type File struct {
	Stmts   []*Stmt
	Sources []Source // every file read, once, in the order of opening
}

// A Source is a file that was read, with its text.
type Source struct {
	Name string
	Text []byte
}

// Dump returns every file read under the heading that nginx -T prints.
func (f *File) Dump() []byte {
	var out []byte
	for _, source := range f.Sources {
		out = append(out, "# configuration file "...)
		out = append(out, source.Name...)
		out = append(out, ":\n"...)
		out = append(out, source.Text...)
		out = append(out, '\n')
	}
	return out
}

// Options say where includes come from and what is checked on the way.
// The zero value reads the disk.
type Options struct {
	// Dir is what relative names in include are relative to. "" is the
	// directory of the main file, nginx's rule.
	Dir string
	// ReadFile reads a whole file; nil is os.ReadFile.
	ReadFile func(name string) ([]byte, error)
	// Glob returns the files that match a pattern, sorted; nil looks at the
	// disk as glob(3) does, which passes over names that begin with a dot.
	Glob func(pattern string) ([]string, error)
	// Check, when set, is asked about every statement as soon as its ; or {
	// was read, before its block is. An error ends the parse. A table of
	// directives asked here makes the first mistake in the file the one that
	// is reported, as in nginx.
	Check func(s *Stmt) error
}

// ParseFile reads the configuration file at path. A relative path is made
// absolute unless Options.ReadFile is set: messages show the full name.
// All errors are of type *Error.
func ParseFile(path string, o Options) (*File, error) {
	if o.ReadFile == nil && !filepath.IsAbs(path) {
		full, err := filepath.Abs(path)
		if err != nil {
			return nil, &Error{Text: err.Error()}
		}
		path = full
	}
	p := newParser(path, o)
	src, err := p.ReadFile(path)
	if err != nil {
		return nil, &Error{Text: readFailure(path, err)}
	}
	return p.main(path, src)
}

// Parse reads src as the main configuration file of that name.
func Parse(name string, src []byte, o Options) (*File, error) {
	return newParser(name, o).main(name, src)
}

// ParseDirectives reads the argument of the command line's -g: directives
// without blocks, each ended by a semicolon. They stand "in command line" and
// on line 0.
func ParseDirectives(text string, o Options) (*File, error) {
	p := newParser("", o)
	lx := &lexer{name: commandLine, src: []byte(text), param: true}
	stmts, err := p.stmts(lx, nil)
	if err != nil {
		return nil, err
	}
	p.file.Stmts = stmts
	return p.file, nil
}

const commandLine = "command line"
