package luahttpd

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hub is an actor with every connection that it is given, one on each worker: a line that a client
// sends goes to all of them. "bye" gives the connection to the other hub, "end" ends it.
const hub = `
	local actor = require "actor"
	local id = ngx.worker.id()
	local all, n = {}, 0
	local function serve(sock)
		sock:settimeout(60000)
		while true do
			local line = sock:receive()
			if not line then
				all[sock] = nil
				sock:close()
				return
			end
			if line == "bye" then
				all[sock] = nil
				assert(sock:give("hub" .. 1 - id, "socket", "moved"))
				assert(select(2, sock:send("x")) == "closed")
				return
			end
			if line == "end" then actor.exit("enough") end
			for s, name in pairs(all) do s:send(name .. "@" .. id .. ": " .. line .. "\n") end
		end
	end
	actor.on {
		cast = {
			socket = function(sock, name)
				all[sock] = name
				sock:send("welcome " .. name .. "\n")
				actor.fork(serve, sock)
			end,
			say = function(text) for s in pairs(all) do s:send(text .. "\n") end end,
		},
		call = { count = function() local n = 0 for _ in pairs(all) do n = n + 1 end return n end },
	}`

var hubScripts = map[string]string{
	"start": `for id = 0, 1 do actor.spawn(function() ` + hub + ` end, { name = "hub" .. id, worker = id, restart = false }) end`,
	"join": `local sock = assert(ngx.req.socket(true))
		assert(sock:send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: lines\r\nConnection: upgrade\r\n\r\n"))
		local first = ngx.var.arg_peek and sock:receive(2)
		assert(sock:give("hub" .. ngx.var.arg_to, nil, ngx.var.arg_name))
		assert(select(2, sock:give("hub0")) == "closed")
		assert(select(2, sock:receive()) == "closed")`,
	"say":   `actor.send("hub" .. ngx.var.arg_to, "say", ngx.var.arg_text) ngx.print("ok")`,
	"count": `ngx.print(actor.call("hub" .. ngx.var.arg_to, "count"))`,
	"seen":  `ngx.print(actor.call("hub0", "count"), " ", actor.call("hub1", "count"))`,
}

// lines is a client that has been upgraded.
type lines struct {
	net.Conn
	*bufio.Reader
}

func join(t testing.TB, c net.Conn, path, behind string) lines {
	t.Helper()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: lines\r\nConnection: upgrade\r\n\r\n%s", path, behind)
	l := lines{c, bufio.NewReader(c)}
	for line := "x"; line != ""; {
		b, err := l.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimRight(b, "\r\n")
	}
	return l
}

func (l lines) Read(p []byte) (int, error) { return l.Reader.Read(p) }

func (l lines) want(t testing.TB, want string) {
	t.Helper()
	got, err := l.ReadString('\n')
	if got != want+"\n" {
		t.Fatalf("%q %v, want %q", got, err, want)
	}
}

