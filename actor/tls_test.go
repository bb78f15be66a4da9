package actor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
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

// crypto/tls runs on parked descriptors: client and server are coroutines of one worker, which would stand still if any of
// it blocked.
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
