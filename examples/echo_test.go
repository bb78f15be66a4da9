package examples

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

func TestEcho(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	e := start(t, "echo", nil, "127.0.0.1:7007", address)
	e.want("GET", "/", 200, "0 clients of echo\n")
	one, two := dial(t, address), dial(t, address)
	for i := range 100 {
		for _, c := range []net.Conn{one, two} {
			text := strings.Repeat(fmt.Sprintf("%d\n", i), 200)
			fmt.Fprint(c, text)
			b := make([]byte, len(text))
			if _, err := io.ReadFull(c, b); err != nil || string(b) != text {
				t.Fatalf("%q, %v", b, err)
			}
		}
	}
	e.want("GET", "/", 200, "2 clients of echo\n")
	one.Close()
	eventually(t, "one client", func() bool { _, body := e.ask("GET", "/"); return body == "1 clients of echo\n" })
	two.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(two); len(b) > 0 || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	eventually(t, "no client", func() bool { _, body := e.ask("GET", "/"); return body == "0 clients of echo\n" })
	e.crash("echo")
	eventually(t, "another one", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		defer c.Close()
		fmt.Fprint(c, "x")
		b := make([]byte, 1)
		_, err = io.ReadFull(c, b)
		return err == nil
	})
}
