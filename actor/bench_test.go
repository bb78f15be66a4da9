package actor

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func BenchmarkSwitch(b *testing.B) {
	w := run(b)
	b.ReportAllocs()
	w.Call(func() {
		co := w.Go(func() {
			for {
				w.Current().Park()
			}
		})
		b.ResetTimer()
		for range b.N {
			co.Resume()
		}
	})
}

func BenchmarkSwitchAmong10000(b *testing.B) {
	w := run(b)
	b.ReportAllocs()
	w.Call(func() {
		all := make([]*Coroutine, 10000)
		for i := range all {
			all[i] = w.Go(func() {
				for {
					w.Current().Park()
				}
			})
		}
		b.ResetTimer()
		for i := range b.N {
			all[i%len(all)].Resume()
		}
	})
}

type nothing struct{}

func (nothing) Serve() {}

func BenchmarkServe(b *testing.B) {
	w := run(b)
	b.ReportAllocs()
	w.Call(func() {
		for range b.N {
			w.Serve(nothing{})
		}
	})
}

func BenchmarkGo(b *testing.B) {
	w := run(b)
	b.ReportAllocs()
	w.Call(func() {
		for range b.N {
			w.Go(func() {})
		}
	})
}

func BenchmarkTimerMoveLater(b *testing.B) {
	w := run(b)
	w.Call(func() {
		ts := make([]Timer, 10000)
		for i := range ts {
			ts[i].Init(w, recorder{})
			ts[i].Reset(time.Hour)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			t := &ts[i%len(ts)]
			t.set(w.now + int64(time.Hour) + int64(i))
			t.suspend()
		}
		b.StopTimer()
		for i := range ts {
			ts[i].Stop()
		}
	})
}

func BenchmarkTimerSetAndStop(b *testing.B) {
	w := run(b)
	w.Call(func() {
		ts := make([]Timer, 10000)
		for i := range ts {
			ts[i].Init(w, recorder{})
			ts[i].Reset(time.Hour)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			t := &ts[i*7919%len(ts)]
			t.Stop()
			t.set(w.now + int64(time.Hour) + int64(i))
		}
		b.StopTimer()
		for i := range ts {
			ts[i].Stop()
		}
	})
}

func BenchmarkCall(b *testing.B) {
	w := run(b)
	b.ReportAllocs()
	for range b.N {
		w.Call(func() {})
	}
}

// Posts of which the loop wakes for the first.
func BenchmarkPost(b *testing.B) {
	w := run(b)
	b.ReportAllocs()
	task := TaskFunc(func(*Worker) {})
	for range b.N {
		w.Post(task)
	}
	w.Call(func() {})
}

// One connection, one message at a time: the loop sleeps in between.
func BenchmarkEchoIdle(b *testing.B) { benchmarkEcho(b, 1) }

// 64 connections that the client keeps busy: the loop never sleeps.
func BenchmarkEchoBusy(b *testing.B) { benchmarkEcho(b, 64) }

func benchmarkEcho(b *testing.B, clients int) {
	two := runs(b, 2, func(*Worker) {})
	w, c := two[0], two[1] // the clients are coroutines of the other worker
	l := listenOn(b, w, loopback(), func(f *FD, _ Addr) {
		w.Go(func() {
			defer f.Close()
			buf := make([]byte, 4096)
			for {
				n, err := f.Read(buf)
				if err != nil {
					return
				}
				f.Write(buf[:n])
			}
		})
	})
	each := b.N/clients + 1
	left := clients
	done := make(chan bool)
	b.ReportAllocs()
	report := cpu(b)
	b.ResetTimer()
	c.Call(func() {
		for range clients {
			c.Go(func() {
				f, err := c.Dial(l.Addr(), DialOptions{})
				if err != nil {
					b.Error(err)
					return
				}
				defer f.Close()
				buf := make([]byte, 4096)
				for range each {
					f.Write(buf[:100])
					if _, err := io.ReadFull(f, buf[:100]); err != nil {
						b.Error(err)
					}
				}
				if left--; left == 0 {
					close(done)
				}
			})
		}
	})
	<-done
	b.StopTimer()
	report()
}

// The same with Go's own net: a goroutine per connection.
func BenchmarkEchoNetBusy(b *testing.B) { benchmarkEchoNet(b, 64) }

func BenchmarkEchoNetIdle(b *testing.B) { benchmarkEchoNet(b, 1) }

func benchmarkEchoNet(b *testing.B, clients int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			f, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer f.Close()
				buf := make([]byte, 4096)
				for {
					n, err := f.Read(buf)
					if err != nil {
						return
					}
					f.Write(buf[:n])
				}
			}()
		}
	}()
	each := b.N/clients + 1
	done := make(chan bool, clients)
	b.ReportAllocs()
	report := cpu(b)
	b.ResetTimer()
	for range clients {
		go func() {
			f, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Error(err)
				return
			}
			defer f.Close()
			buf := make([]byte, 4096)
			for range each {
				f.Write(buf[:100])
				io.ReadFull(f, buf[:100])
			}
			done <- true
		}()
	}
	for range clients {
		<-done
	}
	b.StopTimer()
	report()
}

// cpu reports the processor time of the process per operation: what a shared machine cannot
// disturb.
func cpu(b *testing.B) func() {
	begin := cpuTime(b)
	return func() { b.ReportMetric(float64(cpuTime(b)-begin)/float64(b.N), "cpu-ns/op") }
}

func cpuTime(b *testing.B) int64 {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return r.Utime.Nano() + r.Stime.Nano()
}
