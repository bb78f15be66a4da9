package lua

import (
	"crypto/tls"
	"net"
	"testing"
	"time"
)

// helloBytes is the ClientHello of crypto/tls in its record.
func helloBytes(t testing.TB) []byte {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go tls.Client(near, &tls.Config{ServerName: "a.test"}).Handshake()
	far.SetDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 4096)
	n, err := far.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func TestParseHello(t *testing.T) {
	h := parseHello(helloBytes(t))
	name, ok := h.extension(0)
	if !ok || string(name[5:]) != "a.test" || len(h.ciphers) == 0 {
		t.Errorf("name %q %t, %d bytes of ciphers", name, ok, len(h.ciphers))
	}
	if _, ok := h.extension(0x7777); ok {
		t.Error("an extension that is not there")
	}
}

// Whatever comes, the lists end.
func FuzzParseHello(f *testing.F) {
	f.Add(helloBytes(f))
	f.Add([]byte{22, 3, 1, 0, 2, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for _, x := range parseHello(b).extensions {
			n += 4 + len(x.data)
		}
		if n > len(b) {
			t.Errorf("%d bytes of extensions in %d bytes", n, len(b))
		}
	})
}
