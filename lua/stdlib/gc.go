package stdlib

import (
	"runtime/metrics"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// heapKB is the size of the process's heap: Lua worlds have none of their own.
func heapKB() float64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64()) / 1024
}

// cycleSteps is how many steps of collectgarbage make a cycle; one with a size counts for as many more.
const cycleSteps = 12

func (s *state) collectgarbage(t *vm.Thread) int {
	switch opt := t.OptString(1, "collect"); opt {
	case "collect":
		s.steps = 0
		t.Collect()
		t.PushInt(0)
	case "count":
		t.PushNumber(heapKB())
	case "step":
		s.steps += 1 + min(max(t.OptInt(2, 0), 0), cycleSteps)
		done := s.steps >= cycleSteps
		if done {
			s.steps = 0
			t.Collect()
		}
		t.PushBool(done)
	case "stop", "restart":
		t.PushInt(0)
	case "setpause", "setstepmul":
		t.PushInt(200)
	case "isrunning":
		t.PushBool(true)
	default:
		t.ArgError(1, "invalid option '"+opt+"'")
	}
	return 1
}
