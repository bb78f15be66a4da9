package lua

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// chunk is one script of the configuration. It is compiled when it first runs,
// once for all workers.
type chunk struct {
	id    int // index in engine.funcs
	phase phase
	block *phases.Block // that it stands in, to find duplicates
	stmt  *conf.Stmt
	// name is how messages call an inline script; src is its text.
	name, src string
	// path is that of a script in a file, nil for an inline one.
	path *phases.Template
	dir  string // that a relative path is below
	// buffered, of a body filter, is how large a body it has as a whole; 0: it
	// has it chunk by chunk.
	buffered int64
	once     sync.Once
	proto    *vm.Proto
	err      error
}

// newChunk makes a chunk of the statement's body or of its argument arg.
func newChunk(b *phases.Block, s *conf.Stmt, p phase, arg int) (*chunk, error) {
	k := &chunk{id: siteSlot.Of(b.Config).nextChunk(), phase: p, block: b, stmt: s, dir: b.Config.Prefix}
	switch {
	case s.IsLua:
		k.src = s.Lua
	case strings.HasSuffix(s.Name, "_file"):
		t, err := b.Template(s, s.Args[arg])
		k.path = t
		if err == nil {
			k.check()
		}
		return k, err
	default:
		if s.Args[arg] == "" {
			return nil, s.Errorf("invalid location config: no runnable Lua code")
		}
		k.src = s.Args[arg]
	}
	k.name = chunkName(phaseRows[p].directive+"_by_lua", s.File, b.Config.Dir, s.Line)
	k.check()
	return k, nil
}

// check warns, when the configuration is only tested (-t), of a script that
// cannot be loaded. It is no error there, as it is none in OpenResty: the
// requests that come to the script have one.
func (k *chunk) check() {
	if !k.block.Config.Testing {
		return
	}
	var err error
	if k.path == nil {
		_, err = k.compiled()
	} else if _, constant := k.path.Const(); constant {
		_, err = compileFile(k.file(nil))
	}
	if err != nil {
		k.block.Config.Warn(k.stmt, "%v", err)
	}
}

// nameLimit is how long LuaJIT lets a chunk's name be in messages (LUA_IDSIZE).
const nameLimit = 60

// chunkName is "=content_by_lua(nginx.conf:13)": the file relative to the
// configuration's directory, cut in front when the whole is too long.
func chunkName(tag, path, dir string, line int) string {
	if rest, ok := strings.CutPrefix(path, dir+"/"); ok {
		path = rest
	}
	tail := ":" + strconv.Itoa(line) + ")"
	if room := nameLimit - 1 - len(tag) - len("(") - len(tail); len(path) > room && room > 3 {
		path = "..." + path[len(path)-room+3:]
	}
	return "=" + tag + "(" + path + tail
}

// loadError is why a script cannot run, with the status that a request gets.
type loadError struct {
	status phases.Result
	what   string // "inlined Lua code", or which file
	why    string
}

func (e *loadError) Error() string { return "failed to load " + e.what + ": " + e.why }

// compiled returns the compiled inline script.
func (k *chunk) compiled() (*vm.Proto, error) {
	k.once.Do(func() {
		if k.proto, k.err = vm.Compile([]byte(k.src), k.name); k.err != nil {
			k.err = &loadError{500, "inlined Lua code", k.err.Error()}
		}
	})
	return k.proto, k.err
}

// file returns the path of the script for r, which may be nil.
func (k *chunk) file(r *phases.Request) string {
	path, constant := k.path.Const()
	if !constant {
		path = k.path.String(r)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(k.dir, path)
	}
	return path
}

// blame is the log line for an error of a script that runs without a request.
func (k *chunk) blame(err error) string {
	text := phaseRows[k.phase].directive + "_by_lua"
	if k.path != nil {
		text += "_file"
	}
	text += " error: "
	var le *loadError
	if errors.As(err, &le) {
		return text + le.why
	}
	return text + failure(err)
}

// compileFile reads and compiles the script at path.
func compileFile(path string) (*vm.Proto, error) {
	fail := func(status phases.Result, format string, a ...any) (*vm.Proto, error) {
		return nil, &loadError{status, "external Lua file \"" + path + "\"", fmt.Sprintf(format, a...)}
	}
	src, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fail(404, "cannot open %s: %s", path, reason(err))
	case err != nil:
		return fail(503, "cannot open %s: %s", path, reason(err))
	}
	if len(src) > 0 && src[0] == '#' { // keeps the line for the numbers in messages
		i := strings.IndexByte(string(src), '\n')
		if i < 0 {
			i = len(src)
		}
		src = src[i:]
	}
	p, err := vm.Compile(src, "@"+path)
	if err != nil {
		return fail(500, "%v", err)
	}
	return p, nil
}

// reason is the system's word for a failed call, as strerror has it.
func reason(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return vm.Strerror(no)
	}
	return err.Error()
}
