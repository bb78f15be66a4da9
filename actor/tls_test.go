package actor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tlsPair is a server's and a client's end on one worker, which would stand still if any of it
// blocked.
func tlsPair(t *testing.T, w *Worker, serve func(*TLS), ask func(*TLS)) {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	l := listenOn(t, w, loopback(), func(f *FD, _ Addr) {
		w.Go(func() {
			c := f.ServerTLS(config)
			defer c.Close()
			serve(c)
		})
	})
	in(t, w, func() {
		f, err := w.Dial(l.Addr(), DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c := f.ClientTLS(&tls.Config{InsecureSkipVerify: true, ServerName: "test"})
		defer c.Close()
		ask(c)
	})
}

func TestTLSTransfer(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	file := filepath.Join(t.TempDir(), "data")
	os.WriteFile(file, data, 0o600)
	for _, lens := range []struct {
		name string
		size int
		use  func(*Worker)
	}{
		{"kernel", len(data), func(*Worker) {}},
		{"onebyte", 3000, func(w *Worker) { w.Syscalls = OneByte() }},
	} {
		data := data[:lens.size]
		for name, send := range map[string]func(*TLS) error{
			"write":  func(c *TLS) error { _, err := c.Write(data); return err },
			"writev": func(c *TLS) error { _, err := c.Writev([][]byte{data[:1], nil, data[1:500], data[500:]}); return err },
			"sendfile": func(c *TLS) error {
				f, err := os.Open(file)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = c.SendFile(f, 0, int64(len(data)))
				return err
			},
		} {
			t.Run(lens.name+"/"+name, func(t *testing.T) {
				w := runWith(t, lens.use)
				tlsPair(t, w, func(c *TLS) {
					if _, err := io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}); err != nil {
						t.Errorf("server: %v", err)
					}
				}, func(c *TLS) {
					if err := c.Handshake(); err != nil {
						t.Fatal(err)
					}
					if !c.State().HandshakeComplete {
						t.Error("no state")
					}
					writer := w.Go(func() {
						if err := send(c); err != nil {
							t.Errorf("client: %v", err)
						}
						if err := c.CloseWrite(); err != nil {
							t.Errorf("client: %v", err)
						}
					})
					got, err := io.ReadAll(c)
					if err != nil || !bytes.Equal(got, data) {
						t.Errorf("%d other bytes came back (%v)", len(got), err)
					}
					for !writer.Dead() {
						w.Current().Sleep(time.Millisecond)
					}
				})
			})
		}
	}
}

// Two records come with one read: the second is not forgotten when the connection waits without a
// coroutine.
func TestTLSOnReadableCountsWhatIsBuffered(t *testing.T) {
	w := run(t)
	sent := false
	tlsPair(t, w, func(c *TLS) {
		c.Handshake()
		f := c.FD()
		w := f.Worker()
		for !sent {
			w.Current().Sleep(time.Millisecond)
		}
		w.Current().Sleep(5 * time.Millisecond) // both are here
		buf := make([]byte, 100)
		n, err := c.Read(buf)
		if string(buf[:n]) != "one" {
			t.Errorf("%q, %v", buf[:n], err)
		}
		co := w.Current()
		token := co.Token()
		c.OnReadable(TaskFunc(func(*Worker) { co.ResumeIf(token) }))
		co.ParkOn(token)
		n, err = c.TryRead(buf)
		if string(buf[:n]) != "two" {
			t.Errorf("%q, %v", buf[:n], err)
		}
		if _, err := c.TryRead(buf); err != ErrWouldBlock {
			t.Errorf("then %v", err)
		}
		if c.in != nil {
			t.Error("it holds a buffer for nothing")
		}
		c.Write([]byte("done"))
	}, func(c *TLS) {
		c.Handshake()
		// Both records leave with one system call.
		c.conn.Write([]byte("one"))
		c.conn.Write([]byte("two"))
		c.flush(true)
		sent = true
		c.FD().SetReadTimeout(5 * time.Second)
		if _, err := c.Read(make([]byte, 10)); err != nil {
			t.Errorf("client: %v", err)
		}
	})
}

