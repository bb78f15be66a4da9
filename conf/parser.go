package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A parser reads a main file and what it includes into one list of statements.
type parser struct {
	Options
	file  *File
	chain []string        // the files being read, the innermost last
	files int             // read so far
	seen  map[string]bool // the names in file.Sources
	depth int             // of blocks
}

func newParser(mainFile string, o Options) *parser {
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	if o.Glob == nil {
		o.Glob = glob
	}
	if o.Dir == "" {
		o.Dir = mainFile[:strings.LastIndexByte(mainFile, '/')+1]
	}
	if o.Dir != "" && !strings.HasSuffix(o.Dir, "/") {
		o.Dir += "/"
	}
	return &parser{Options: o, file: &File{}, seen: make(map[string]bool)}
}

func (p *parser) main(name string, src []byte) (*File, error) {
	stmts, err := p.source(name, src, nil)
	if err != nil {
		return nil, err
	}
	p.file.Stmts = stmts
	return p.file, nil
}

// source parses one file whose statements belong to the block of parent.
func (p *parser) source(name string, src []byte, parent *Stmt) ([]*Stmt, error) {
	if !p.seen[name] {
		p.seen[name] = true
		p.file.Sources = append(p.file.Sources, Source{name, src})
	}
	p.files++
	p.chain = append(p.chain, name)
	lx := newLexer(name, src)
	stmts, err := p.stmts(lx, parent)
	p.chain = p.chain[:len(p.chain)-1]
	return stmts, err
}

// stmts reads a file to its end.
func (p *parser) stmts(lx *lexer, parent *Stmt) ([]*Stmt, error) {
	stmts, end, err := p.list(lx, parent)
	if err == nil && end == atClose {
		err = lx.errorf("unexpected \"}\"")
	}
	return stmts, err
}

// list reads statements up to a } or the end of the file.
func (p *parser) list(lx *lexer, parent *Stmt) ([]*Stmt, ending, error) {
	var stmts []*Stmt
	for {
		words, start, end, err := lx.words()
		if err != nil || end == atEOF || end == atClose {
			return stmts, end, err
		}
		s := newStmt(lx, words, start, parent)
		if end == atOpen && lx.param {
			return nil, end, lx.errorf("block directives are not supported in -g option")
		}
		if s.Name == "include" {
			included, err := p.include(s, end)
			if err != nil {
				return nil, end, err
			}
			stmts = append(stmts, included...)
			continue
		}
		if err := p.finish(lx, s, end); err != nil {
			return nil, end, err
		}
		stmts = append(stmts, s)
	}
}

func newStmt(lx *lexer, words []word, start int, parent *Stmt) *Stmt {
	s := &Stmt{Name: words[0].text, File: lx.name, Start: start, Line: lx.line, End: lx.line, Parent: parent}
	if lx.param {
		s.Start, s.Line, s.End = 0, 0, 0
	}
	for _, w := range words[1:] {
		s.Args = append(s.Args, w.text)
		s.Quoted = append(s.Quoted, w.quoted)
	}
	return s
}

// finish reads the block or the Lua body of s, if it has one, after s was checked.
func (p *parser) finish(lx *lexer, s *Stmt, end ending) (err error) {
	if end == atOpen {
		s.IsLua = strings.HasSuffix(s.Name, luaSuffix)
		s.HasBlock = !s.IsLua
	}
	if p.Check != nil {
		if err := p.Check(s); err != nil {
			return err
		}
	}
	switch {
	case s.IsLua:
		s.Lua, err = lx.luaBody()
	case s.HasBlock:
		err = p.block(lx, s)
	}
	if end == atOpen {
		s.End = lx.line
	}
	return err
}

func (p *parser) block(lx *lexer, s *Stmt) error {
	if p.depth >= MaxDepth {
		return s.Errorf("too deep a block: the limit is %d", MaxDepth)
	}
	p.depth++
	stmts, end, err := p.list(lx, s)
	p.depth--
	s.Block = stmts
	if err == nil && end == atEOF {
		err = lx.errorf("unexpected end of file, expecting \"}\"")
	}
	return err
}

// include returns the statements of the files that s names. No file needs to
// match a pattern; a name without * ? [ must exist.
func (p *parser) include(s *Stmt, end ending) ([]*Stmt, error) {
	s.HasBlock = end == atOpen
	if err := Exactly(1).Check(s); err != nil {
		return nil, err
	}
	name := s.Args[0]
	if !strings.HasPrefix(name, "/") {
		name = p.Dir + name // not cleaned: messages show it so
	}
	if !strings.ContainsAny(name, "*?[") {
		return p.includeFile(s, name)
	}
	names, err := p.Glob(name)
	if err != nil {
		return nil, s.Errorf("glob() \"%s\" failed: %v", name, err)
	}
	var all []*Stmt
	for _, name := range names {
		stmts, err := p.includeFile(s, name)
		if err != nil {
			return nil, err
		}
		all = append(all, stmts...)
	}
	return all, nil
}

func (p *parser) includeFile(s *Stmt, name string) ([]*Stmt, error) {
	switch {
	case slices.Contains(p.chain, name):
		return nil, s.Errorf("file \"%s\" includes itself", name)
	case len(p.chain) >= MaxIncludes:
		return nil, s.Errorf("too deep an include of \"%s\": the limit is %d", name, MaxIncludes)
	case p.files >= MaxFiles:
		return nil, s.Errorf("too many included files: the limit is %d", MaxFiles)
	}
	src, err := p.ReadFile(name)
	if err != nil {
		return nil, s.Errorf("%s", readFailure(name, err))
	}
	return p.source(name, src, s.Parent)
}

// readFailure is nginx's text for a file that cannot be read:
// `open() "name" failed (2: No such file or directory)`.
func readFailure(name string, err error) string {
	call, cause := "open", err
	var failed *fs.PathError
	if errors.As(err, &failed) {
		cause = failed.Err
		if failed.Op != "open" {
			call = "pread"
		}
	}
	number := fmt.Sprintf("%d", cause) // an errno prints as its number
	text := cause.Error()
	switch _, notErrno := strconv.Atoi(number); {
	case notErrno == nil:
		text = number + ": " + strings.ToUpper(text[:1]) + text[1:]
	case errors.Is(err, fs.ErrNotExist):
		text = "2: No such file or directory"
	case errors.Is(err, fs.ErrPermission):
		text = "13: Permission denied"
	}
	return fmt.Sprintf("%s() \"%s\" failed (%s)", call, name, text)
}
