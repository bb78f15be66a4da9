package actor

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func listenOn(t testing.TB, w *Worker, a Addr, on func(*FD, Addr)) *Listener {
	t.Helper()
	l, err := Listen(a, ListenOptions{NoDelay: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Call(func() { err = w.Accept(l, on, func(err error) { t.Errorf("accept: %v", err) }) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Call(func() { w.Unaccept(l) })
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func loopback() Addr { return IP(netip.MustParseAddrPort("127.0.0.1:0")) }

// echo serves one connection.
func echo(w *Worker) func(*FD, Addr) {
	return func(f *FD, _ Addr) {
		w.Go(func() {
			defer f.Close()
			io.Copy(struct{ io.Writer }{f}, struct{ io.Reader }{f})
		})
	}
}

func TestDialAndAccept(t *testing.T) {
	w := run(t)
	for name, a := range map[string]Addr{
		"tcp4":     loopback(),
		"tcp6":     IP(netip.MustParseAddrPort("[::1]:0")),
		"unix":     Unix(filepath.Join(t.TempDir(), "s")),
		"abstract": Unix("@luahttpd-test-" + strings.ReplaceAll(t.TempDir(), "/", "-")),
	} {
		t.Run(name, func(t *testing.T) {
			var from Addr
			l := listenOn(t, w, a, func(f *FD, peer Addr) {
				from = peer
				echo(w)(f, peer)
			})
			if !a.IsUnix() && l.Addr().Port() == 0 {
				t.Error("no port")
			}
			in(t, w, func() {
				f, err := w.Dial(l.Addr(), DialOptions{Timeout: time.Second})
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				f.Write([]byte("hello"))
				buf := make([]byte, 8)
				n, err := f.Read(buf)
				if string(buf[:n]) != "hello" {
					t.Errorf("%q, %v", buf[:n], err)
				}
				local, err := f.Local()
				if local != from || err != nil {
					t.Errorf("the peer saw %v, the socket is %v (%v)", from, local, err)
				}
				if peer, err := f.Peer(); peer != l.Addr() || err != nil {
					t.Errorf("the peer is %v, %v", peer, err)
				}
				if f.RemoteAddr().String() == "" {
					t.Error("no address")
				}
			})
		})
	}
}

func TestDialErrors(t *testing.T) {
	w := run(t)
	l, err := Listen(loopback(), ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for name, c := range map[string]struct {
		to   Addr
		o    DialOptions
		want error
	}{
		"nobody listens":  {l.Addr(), DialOptions{}, syscall.ECONNREFUSED},
		"no unix socket":  {Unix(filepath.Join(t.TempDir(), "none")), DialOptions{}, syscall.ENOENT},
		"path too long":   {Unix(strings.Repeat("x", 200)), DialOptions{}, syscall.ENAMETOOLONG},
		"not our address": {l.Addr(), DialOptions{Local: IP(netip.MustParseAddrPort("192.0.2.1:0"))}, syscall.EADDRNOTAVAIL},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, w, func() {
				f, err := w.Dial(c.to, c.o)
				if f != nil || !errors.Is(err, c.want) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// full is a listener whose queue is full: connecting to it gets no answer.
func full(t *testing.T) Addr {
	l, err := Listen(loopback(), ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	unix.Listen(l.fd, 0)
	var held []net.Conn
	t.Cleanup(func() {
		l.Close()
		for _, c := range held {
			c.Close()
		}
	})
	for range 16 {
		c, err := net.DialTimeout("tcp", l.Addr().String(), 50*time.Millisecond)
		if err != nil {
			return l.Addr()
		}
		held = append(held, c)
	}
	t.Skip("the queue does not get full")
	return Addr{}
}

func TestDialTimeoutAndKill(t *testing.T) {
	w := run(t)
	to := full(t)
	in(t, w, func() {
		if f, err := w.Dial(to, DialOptions{Timeout: 10 * time.Millisecond}); f != nil || err != ErrTimeout {
			t.Errorf("%v", err)
		}
		co := w.Go(func() { w.Dial(to, DialOptions{}) })
		co.Kill()
		if w.FDs() != 0 || !co.Dead() {
			t.Errorf("%d descriptors are left", w.FDs())
		}
	})
}

func TestDialFromAnAddress(t *testing.T) {
	w := run(t)
	var from Addr
	l := listenOn(t, w, loopback(), func(f *FD, peer Addr) { from = peer; f.Close() })
	in(t, w, func() {
		f, err := w.Dial(l.Addr(), DialOptions{Local: IP(netip.MustParseAddrPort("127.0.0.9:0"))})
		if err != nil {
			t.Fatal(err)
		}
		f.Read(make([]byte, 1))
		f.Close()
	})
	if from.AddrPort.Addr().String() != "127.0.0.9" {
		t.Errorf("from %v", from)
	}
}

func TestDatagrams(t *testing.T) {
	w := run(t)
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	local, err := net.ListenPacket("unixgram", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		at net.PacketConn
		to Addr
	}{
		"udp":  {udp, IP(udp.LocalAddr().(*net.UDPAddr).AddrPort())},
		"unix": {local, Unix(local.LocalAddr().String())},
	} {
		t.Run(name, func(t *testing.T) {
			defer c.at.Close()
			go func() {
				buf := make([]byte, 100)
				for {
					n, from, err := c.at.ReadFrom(buf)
					if err != nil {
						return
					}
					c.at.WriteTo(buf[:n], from)
				}
			}()
			in(t, w, func() {
				f, err := w.DialUDP(c.to, DialOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				f.SetReadTimeout(5 * time.Second)
				// A short read does not mean that there is no other datagram.
				for _, s := range []string{"one", "three"} {
					f.Write([]byte(s))
				}
				w.Current().Sleep(5 * time.Millisecond)
				buf := make([]byte, 100)
				for _, s := range []string{"one", "three"} {
					if n, err := f.Read(buf); string(buf[:n]) != s {
						t.Errorf("%q, %v", buf[:n], err)
					}
				}
			})
		})
	}
}

func TestAcceptPausesWithoutDescriptors(t *testing.T) {
	failed := make(chan error, 8)
	deny := true
	w := runWith(t, func(w *Worker) {
		accept := w.Syscalls.Accept
		w.Syscalls.Accept = func(fd int) (int, Addr, syscall.Errno) {
			if deny {
				return -1, Addr{}, syscall.EMFILE
			}
			return accept(fd)
		}
	})
	l, err := Listen(loopback(), ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w.Call(func() { err = w.Accept(l, echo(w), func(err error) { failed <- err }) })
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := <-failed; !errors.Is(err, syscall.EMFILE) {
		t.Error(err)
	}
	w.Call(func() { deny = false })
	begin := time.Now()
	io.WriteString(c, "x")
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d < acceptPause/2 {
		t.Errorf("after %v", d)
	}
	w.Call(func() { w.Unaccept(l) })
	if len(failed) != 0 {
		t.Error("it failed more than once")
	}
}

func TestListenerFrom(t *testing.T) {
	w := run(t)
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := ListenerFrom(nl.(*net.TCPListener))
	if err != nil {
		t.Fatal(err)
	}
	nl.Close()
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if l, err = ListenerFrom(file); err != nil {
		t.Fatal(err)
	}
	file.Close()
	w.Call(func() { err = w.Accept(l, echo(w), nil) })
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "x")
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	c.Close()
	w.Call(func() { w.Unaccept(l) })
	l.Close()
	plain, _ := os.Open(os.DevNull)
	defer plain.Close()
	if _, err := ListenerFrom(plain); err == nil {
		t.Error("no error for a file")
	}
}

func TestListenErrors(t *testing.T) {
	l, err := Listen(loopback(), ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(l.Addr(), ListenOptions{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Error(err)
	}
	o := ListenOptions{ReusePort: true, DeferAccept: true, NoDelay: true, FastOpen: 5, Backlog: 9, Rcvbuf: 1 << 16, Sndbuf: 1 << 16,
		KeepAlive: KeepAlive{On: true, Idle: time.Minute, Interval: time.Second, Count: 3}}
	a, err := Listen(loopback(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := Listen(a.Addr(), o)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
}

// Whoever the kernel wakes, the workers get about the same number of connections.
func TestWorkersEvenOut(t *testing.T) {
	workers := runs(t, 3, func(*Worker) {})
	l, err := Listen(loopback(), ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		w.Call(func() { err = w.Accept(l, echo(w), nil) })
		if err != nil {
			t.Fatal(err)
		}
	}
	const n = 60
	var conns []net.Conn
	for range n {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	for _, c := range conns { // each is served
		io.WriteString(c, "x")
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	sum := 0
	for _, w := range workers {
		c := w.Connections()
		sum += c
		if c < n/3-6 || c > n/3+8 {
			t.Errorf("worker %d has %d of %d connections", w.ID(), c, n)
		}
	}
	if sum != n {
		t.Errorf("%d connections are counted", sum)
	}
	for _, c := range conns {
		c.Close()
	}
	for _, w := range workers {
		until(t, "the connections to close", func() bool { return w.Connections() == 0 })
		w.Call(func() { w.Unaccept(l) })
	}
	l.Close()
}
