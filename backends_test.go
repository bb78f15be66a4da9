package luahttpd

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startBackend runs a real server for a test, on a free port of the loopback
// interface with a directory of its own. Without it the test is skipped.
func startBackend(t *testing.T, program string, args func(port string) []string) (port string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed: the tests against it are skipped", program)
	}
	port = strconv.Itoa(freePorts(t, 1)[0])
	said, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args(port)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		said.Close()
	})
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return port
		}
	}
	text, _ := os.ReadFile(said.Name())
	t.Fatalf("%s does not answer: %s", program, text)
	return ""
}

// redisLua is a client of a few lines: call(sock, …) sends a command and
// returns its answer; a table is an array.
const redisLua = `
    local redis = {}
    function redis.open(port)
        local sock = ngx.socket.tcp()
        sock:settimeouts(1000, 1000, 300)
        assert(sock:connect("127.0.0.1", port))
        return sock
    end
    function redis.send(sock, ...)
        local parts = { "*" .. select("#", ...) .. "\r\n" }
        for _, word in ipairs { ... } do
            word = tostring(word)
            parts[#parts + 1] = { "$", #word, "\r\n", word, "\r\n" }
        end
        return sock:send(parts)
    end
    function redis.answer(sock)
        local line, err = sock:receive()
        if not line then return nil, err end
        local kind, rest = line:sub(1, 1), line:sub(2)
        if kind == "$" then
            if rest == "-1" then return ngx.null end
            local value = sock:receive(tonumber(rest))
            sock:receive(2)
            return value
        elseif kind == "*" then
            local list = {}
            for i = 1, tonumber(rest) do list[i] = redis.answer(sock) end
            return list
        elseif kind == ":" then
            return tonumber(rest)
        elseif kind == "-" then
            return false, rest
        end
        return rest
    end
    function redis.call(sock, ...)
        redis.send(sock, ...)
        return redis.answer(sock)
    end
`

// TestRedis talks to a real redis-server through cosockets.
func TestRedis(t *testing.T) {
	port := startBackend(t, "redis-server", func(port string) []string {
		return []string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "."}
	})
	for _, c := range []struct{ name, script, want string }{
		{"values", `local s = redis.open(port) ngx.say(redis.call(s, "set", "k", "a\r\n\0b")) ngx.print(redis.call(s, "get", "k"))
			ngx.say(redis.call(s, "get", "nosuch") == ngx.null, redis.call(s, "incr", "n"), redis.call(s, "nosuch"))`,
			"OK\na\r\n\x00btrue1falseERR unknown command 'nosuch', with args beginning with: \n"},
		{"a large value", `local s, v = redis.open(port), ("x"):rep(3000000) redis.call(s, "set", "big", v) ngx.say(redis.call(s, "get", "big") == v)`, "true\n"},
		{"pipelined", `local s = redis.open(port) for i = 1, 100 do redis.send(s, "rpush", "list", i) end
			for i = 1, 100 do assert(redis.answer(s) == i) end local all = redis.call(s, "lrange", "list", 0, -1) ngx.say(#all, " ", all[100])`, "100 100\n"},
		{"kept connections", `local s = redis.open(port) redis.call(s, "ping") ngx.say(s:setkeepalive(1000, 5)) s = redis.open(port)
			ngx.say(s:getreusedtimes() > 0, redis.call(s, "ping"))`, "1\ntruePONG\n"},
		{"a transaction", `local s = redis.open(port) redis.call(s, "multi") ngx.say(redis.call(s, "incr", "t")) redis.call(s, "incr", "t")
			local r = redis.call(s, "exec") ngx.say(r[1], r[2])`, "QUEUED\n12\n"},
		{"subscribed, full duplex", `local sub, pub = redis.open(port), redis.open(port) redis.call(sub, "subscribe", "c")
			local reader = ngx.thread.spawn(function() return redis.answer(sub) end)
			redis.call(pub, "publish", "c", "hello") local _, m = ngx.thread.wait(reader) ngx.say(m[1], m[2], m[3]) ngx.say(redis.answer(sub))`,
			"messagechello\nniltimeout\n"},
		{"waiting", `local a, b = redis.open(port), redis.open(port) local t = ngx.thread.spawn(function() return redis.call(a, "blpop", "q", 0)[2] end)
			redis.call(b, "rpush", "q", "job") ngx.say(select(2, ngx.thread.wait(t)))`, "job\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts := startServer(t, `events {} http { lua_socket_log_errors off; server { listen 127.0.0.1:0; location / { content_by_lua_block {`+
				redisLua+"local port = "+port+"\nredis.open(port):close()\n"+c.script+"}}}}", t.TempDir())
			for range 2 {
				redisFlush(t, port)
				if got := fetch(t, ts.Addrs()[0], "/"); got != c.want {
					t.Errorf("%q", got)
				}
			}
		})
	}
}

func redisFlush(t *testing.T, port string) {
	t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte("FLUSHALL\r\n"))
	if n, err := c.Read(make([]byte, 16)); n == 0 {
		t.Fatal(err)
	}
}

// TestMemcached talks to a real memcached: through cosockets and memcached_pass.
func TestMemcached(t *testing.T) {
	port := startBackend(t, "memcached", func(port string) []string {
		args := []string{"-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "16"}
		if os.Getuid() == 0 {
			args = append(args, "-u", "root")
		}
		return args
	})
	ts := startServer(t, strings.ReplaceAll(`events {} http { server {
        listen 127.0.0.1:0;
        location /set { content_by_lua_block {
            local s = ngx.socket.tcp()
            s:settimeout(1000)
            assert(s:connect("127.0.0.1", PORT))
            local function call(line) s:send(line .. "\r\n") return s:receive() end
            ngx.say(call("flush_all"))
            ngx.say(call("set /value 0 0 5\r\nhello"))
            ngx.say(call("add /value 0 0 1\r\nx"))
            s:send("get /value\r\n")
            ngx.say(s:receiveuntil("\r\nEND\r\n")())
            ngx.say(call("set /n 0 0 1\r\n1") .. call("incr /n 41"))
            ngx.say(s:setkeepalive())
        }}
        location / { set $memcached_key $uri; memcached_pass 127.0.0.1:PORT; error_page 404 = /none; default_type text/plain; }
        location = /none { return 200 none; }
    }}`, "PORT", port), t.TempDir())
	for _, c := range []struct{ path, want string }{
		{"/set", "OK\nSTORED\nNOT_STORED\nVALUE /value 0 5\r\nhello\nSTORED42\n1\n"}, {"/value", "hello"}, {"/n", "42"}, {"/nosuch", "none"},
	} {
		if got := fetch(t, ts.Addrs()[0], c.path); got != c.want {
			t.Errorf("%s: %q", c.path, got)
		}
	}
}
