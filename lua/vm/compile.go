package vm

import (
	"bytes"
	"fmt"
	"strings"

	glua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// Proto is a compiled chunk. It is immutable and can be loaded into any number of VMs.
type Proto struct{ p *glua.FunctionProto }

// SyntaxError is what Compile returns for a chunk that does not parse: "chunk:line: text near 'token'".
type SyntaxError struct{ Message string }

func (e *SyntaxError) Error() string { return e.Message }

// Load makes a function of a chunk, its environment the globals.
func (m *VM) Load(p *Proto) Value { return Value{m.main.NewFunctionFromProto(p.p)} }

// Compile compiles source text. chunkname is "=name" or "@file", used in messages without the first character, or else the
// text itself, of which messages show the beginning.
func Compile(src []byte, chunkname string) (*Proto, error) {
	short := chunkID(chunkname)
	if len(src) > 0 && src[0] == 0x1b {
		return nil, &SyntaxError{short + ": cannot load incompatible bytecode"}
	}
	if len(src) > 0 && src[0] == '#' {
		if i := bytes.IndexByte(src, '\n'); i >= 0 {
			src = src[i:]
		} else {
			src = nil
		}
	}
	chunk, err := parse.Parse(bytes.NewReader(src), short)
	if err != nil {
		return nil, &SyntaxError{syntaxText(short, err, src)}
	}
	p, err := glua.Compile(chunk, short)
	if err != nil {
		return nil, &SyntaxError{compileText(short, err)}
	}
	noteSource(p, chunkname)
	return &Proto{p}, nil
}

// noteSource keeps the full chunk name behind the names of the upvalues, where nothing else looks.
func noteSource(p *glua.FunctionProto, source string) {
	p.DbgUpvalues = append(p.DbgUpvalues[:p.NumUpvalues:p.NumUpvalues], source)
	for _, inner := range p.FunctionPrototypes {
		noteSource(inner, source)
	}
}

func sourceOf(p *glua.FunctionProto) string {
	if n := int(p.NumUpvalues); n < len(p.DbgUpvalues) {
		return p.DbgUpvalues[n]
	}
	return p.SourceName
}

// maxChunkID is the size of a chunk's name in messages, luaconf.h's LUA_IDSIZE.
const maxChunkID = 60

// chunkID is how messages show a chunk name: Lua's luaO_chunkid.
func chunkID(source string) string {
	switch {
	case strings.HasPrefix(source, "="):
		return source[1:min(len(source), maxChunkID)]
	case strings.HasPrefix(source, "@"):
		if s := source[1:]; len(s) >= maxChunkID {
			return "..." + s[len(s)-maxChunkID+4:]
		}
		return source[1:]
	}
	line, _, cut := strings.Cut(source, "\n")
	if i := strings.IndexByte(line, '\r'); i >= 0 {
		line, cut = line[:i], true
	}
	room := maxChunkID - len(`[string "..."]`) - 1
	if len(line) > room {
		line, cut = line[:room], true
	}
	if cut {
		line += "..."
	}
	return fmt.Sprintf(`[string "%s"]`, line)
}

func syntaxText(short string, err error, src []byte) string {
	e, ok := err.(*parse.Error)
	if !ok {
		return short + ":1: " + err.Error()
	}
	line, near := e.Pos.Line, "'"+e.Token+"'"
	if line < 0 {
		line, near = 1+bytes.Count(src, []byte("\n")), "'<eof>'"
	}
	msg := e.Message
	switch msg {
	case "unterminated string":
		msg = "unfinished string"
	case "unterminated multiline string":
		msg = "unfinished long string"
	case "invalid multiline comment":
		msg = "unfinished long comment"
	case "illegal hexadecimal number":
		msg = "malformed number"
	default:
		msg = "unexpected symbol"
	}
	return fmt.Sprintf("%s:%d: %s near %s", short, line, msg, near)
}

func compileText(short string, err error) string {
	if e, ok := err.(*glua.CompileError); ok {
		return fmt.Sprintf("%s:%d: %s", short, e.Line, e.Message)
	}
	return short + ": " + err.Error()
}