func connectTo(t testing.TB, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Connections outlive their requests in actors of whichever worker, with what had been received, and
// are pushed to from anywhere.
func TestSocketGive(t *testing.T) {
	dir := t.TempDir()
	newAuthority(t, dir)
	for _, kind := range []string{"plain", "tls"} {
		t.Run(kind, func(t *testing.T) {
			ssl, open := "", connectTo
			if kind == "tls" {
				ssl = "ssl; ssl_certificate " + dir + "/ca.crt; ssl_certificate_key " + dir + "/ca.key"
				open = func(t testing.TB, s *Server) net.Conn {
					return tls.Client(connectTo(t, s), &tls.Config{InsecureSkipVerify: true})
				}
			}
			s := hubServer(t, ssl)
			get := func(path string) string { return ask(t, open(t, s), path) }
			get("/start")
			var all []lines
			for i := range 20 {
				c := join(t, open(t, s), fmt.Sprintf("/join?to=%d&name=c%d", i%2, i), "")
				c.want(t, fmt.Sprintf("welcome c%d", i))
				all = append(all, c)
			}
			if got := get("/count?to=0"); got != "10" {
				t.Errorf("%q connections", got)
			}
			get("/say?to=0&text=hello")
			for i := 0; i < 20; i += 2 {
				all[i].want(t, "hello")
			}
			fmt.Fprint(all[1], "one\n")
			for i := 1; i < 20; i += 2 {
				all[i].want(t, fmt.Sprintf("c%d@1: one", i))
			}
			// To the other actor, with what is behind.
			fmt.Fprint(all[1], "bye\nback\n")
			all[1].want(t, "welcome moved")
			all[1].want(t, "moved@0: back")
			all[2].want(t, "c2@0: back")
			// What came with the request and was not read.
			c := join(t, open(t, s), "/join?to=1&name=late&peek=1", "xxpipelined\nand ")
			c.want(t, "welcome late")
			c.want(t, "late@1: pipelined")
			fmt.Fprint(c, "more\n")
			c.want(t, "late@1: and more")
			// A client that goes away, and an actor that ends.
			all[4].Close()
			for range 500 {
				if get("/count?to=0") == "10" {
					break
				}
				time.Sleep(2 * time.Millisecond)
			}
			fmt.Fprint(c, "end\n")
			if rest, err := io.ReadAll(c); len(rest) > 0 && !strings.Contains(string(rest), "@1") || err != nil {
				t.Errorf("%q, %v", rest, err)
			}
			for _, w := range s.workers {
				w.loop.Call(func() {
					if w.conns > 2 {
						t.Errorf("%d connections are the server's", w.conns)
					}
				})
			}
		})
	}
}

func hubServer(t testing.TB, ssl string) *Server {
	t.Helper()
	locations := ""
	for name, text := range hubScripts {
		locations += "location /" + name + " { content_by_lua_block { local actor = require 'actor'\n" + text + "\n} }\n"
	}
	log := &strings.Builder{}
	s, err := Parse(strings.NewReader(fmt.Sprintf(`worker_processes 2; events { worker_connections 30000; } error_log stderr crit; http {
		access_log off; lua_max_execution_time 0; server { listen 127.0.0.1:0 %s; %s } }`, ssl, locations)), WithStderr(log))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if log.Len() > 0 {
			t.Errorf("%s", log)
		}
	})
	return s
}

// ask gets what a path answers over a connection.
func ask(t testing.TB, c net.Conn, path string) string {
	t.Helper()
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(c, "GET %s HTTP/1.0\r\n\r\n", path)
	b, err := io.ReadAll(c)
	_, text, ok := strings.Cut(string(b), "\r\n\r\n")
	if !ok {
		t.Errorf("%q, %v", b, err)
	}
	return text
}

// A socket that its actor does not take, or that nobody waits for, is closed.
func TestSocketGiveLost(t *testing.T) {
	s := actorServer(t, 2, "", map[string]string{
		"start": `for id = 0, 1 do actor.spawn(function()
				local actor = require "actor"
				local kept
				actor.on { cast = { keep = function(sock) kept = sock sock:send("kept\n") end }, call = {
					back = function() assert(kept:give(nil, nil, "here")) kept = nil end,
					late = function() ngx.sleep(0.05) local ok, err = kept:give() assert(not ok and err == "ECANCELLED") kept:send("still\n") end,
				} }
			end, { name = "a" .. id, worker = id }) end
			actor.spawn(function() require("actor").on { call = { nap = function() ngx.sleep(0.2) end } } end,
				{ name = "full", mailbox = 1, serial = true })`,
		"give": `local sock = assert(ngx.req.socket(true))
			sock:send("HTTP/1.1 200 OK\r\n\r\n")
			assert(sock:give(ngx.var.arg_to, ngx.var.arg_cmd))`,
		"refused": `local sock = assert(ngx.req.socket(true))
			sock:send("HTTP/1.1 200 OK\r\n\r\n")
			actor.send("full", "nap") ngx.sleep(0.01) actor.send("full", "nap")
			local ok, err = sock:give("full", "nap")
			sock:send(tostring(ok) .. err .. "\n")
			ok, err = sock:give("nobody")
			sock:send(tostring(ok) .. err .. "\n")
			ok, err = actor.pcall("a0", "x", sock)
			sock:send(err.code .. err.msg .. "\n")
			ok, err = pcall(sock.give, sock)
			sock:send(tostring(err):match("there is no call to answer") .. "\n")`,
		"back": `local sock, text = actor.call("a" .. ngx.var.arg_of, "back")
			sock:send(text .. " " .. sock:receive() .. "\n")`,
		"late": `local ok, err = actor.pcall({ "a1", timeout = 0.01 }, "late") ngx.print(err.code)`,
	})
	fetch(t, s.Addr(), "/start")
	// Without a handler.
	c := join(t, connectTo(t, s), "/give?to=a0&cmd=nothing", "")
	if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	c = join(t, connectTo(t, s), "/refused", "")
	for _, want := range []string{"nilEOVERFLOW", "nilENOACTOR", "ETYPEa socket cannot be sent but by its method give", "there is no call to answer"} {
		c.want(t, want)
	}
	if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	// Given back to a request, which closes it.
	for of := range 2 {
		c = join(t, connectTo(t, s), fmt.Sprintf("/give?cmd=keep&to=a%d", of), "")
		c.want(t, "kept")
		fmt.Fprint(c, "again\n")
		fetch(t, s.Addr(), fmt.Sprintf("/back?of=%d", of))
		c.want(t, "here again")
		if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
			t.Errorf("%q, %v", rest, err)
		}
	}
	// The caller has not waited: the actor still has it.
	c = join(t, connectTo(t, s), "/give?cmd=keep&to=a1", "")
	c.want(t, "kept")
	if got := fetch(t, s.Addr(), "/late"); got != "ETIMEOUT" {
		t.Errorf("%q", got)
	}
	c.want(t, "still")
}

