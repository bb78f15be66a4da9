package examples

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// websocket is a client.
type websocket struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

func open(t *testing.T, address, path string) *websocket {
	t.Helper()
	c := dial(t, address)
	w := &websocket{c, bufio.NewReader(c), t}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path, address)
	resp, err := http.ReadResponse(w.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Sec-WebSocket-Accept"); resp.StatusCode != 101 || got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("%d, %q", resp.StatusCode, got)
	}
	return w
}

// send writes a frame, masked with nothing.
func (w *websocket) send(opcode byte, data string) {
	head := []byte{0x80 | opcode, 0x80 | byte(len(data))}
	if len(data) > 125 {
		head = binary.BigEndian.AppendUint16([]byte{0x80 | opcode, 0x80 | 126}, uint16(len(data)))
	}
	w.Write(append(append(head, 0, 0, 0, 0), data...))
}

func (w *websocket) receive() (opcode byte, data string, err error) {
	var head [2]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil {
		return 0, "", err
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var b [2]byte
		io.ReadFull(w.r, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		io.ReadFull(w.r, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	b := make([]byte, n)
	_, err = io.ReadFull(w.r, b)
	return head[0] & 15, string(b), err
}

func (w *websocket) want(name, event, text string) {
	w.t.Helper()
	_, data, err := w.receive()
	var m struct{ Name, Event, Text string }
	json.Unmarshal([]byte(data), &m)
	if m.Name != name || m.Event != event || m.Text != text {
		w.t.Fatalf("%q %v, want %s %s %s", data, err, name, event, text)
	}
}

func TestChat(t *testing.T) {
	e := start(t, "chat", nil)
	enter := func(room, name string) *websocket {
		t.Helper()
		return open(t, e.Addr().String(), "/chat?room="+room+"&name="+url.QueryEscape(name))
	}
	if status, page := e.ask("GET", "/"); status != 200 || !strings.Contains(page, "new WebSocket") {
		t.Errorf("%d %q", status, page)
	}
	if status, _ := e.ask("GET", "/chat?name=x"); status != 400 {
		t.Errorf("%d", status)
	}
	ann := enter("tea", "ann")
	ann.want("ann", "joins", "")
	bob := enter("tea", "bøb")
	bob.want("bøb", "joins", "")
	ann.want("bøb", "joins", "")
	carl := enter("coffee", "carl") // another room
	carl.want("carl", "joins", "")
	for i := range 20 {
		text := fmt.Sprintf("%d <b>\"hé", i)
		from, name := ann, "ann"
		if i%3 == 0 {
			from, name = bob, "bøb"
		}
		from.send(1, text)
		ann.want(name, "", text)
		bob.want(name, "", text)
	}
	ann.send(1, "") // what keeps the connection
	ann.send(9, "there?")
	if opcode, data, err := ann.receive(); opcode != 10 || data != "there?" {
		t.Errorf("%d %q %v", opcode, data, err)
	}
	bob.send(8, "")
	ann.want("bøb", "leaves", "")
	if opcode, _, err := bob.receive(); opcode != 8 {
		t.Errorf("%d %v", opcode, err)
	}
	bob = enter("tea", "bob")
	ann.want("bob", "joins", "")
	bob.Close()
	ann.want("bob", "leaves", "")

	// Who does not read is left behind, and the others do not wait for him.
	slow := enter("tea", "slow")
	ann.want("slow", "joins", "")
	slow.Conn.(*net.TCPConn).SetReadBuffer(4096)
	text, left := strings.Repeat("x", 4000), false
	for i := 0; i < 20000 && !left; i++ {
		ann.send(1, text)
		for said := false; !said && !left; {
			_, data, err := ann.receive()
			if err != nil {
				t.Fatal(i, err)
			}
			left, said = strings.Contains(data, "leaves"), strings.Contains(data, text)
		}
	}
	if !left {
		t.Error("the slow client is still there")
	}
	ann.Close()
	carl.send(1, "alone")
	carl.want("carl", "", "alone")
	// A room that fails loses its members, who come again.
	e.crash("room coffee")
	if opcode, _, err := carl.receive(); opcode != 8 {
		t.Errorf("%d %v", opcode, err)
	}
	carl = enter("coffee", "carl")
	carl.want("carl", "joins", "")
	// So does a reload end what the configuration before has started.
	if err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	if opcode, _, err := carl.receive(); opcode != 8 {
		t.Errorf("%d %v", opcode, err)
	}
	carl = enter("coffee", "carl")
	carl.want("carl", "joins", "")
}
