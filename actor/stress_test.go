package actor

import (
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Everything at once: coroutines that wait for all there is to wait for, and others that end them
// at any moment. Whatever happens, each ends once, its deferred functions run, and nothing is left.
func TestStress(t *testing.T) {
	w := run(t)
	const n = 300
	begun, ended := 0, 0
	var alive []*Coroutine
	rnd := rand.New(rand.NewPCG(1, 2))
	spare := func() time.Duration { return time.Duration(rnd.IntN(300)) * time.Microsecond }
	body := func() {
		begun++
		defer func() { ended++ }()
		me := w.Current()
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		a, _ := w.NewFD(p[0])
		b, _ := w.NewFD(p[1])
		defer a.Close()
		defer b.Close()
		for range 30 {
			if w.Current() != me {
				t.Error("another coroutine is current")
			}
			switch rnd.IntN(8) {
			case 0:
				me.Sleep(spare())
			case 1:
				me.Yield()
			case 2:
				w.Offload(func() {})
			case 3:
				a.SetReadTimeout(1 + spare())
				a.Read(make([]byte, 10))
			case 4:
				b.Write([]byte("hello"))
			case 5:
				token := me.Token()
				w.AfterFunc(spare(), func() { me.ResumeIf(token) })
				me.ParkOn(token)
			case 6:
				other := w.Go(func() {
					defer func() { recover() }() // it swallows what it can
					io.Copy(io.Discard, struct{ io.Reader }{b})
				})
				me.Sleep(spare())
				if rnd.IntN(2) == 0 {
					other.Interrupt("enough")
				} else {
					other.Kill()
				}
				if !other.Dead() {
					t.Error("it lives")
				}
			case 7:
				victim := alive[rnd.IntN(len(alive))]
				switch rnd.IntN(4) {
				case 0:
					victim.Kill()
				case 1:
					victim.Interrupt(1)
				default:
					victim.Resume()
				}
			}
		}
	}
	w.Call(func() {
		for range n {
			alive = append(alive, w.Go(func() { // dead ones stay in the list: ending them again is harmless
				w.Current().Sleep(time.Millisecond)
				body()
			}))
		}
	})
	until(t, "all to end", func() (ok bool) { w.Call(func() { ok = w.Coroutines() == 0 }); return })
	if begun != ended || begun == 0 {
		t.Errorf("%d have begun, %d have ended", begun, ended)
	}
	w.Call(func() {
		if w.FDs() != 0 || w.away != 0 {
			t.Errorf("%d descriptors, %d offloaded functions are left", w.FDs(), w.away)
		}
	})
}