// An actor that listens is reached during reloads and after a crash, on all workers.
func TestActorListenReload(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(dir+"/echo.lua", []byte(`
		local actor, args = require "actor", ...
		assert(actor.listen(args.at, function(sock)
			local line = sock:receive()
			if line == "crash" then actor.fork(function() actor.kill(actor.self(), "crash") end) return end
			sock:send(line .. "\n")
			sock:close()
		end))`), 0o600)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	text := `worker_processes 2; events {} error_log stderr crit; http { actor echo echo.lua workers=all restart=1000 at=` + address + `;
		server { listen 127.0.0.1:0; location /seen { content_by_lua_block {
			local actor = require "actor"
			ngx.print(tostring(actor.whereis("echo.0") and actor.whereis("echo.1") and true)) } } } }`
	ts := startServer(t, text, dir)
	echo := func(text string) error {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintln(c, text)
		got, err := io.ReadAll(c)
		if string(got) != text+"\n" {
			return fmt.Errorf("%q, %v", got, err)
		}
		return nil
	}
	stop, ended := make(chan bool), make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				ended <- n
				return
			default:
			}
			// The actor that has accepted it may end.
			if err := echo("hello"); errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%d: %v", n, err)
			}
		}
	}()
	for range 5 {
		if err := ts.Reload(); err != nil {
			t.Error(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	close(stop)
	if n := <-ended; n == 0 {
		t.Error("no connection")
	}
	for range 10 {
		echo("crash") // its connection is closed
		eventually(t, ts.Server, "true")
		if err := echo("again"); err != nil {
			t.Error(err)
		}
	}
}

// Numbers of skynet.socket are those of every worker: a service takes a connection from another one.
func TestSkynetSocketWorkers(t *testing.T) {
	agent := `function()
		local actor, socket = require "actor", require "skynet.socket"
		local function echo(id)
			if not socket.start(id) then return end
			while true do
				local line = socket.readline(id)
				if not line then return socket.close(id) end
				socket.write(id, ngx.worker.id() .. line .. "\n")
			end
		end
		actor.on { cast = { take = function(id) actor.fork(echo, id) end } }
	end`
	s := actorServer(t, 2, "", map[string]string{"start": `
		for id = 0, 1 do actor.spawn(` + agent + `, { name = "agent" .. id, worker = id }) end
		actor.spawn(function()
			local actor, socket = require "actor", require "skynet.socket"
			local id, address, port = socket.listen("127.0.0.1", 0)
			local last
			socket.start(id, function(id)
				last = id
				actor.send("agent0", "take", id)
			end)
			actor.on { call = { port = function() return port end, last = function() return last end } }
		end, { name = "gate" })
		ngx.print(actor.call("gate", "port"))`,
		"move": `actor.send("agent" .. ngx.var.arg_to, "take", actor.call("gate", "last"))`,
	})
	port := fetch(t, s.Addr(), "/start")
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	l := lines{c, bufio.NewReader(c)}
	fmt.Fprint(c, "x\n")
	l.want(t, "0x")
	for i := range 20 {
		fetch(t, s.Addr(), fmt.Sprintf("/move?to=%d", 1-i%2))
		for { // until it has moved
			fmt.Fprint(c, "y\n")
			got, err := l.ReadString('\n')
			if got == fmt.Sprintf("%dy\n", 1-i%2) {
				break
			}
			if err != nil || got != fmt.Sprintf("%dy\n", i%2) {
				t.Fatalf("%q, %v", got, err)
			}
		}
	}
}
