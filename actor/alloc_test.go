//go:build !race

package actor

import (
	"testing"
	"time"
	"unsafe"
)

func TestNothingIsAllocated(t *testing.T) {
	w := run(t)
	f, peer := pair(t, w)
	buf := make([]byte, 64)
	bufs := make([][]byte, 3)
	task := TaskFunc(func(*Worker) {})
	one := []byte{1}
	ping := TaskFunc(func(*Worker) { peer.Write(one) })
	for name, op := range map[string]func(co *Coroutine){
		"serve": func(*Coroutine) { w.Serve(nothing{}) },
		"yield": func(co *Coroutine) { co.Yield() },
		"sleep": func(co *Coroutine) { co.Sleep(time.Microsecond) },
		"post":  func(co *Coroutine) { w.Post(task); co.Yield() },
		"write and read": func(*Coroutine) {
			if _, err := f.Write(buf[:1]); err != nil {
				t.Error(err)
			}
			peer.Read(buf)
			peer.Write(buf[:1])
			if _, err := f.Read(buf); err != nil {
				t.Error(err)
			}
		},
		"writev": func(*Coroutine) {
			bufs[0], bufs[1], bufs[2] = buf[:1], buf[:2], buf[:3]
			if _, err := f.Writev(bufs); err != nil {
				t.Error(err)
			}
			peer.Read(buf)
		},
		"read that parks and has a timeout": func(*Coroutine) {
			f.SetReadTimeout(time.Second)
			w.Post(ping)
			if _, err := f.Read(buf); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, w, func() {
				co := w.Current()
				for range 10 {
					op(co)
				}
				if n := testing.AllocsPerRun(200, func() { op(co) }); n >= 1 {
					t.Errorf("%v allocations", n)
				}
			})
		})
	}
}

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(FD{}); n > 192 {
		t.Errorf("an FD takes %d bytes", n)
	}
	if n := unsafe.Sizeof(Coroutine{}); n > 176 {
		t.Errorf("a Coroutine takes %d bytes", n)
	}
}
