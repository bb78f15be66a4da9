package luahttpd

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// room is an actor with WebSocket connections: a text to say goes to all of them. Each is read by a
// coroutine of its own.
const room = `
	local actor = require "actor"
	local all = {}
	local function serve(sock)
		sock:settimeouts(1000, 10000, 86400000)
		while true do
			local head = sock:receive(6)
			if not head then break end
			local size = head:byte(2) % 128
			if size > 125 or size > 0 and not sock:receive(size) then break end
		end
		all[sock] = nil
		sock:close()
	end
	actor.on {
		cast = {
			socket = function(sock)
				all[sock] = true
				actor.fork(serve, sock)
			end,
			say = function(text)
				local frame = "\129" .. string.char(#text) .. text
				for sock in pairs(all) do sock:send(frame) end
			end,
		},
		call = { count = function() local n = 0 for _ in pairs(all) do n = n + 1 end return n end },
	}`

var roomScripts = map[string]string{
	"start": `for id = 0, 1 do actor.spawn(function() ` + room + ` end, { name = "room" .. id, worker = id, mailbox = 1e6 }) end`,
	"ws": `local accept = ngx.encode_base64(ngx.sha1_bin(ngx.var.http_sec_websocket_key .. "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		local sock = assert(ngx.req.socket(true))
		sock:send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " .. accept .. "\r\n\r\n")
		assert(sock:give("room" .. ngx.worker.id()))`,
	"say":   `for id = 0, 1 do actor.send("room" .. id, "say", ngx.var.arg_text) end`,
	"count": `ngx.print(actor.call("room0", "count") + actor.call("room1", "count"))`,
}

// TestBroadcast has many WebSocket clients connected to two actors and sends all of them a message,
// again and again. It tells how long that takes until the last one has it and how much memory the
// server has taken for the connections. LUAHTTPD_CLIENTS is how many; they are another process.
func TestBroadcast(t *testing.T) {
	clients, _ := strconv.Atoi(os.Getenv("LUAHTTPD_CLIENTS"))
	if clients <= 0 {
		clients = 50
	} else if os.Getenv("LUAHTTPD_BROADCAST") != "" {
		broadcastClients(t, clients)
		return
	}
	raiseFiles(t, clients)
	locations, listens := "", ""
	for name, text := range roomScripts {
		locations += "location /" + name + " { content_by_lua_block { local actor = require 'actor'\n" + text + "\n} }\n"
	}
	for i := range 1 + clients/20000 { // an address has no more ports than 28,000
		listens += fmt.Sprintf("listen 127.0.0.%d:0; ", i+1)
	}
	s, err := Parse(strings.NewReader(fmt.Sprintf(`worker_processes 2; events { worker_connections %d; } error_log stderr crit;
		http { access_log off; lua_socket_log_errors off; server { %s %s } }`, clients+100, listens, locations)), WithStderr(os.Stderr))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fetch(t, s.Addr(), "/start")
	before := resident(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestBroadcast$", "-test.v")
	var addrs []string
	for _, a := range s.Addrs() {
		addrs = append(addrs, a.String())
	}
	cmd.Env = append(os.Environ(), "LUAHTTPD_BROADCAST="+strings.Join(addrs, " "), fmt.Sprint("LUAHTTPD_CLIENTS=", clients))
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		text := lines.Text()
		switch {
		case strings.HasPrefix(text, "parked"):
			if n := fetch(t, s.Addr(), "/count"); n != fmt.Sprint(clients) {
				t.Errorf("%s connections are there", n)
			}
			debug.FreeOSMemory()
			taken := resident(t) - before
			t.Logf("%d connections: %d MB, %d bytes each", clients, taken>>20, taken/clients)
			io.WriteString(in, "go\n")
		case strings.HasPrefix(text, "result "):
			t.Log(strings.TrimPrefix(text, "result "))
		case strings.Contains(text, "broadcast_test.go"):
			t.Error(text)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// raiseFiles has the process open as many files as n connections need.
func raiseFiles(t *testing.T, n int) {
	want := uint64(n + 1000)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if old.Cur >= want {
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: want, Max: max(want, old.Max)}); err != nil {
		t.Skipf("%d open files: %v", want, err)
	}
}

// resident is the memory of this process in bytes.
func resident(t *testing.T) int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(b))[1])
	return pages * os.Getpagesize()
}

// broadcastClients is the other process.
func broadcastClients(t *testing.T, n int) {
	raiseFiles(t, n)
	addrs := strings.Fields(os.Getenv("LUAHTTPD_BROADCAST"))
	conns := make([]net.Conn, n)
	start := time.Now()
	var all sync.WaitGroup
	next := make(chan int)
	for range 64 {
		all.Go(func() {
			for i := range next {
				conns[i] = upgrade(t, addrs[i%len(addrs)])
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	if t.Failed() {
		return
	}
	connected := time.Since(start)
	fmt.Println("parked")
	bufio.NewReader(os.Stdin).ReadString('\n')
	const rounds = 10
	got := make(chan int, n)
	for _, c := range conns {
		go func() {
			frame := make([]byte, 66)
			for round := range rounds {
				if _, err := io.ReadFull(c, frame); err != nil || string(frame) != "\x81\x40"+message(round) {
					t.Errorf("%q, %v", frame, err)
					return
				}
				got <- round
			}
		}()
	}
	a, _ := net.ResolveTCPAddr("tcp", addrs[0])
	var times []time.Duration
	for round := range rounds {
		begun := time.Now()
		fetch(t, a, "/say?text="+message(round))
		limit := time.After(30 * time.Second)
		for i := range n {
			select {
			case <-got:
			case <-limit:
				t.Fatalf("%d of %d have got message %d", i, n, round)
			}
		}
		times = append(times, time.Since(begun).Round(100*time.Microsecond))
	}
	slices.Sort(times)
	fmt.Printf("result %d clients got %d messages each, none lost: median %v, slowest %v; connected in %v\n", n, rounds, times[rounds/2], times[rounds-1],
		connected.Round(time.Millisecond))
}

func message(round int) string { return fmt.Sprintf("%064d", round) }

// upgrade connects a WebSocket client.
func upgrade(t *testing.T, addr string) net.Conn {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return nil
	}
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", key)
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
	got := make([]byte, len(want))
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err = io.ReadFull(c, got); err == nil && string(got) != want {
		err = errors.New("not the answer of a WebSocket server")
	}
	if err != nil {
		t.Errorf("%q: %v", got, err)
	}
	c.SetReadDeadline(time.Time{})
	return c
}
