package stdlib

import "github.com/luahttpd/luahttpd/lua/vm"

func (s *state) openCoroutine() {
	c := s.library("coroutine", []function{
		{"create", func(t *vm.Thread) int {
			t.Push(t.NewCoroutine(t.CheckFunc(1)).Value())
			return 1
		}},
		{"wrap", func(t *vm.Thread) int {
			t.Push(t.Wrap(t.CheckFunc(1)))
			return 1
		}},
		{"status", func(t *vm.Thread) int {
			co := t.Arg(1).Thread()
			if co == nil {
				t.ArgError(1, "coroutine expected")
			}
			t.PushString(co.Status())
			return 1
		}},
		{"running", func(t *vm.Thread) int {
			t.Push(t.Value())
			t.PushBool(t.Main())
			return 2
		}},
		{"isyieldable", func(t *vm.Thread) int {
			t.PushBool(t.Yieldable())
			return 1
		}},
	})
	c.SetStr("resume", s.m.Primitive("resume"))
	c.SetStr("yield", s.m.Primitive("yield"))
}
