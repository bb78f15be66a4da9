package luasocket

import (
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// selectMax is how many sockets one select takes (socket._SETSIZE).
const selectMax = 1 << 16

// choice is one socket that select was given. Anything counts as one that has
// a method getfd.
type choice struct {
	object vm.Value
	fd     int
	dirty  bool // bytes of it wait in its buffer
}

// selectReady is select(readers, writers [, timeout]): those that can be used
// now, as lists that also have each socket as a key, and "timeout" when there
// is none.
func (l *library) selectReady(t *vm.Thread) int {
	limit := seconds(t.OptNumber(3, -1))
	readers, writers := choices(t, 1), choices(t, 2)
	var list []Interest
	var objects []choice // of list
	ready, other := &chosen{t: l.m.NewTable(4, 4)}, &chosen{t: l.m.NewTable(4, 4)}
	for _, c := range readers {
		if c.dirty {
			ready.add(c.object)
			limit = 0
			continue
		}
		list, objects = append(list, Interest{FD: c.fd, Read: true}), append(objects, c)
	}
	for _, c := range writers {
		list, objects = append(list, Interest{FD: c.fd, Write: true}), append(objects, c)
	}
	found, err := l.await(t, list, objects, limit)
	if err != nil {
		t.Errorf("select failed")
	}
	for i, in := range list {
		switch {
		case !found: // of the buffers only
		case in.Readable:
			ready.add(objects[i].object)
		case in.Writable:
			other.add(objects[i].object)
		}
	}
	t.Push(ready.t.Value())
	t.Push(other.t.Value())
	if ready.n+other.n > 0 {
		return 2
	}
	t.PushString("timeout")
	return 3
}

// await waits for those of the list. The sockets know that they are waited for.
func (l *library) await(t *vm.Thread, list []Interest, objects []choice, limit time.Duration) (bool, error) {
	waiting := func(n int) {
		for _, c := range objects {
			if u := c.object.Userdata(); u != nil {
				if s, ok := u.Value.(*sock); ok {
					s.waiting += n
				}
			}
		}
	}
	waiting(1)
	defer waiting(-1) // also when the thread is killed
	return l.host.Wait(t, list, limit)
}

// choices are the sockets in the table that is argument i, or none.
func choices(t *vm.Thread, i int) []choice {
	if t.Arg(i).IsNil() {
		return nil
	}
	t.CheckTable(i)
	list := t.Arg(i)
	var all []choice
	for n := 1; ; n++ {
		object := t.Index(list, vm.Int(n))
		if object.IsNil() {
			return all
		}
		c := choice{object: object, fd: -1}
		if f := t.Index(object, vm.Const("getfd")); !f.IsNil() {
			if fd, ok := t.Call1(f, object).ToNumber(); ok && fd >= 0 && fd < 1<<31 {
				c.fd = int(fd)
			}
		}
		if c.fd < 0 {
			continue
		}
		if f := t.Index(object, vm.Const("dirty")); !f.IsNil() && i == 1 {
			c.dirty = t.Call1(f, object).Truth()
		}
		if len(all) == selectMax {
			t.ArgError(i, "too many sockets")
		}
		all = append(all, c)
	}
}

// chosen is one of select's results.
type chosen struct {
	t *vm.Table
	n int
}

func (c *chosen) add(object vm.Value) {
	c.n++
	c.t.SetInt(c.n, object)
	c.t.Set(object, vm.Int(c.n))
}
