package mailbox

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// run has n coroutines on worker i share b.N calls of f.
func (w *world) run(b *testing.B, i, n int, f func(s *Strand)) {
	me := w.start(Spec{Worker: w.ws[i]}, Handlers{})
	var left atomic.Int64
	left.Store(int64(b.N))
	ended := make(chan struct{}, n)
	b.ReportAllocs()
	b.ResetTimer()
	w.ws[i].Call(func() {
		for range n {
			me.Fork(func(s *Strand) {
				for left.Add(-1) >= 0 {
					f(s)
				}
				ended <- struct{}{}
			})
		}
	})
	for range n {
		<-ended
	}
	b.StopTimer()
}

func quiet(m *Message) ([]any, error) { return nil, nil }

// BenchmarkCall is a call and its answer.
func BenchmarkCall(b *testing.B) {
	for _, c := range []struct {
		name          string
		workers, from int
		callers       int
	}{{"one worker", 1, 0, 1}, {"one worker, 100 callers", 1, 0, 100}, {"across workers", 2, 1, 1}, {"across workers, 100 callers", 2, 1, 100}} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b, c.workers)
			a := w.start(Spec{}, Handlers{"": quiet})
			w.run(b, c.from, c.callers, func(s *Strand) { s.Call(a, "", nil, 0) })
		})
	}
	b.Run("one worker, callee parks", func(b *testing.B) {
		w := newWorld(b, 1)
		a := w.start(Spec{}, Handlers{"": func(m *Message) ([]any, error) {
			m.Strand().Coroutine().Yield()
			return nil, nil
		}})
		w.run(b, 0, 100, func(s *Strand) { s.Call(a, "", nil, 0) })
	})
}

// BenchmarkSend is messages through one mailbox: one worker sends, the other handles.
func BenchmarkSend(b *testing.B) {
	w := newWorld(b, 2)
	end, handled := make(chan struct{}), 0
	n := b.N
	a := w.start(Spec{Mailbox: 1 << 16}, Handlers{"": func(m *Message) ([]any, error) {
		if handled++; handled == n {
			close(end)
		}
		return nil, nil
	}})
	body := Args{"x"}
	w.run(b, 1, 1, func(s *Strand) {
		for a.size.Load() > 1<<15 {
			s.Coroutine().Yield()
		}
		s.Send(a, "", body)
	})
	b.StartTimer()
	<-end
}

// BenchmarkIdle is the memory of actors that do nothing.
func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		w := newWorld(b, 1)
		before := heap()
		const n = 100000
		w.ws[0].Call(func() {
			for range n {
				w.Place(&Spec{Worker: w.ws[0], New: func(*Actor) Behaviour { return Handlers(nil) }})
			}
		})
		b.ReportMetric(float64(heap()-before)/n, "B/actor")
		runtime.KeepAlive(w)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
