package conf

import (
	"fmt"
	"strconv"
)

// A Stmt is one statement of the configuration. It is not changed after the
// parse and may be read by several goroutines.
type Stmt struct {
	Name   string   // the first token
	Args   []string // the others, without quotes, escapes resolved; variables are not interpolated
	Quoted []bool   // whether Args[i] was in quotes

	File  string // the full name of the file it stands in
	Start int    // line of the name
	Line  int    // line of the ; or { that ended it: the line nginx names in messages
	End   int    // line of the } of its block or body; otherwise Line

	Parent   *Stmt   // the statement in whose block it stands; nil at the top
	Block    []*Stmt // the statements of its block
	HasBlock bool    // it has a block, maybe an empty one

	IsLua bool   // it is a *_by_lua_block with a body; HasBlock is false then
	Lua   string // that body, verbatim, all between the braces
}

// Errorf is an error about the statement, in nginx's form "text in file:line".
func (s *Stmt) Errorf(format string, a ...any) error {
	return &Error{fmt.Sprintf(format, a...), s.File, s.Line}
}

// EndErrorf is an error that nginx finds only when it has read the whole block:
// it names the line of the closing brace.
func (s *Stmt) EndErrorf(format string, a ...any) error {
	return &Error{fmt.Sprintf(format, a...), s.File, s.End}
}

// Problem is the form of an error that a directive's own set function has in
// nginx: `"name" directive what`. What is "is duplicate", "invalid value", ….
func (s *Stmt) Problem(what string) error {
	return s.Errorf("\"%s\" directive %s", s.Name, what)
}

// Unknown is nginx's error for a name that no module has.
func (s *Stmt) Unknown() error {
	return s.Errorf("unknown directive \"%s\"", s.Name)
}

// NotAllowed is nginx's error for a directive in a block where it may not stand.
func (s *Stmt) NotAllowed() error { return s.Problem("is not allowed here") }

// Duplicate is nginx's error for the second use of what may be used once.
func (s *Stmt) Duplicate() error { return s.Problem("is duplicate") }

// Entries checks that the block consists of lines only, as those of types, map,
// geo and split_clients must.
func (s *Stmt) Entries() error {
	for _, entry := range s.Block {
		if entry.HasBlock || entry.IsLua {
			return entry.Errorf("unexpected \"{\"")
		}
	}
	return nil
}

// An Error is a mistake in the configuration and where it is.
type Error struct {
	Text string
	File string // "" when the main file itself could not be read
	Line int    // 0 in the command line
}

// Error is the message as nginx words it, without "[emerg]".
func (e *Error) Error() string {
	switch {
	case e.File == "":
		return e.Text
	case e.Line == 0:
		return e.Text + " in " + e.File
	}
	return e.Text + " in " + e.File + ":" + strconv.Itoa(e.Line)
}
