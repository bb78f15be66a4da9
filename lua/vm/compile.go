package vm

import (
	"fmt"
	"strings"

	glua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// Proto is a compiled chunk. It is immutable and can be loaded into any number of VMs.
type Proto struct{ p *glua.FunctionProto }

// SyntaxError is what Compile returns for a chunk that does not parse: "chunk:line: text near
// 'token'".
type SyntaxError struct{ Message string }

func (e *SyntaxError) Error() string { return e.Message }

// Load makes a function of a chunk, its environment the globals.
func (m *VM) Load(p *Proto) Value { return Value{m.main.NewFunctionFromProto(p.p)} }

// Compile compiles source text. chunkname is "=name" or "@file", used in messages without the first
// character, or else the text itself, of which messages show the beginning.
func Compile(src []byte, chunkname string) (*Proto, error) {
	short := chunkID(chunkname)
	if len(src) > 0 && src[0] == 0x1b {
		return nil, &SyntaxError{short + ": cannot load incompatible bytecode"}
	}
	text := strings.TrimPrefix(string(src), "\ufeff")
	if strings.HasPrefix(text, "#") {
		_, rest, _ := strings.Cut(text, "\n")
		text = "\n" + rest
	}
	chunk, where, err := parse(text, short)
	if err != nil {
		return nil, err
	}
	p, err := generate(chunk, short)
	if err != nil {
		return nil, err
	}
	where.annotate(p, chunkname)
	return &Proto{p}, nil
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

// generate runs gopher-lua's compiler. Limits that it only notices by failing are syntax errors
// too.
func generate(chunk []ast.Stmt, short string) (p *glua.FunctionProto, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, &SyntaxError{fmt.Sprintf("%s:1: chunk is too complex (%v)", short, r)}
		}
	}()
	p, err = glua.Compile(chunk, short)
	if e, ok := err.(*glua.CompileError); ok {
		err = &SyntaxError{fmt.Sprintf("%s:%d: %s", short, e.Line, e.Message)}
	}
	return p, err
}
