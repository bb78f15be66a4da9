package lua

import (
	"bytes"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// errlogArea is the module ngx.errlog.
var errlogArea = area{open: func(e *engine, ngx *vm.Table) {
	e.module("ngx.errlog", []row{
		{"raw_log", anyPhase, func(t *vm.Thread, s *state) int {
			level := t.CheckInt(1)
			if level < int(phases.LevelStderr) || level > int(phases.LevelDebug) {
				t.ArgError(1, "bad log level")
			}
			s.logf(phases.Level(level), "%s", t.CheckString(2))
			return 0
		}},
		{"get_sys_filter_level", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushInt(int(s.log().Level()))
			return 1
		}},
		{"set_filter_level", "I", setFilterLevel},
		{"get_logs", anyPhase, getLogs},
	})
}}

// logRing keeps the last lines of the error logs, for all workers, within a
// size.
type logRing struct {
	mu     sync.Mutex
	size   int64
	used   int64
	filter phases.Level
	lines  []logLine // oldest first
}

type logLine struct {
	level phases.Level
	when  time.Time
	text  string
}

// logLineSize is what a line costs beside its text.
const logLineSize = 24

func setCapture(c *Conf, b *phases.Block, s *conf.Stmt) error {
	size, ok := conf.Size(s.Args[0])
	if !ok {
		return s.Errorf("invalid capture error log size \"%s\"", s.Args[0])
	}
	if size < captureMin {
		return s.Errorf("capture error log size \"%s\" is too small", s.Args[0])
	}
	c.captured = &logRing{size: size, filter: phases.LevelDebug}
	b.Config.CaptureLog = c.captured.add
	return nil
}

// captureMin is the smallest ring in bytes, as in OpenResty.
const captureMin = 2048

func (g *logRing) add(level phases.Level, when time.Time, line []byte) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	cost := int64(len(line)) + logLineSize
	g.mu.Lock()
	defer g.mu.Unlock()
	if level > g.filter || cost > g.size {
		return
	}
	for g.used+cost > g.size {
		g.take()
	}
	g.used += cost
	g.lines = append(g.lines, logLine{level, when, string(line)})
}

// take removes the oldest line.
func (g *logRing) take() logLine {
	line := g.lines[0]
	g.lines[0] = logLine{}
	g.lines = g.lines[1:]
	g.used -= int64(len(line.text)) + logLineSize
	return line
}

const noCapture = "directive \"lua_capture_error_log\" is not set"

func setFilterLevel(t *vm.Thread, s *state) int {
	level := t.CheckInt(1)
	g := s.e.site.http.captured
	switch {
	case g == nil:
		return fail(t, noCapture)
	case level < int(phases.LevelStderr) || level > int(phases.LevelDebug):
		return fail(t, "bad log level: "+t.ToString(t.Arg(1)))
	}
	g.mu.Lock()
	g.filter = phases.Level(level)
	g.mu.Unlock()
	t.PushBool(true)
	return 1
}

// getLogs gives the oldest lines, as level, time and text one behind the other,
// and forgets them.
func getLogs(t *vm.Thread, s *state) int {
	g := s.e.site.http.captured
	if g == nil {
		return fail(t, noCapture)
	}
	most := t.OptInt(1, 10)
	into := t.Arg(2).Table()
	if into == nil {
		into = s.e.vm.NewTable(0, 0)
	}
	g.mu.Lock()
	n := len(g.lines)
	if most > 0 {
		n = min(n, most)
	}
	lines := make([]logLine, n)
	for i := range lines {
		lines[i] = g.take()
	}
	g.mu.Unlock()
	for i, line := range lines {
		into.SetInt(3*i+1, vm.Int(int(line.level)))
		into.SetInt(3*i+2, vm.Number(float64(line.when.UnixMilli())/1000))
		into.SetInt(3*i+3, vm.String(line.text))
	}
	into.SetInt(3*n+1, vm.Nil)
	t.Push(into.Value())
	return 1
}