func TestTLSTimeoutLosesNothing(t *testing.T) {
	w := run(t)
	tlsPair(t, w, func(c *TLS) {
		c.Handshake()
		c.FD().Worker().Current().Sleep(20 * time.Millisecond)
		c.Write([]byte("late"))
		c.Read(make([]byte, 1))
	}, func(c *TLS) {
		c.FD().SetReadTimeout(5 * time.Second)
		c.Handshake()
		c.FD().SetReadTimeout(time.Millisecond)
		buf := make([]byte, 10)
		if _, err := c.Read(buf); !errors.Is(err, ErrTimeout) {
			t.Errorf("%v", err)
		}
		c.FD().SetReadTimeout(5 * time.Second)
		n, err := c.Read(buf)
		if string(buf[:n]) != "late" {
			t.Errorf("%q, %v", buf[:n], err)
		}
	})
}

func TestTLSBusyAndKilled(t *testing.T) {
	w := run(t)
	stop := false
	tlsPair(t, w, func(c *TLS) {
		c.Handshake()
		for !stop {
			c.FD().Worker().Current().Sleep(time.Millisecond)
		}
	}, func(c *TLS) {
		shaker := w.Go(func() {
			if err := c.Handshake(); err != nil {
				t.Error(err)
			}
		})
		if _, err := c.Write([]byte("x")); err != ErrBusy {
			t.Errorf("a write during the handshake: %v", err)
		}
		for !shaker.Dead() {
			w.Current().Sleep(time.Millisecond)
		}
		reader := w.Go(func() { c.Read(make([]byte, 1)) })
		writer := w.Go(func() { c.Write(make([]byte, 8<<20)) })
		if _, err := c.Read(make([]byte, 1)); err != ErrBusy {
			t.Errorf("a second reader: %v", err)
		}
		if _, err := c.Write([]byte("x")); err != ErrBusy {
			t.Errorf("a second writer: %v", err)
		}
		reader.Kill()
		writer.Kill()
		if !reader.Dead() || !writer.Dead() || c.reading || c.writing {
			t.Error("they are not gone")
		}
		stop = true
	})
}

// What a client has sent that does not speak TLS is not lost.
func TestTLSOfPlainText(t *testing.T) {
	w := run(t)
	done := make(chan bool)
	l := listenOn(t, w, loopback(), func(f *FD, _ Addr) {
		w.Go(func() {
			defer close(done)
			c := f.ServerTLS(&tls.Config{Certificates: []tls.Certificate{certificate(t)}})
			defer c.Close()
			err := c.Handshake()
			var not *NotTLS
			if !errors.As(err, &not) || string(not.Received) != "GET / HTTP/1.0\r\n\r\n" {
				t.Errorf("%v", err)
			}
		})
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	<-done
}

// crypto/tls runs on parked descriptors: client and server are coroutines of one worker, which
// would stand still if any of it blocked.
func TestTLS(t *testing.T) {
	cert := certificate(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	for _, lens := range []struct {
		name string
		size int
		use  func(*Worker)
	}{
		{"kernel", len(data), func(*Worker) {}},
		{"onebyte", 2000, func(w *Worker) { w.Syscalls.Read = OneByte().Read; w.Syscalls.Partial = true }},
	} {
		t.Run(lens.name, func(t *testing.T) {
			w := runWith(t, lens.use)
			l := listenOn(t, w, loopback(), func(f *FD, _ Addr) {
				w.Go(func() {
					c := tls.Server(f.Conn(), &tls.Config{Certificates: []tls.Certificate{cert}})
					defer c.Close()
					if _, err := io.Copy(c, c); err != nil {
						t.Errorf("server: %v", err)
					}
				})
			})
			in(t, w, func() {
				f, err := w.Dial(l.Addr(), DialOptions{})
				if err != nil {
					t.Fatal(err)
				}
				c := tls.Client(f.Conn(), &tls.Config{InsecureSkipVerify: true, ServerName: "test"})
				defer c.Close()
				data, got := data[:lens.size], make([]byte, lens.size)
				if err := c.Handshake(); err != nil { // here, for the two below would wait for its mutex
					t.Fatal(err)
				}
				w.Go(func() {
					if _, err := c.Write(data); err != nil {
						t.Errorf("client: %v", err)
					}
				})
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, data) {
					t.Errorf("other bytes came back (%v)", err)
				}
			})
		})
	}
}
