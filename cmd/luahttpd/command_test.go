package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd"
)

// TestRun: luahttpd run is OpenResty's resty.
func TestRun(t *testing.T) {
	p := newPrefix(t, "")
	for name, text := range map[string]string{
		"lib/mod.lua": `return { value = 42 }`,
		"args.lua":    `print(arg[0], #arg, arg[1], ...)`,
		"timer.lua":   `ngx.timer.at(0, function() print("timer") os.exit(7) end) ngx.sleep(10)`,
		"socket.lua": `local s = ngx.socket.tcp() local ok, err = s:connect("127.0.0.1", 1) ngx.say(ok, " ", err)
			local t = ngx.thread.spawn(function() ngx.sleep(0.001) return "thread" end) ngx.say(select(2, ngx.thread.wait(t)))`,
	} {
		path := filepath.Join(p.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.expect("args.lua\t2\ta\ta\tb\n", 0, "run", "args.lua", "a", "b")
	p.expect("a12nulltrue\n1\t2\nx", 0, "run", "-e", `ngx.say("a", {1, {2}}, ngx.null, true) print(1, 2) io.write("x")`)
	p.expect("42\n", 0, "run", "-I", "lib", "-e", `print(require "mod".value)`)
	p.expect("42\n", 0, "run", "-Ilib", "-lmod", "-e", `print(package.loaded.mod.value)`)
	p.expect("1\n2\n", 0, "run", "-e", "print(1)", "-e", "print(2)")
	p.expect("v\n", 0, "run", "--shdict", "d 1m", "-e", `ngx.shared.d:set("k", "v") print(ngx.shared.d:get("k"))`)
	p.expect("timer\n", 7, "run", "timer.lua")
	p.expect("nil connection refused\nthread\n", 0, "run", "--errlog-level=emerg", "socket.lua")
	p.expect("404\n", 0, "run", "--errlog-level=emerg", "-e", `print(ngx.location.capture("/x").status)`)
	p.expect("", 3, "run", "-e", "pcall(function() os.exit(3) end) print('never')")
	p.expect("", 0, "run", "-e", "ngx.exit(0) print('never')")
	p.expect("", 1, "run", "-e", "ngx.exit(500)")
	p.expect("ERROR: (command line -e):1: unexpected symbol near '='\n", 1, "run", "-e", "local x = =")
	p.expect("luahttpd: invalid option: \"--nonsense\" (-h lists them)\n", 1, "run", "--nonsense", "1")
	p.expect("luahttpd: invalid value \"d\" of option \"--shdict\": a name and a size are wanted\n", 1, "run", "--shdict", "d", "-e", "x()")
	p.expect("luahttpd: invalid value \"x\" of option \"-c\": a number is wanted\n", 1, "run", "-c", "x", "-e", "x()")
	p.expect("luahttpd: stat none.lua: no such file or directory\n", 1, "run", "none.lua")
	p.expect("luahttpd: unknown directive \"nonsense\"\n", 1, "run", "--http-conf", "nonsense on;", "-e", "x()")
	p.expect("3\n", 0, "run", "--ns", "127.0.0.1:1", "--ns", "127.0.0.2:1", "--resolve-ipv6", "-e", "print(3)")
	p.expect("luahttpd "+luahttpd.Version+"\n", 0, "run", "-V")
	p.expect("ERROR: (command line -e):2: oops\nstack traceback:\n\t[C]: in function 'error'\n\t(command line -e):2: in function 'f'\n\t(command line -e):3: in main chunk\n",
		1, "run", "-e", "local function f()\nerror('oops')\nend f() x = 1")
	if out, status := p.run("run", "-e", "error('oops')"); status != 1 || !strings.HasPrefix(out, "ERROR: (command line -e):1: oops\nstack traceback:\n") {
		t.Errorf("status %d, %s", status, out)
	}
	if out, status := p.run("run", "-h"); status != 0 || !strings.Contains(out, "Usage: luahttpd run") {
		t.Errorf("status %d, %s", status, out)
	}
}

// TestTests runs the documented example, and tests that fail.
func TestTests(t *testing.T) {
	example, err := filepath.Abs("../../examples/tests")
	if err != nil {
		t.Fatal(err)
	}
	p := newPrefix(t, "")
	if err := os.CopyFS(p.dir+"/example", os.DirFS(example)); err != nil {
		t.Fatal(err)
	}
	const failing = `
describe("outer", function()
    local order = {}
    before_each(function() order = { "outer" } end)
    after_each(function() order = nil end)
    describe("inner", function()
        before_each(function() order[#order + 1] = "inner" end)
        it("has both", function() assert.same({ "outer", "inner" }, order) end)
        it("fails", function() assert.equal(1, 2) end)
        it("breaks", function() local x = nil; x.y = 1 end)
        pending("waits")
    end)
    it("asserts", function()
        assert(true) assert.is_true(true) assert.is.truthy(1) assert.is_not_nil(1) assert.is_nil(nil) assert.are_not.equal(1, 2)
        assert.has_error(function() error("x") end, "x") assert.has_no.errors(function() end) assert.matches("a.c", "abc")
        assert.are_not.same({ 1 }, { 2 }) assert.is_table({}) assert.is_false(false) assert.is_not.falsy(1) assert.near(1, 1.01, 0.1)
    end)
    it("starts no bad server", function() server { http = "nonsense on;" } end)
    it("tells what the server logged", function()
        local s = server { content = [[ error("boom") ]] }
        assert.equal(200, s:get("/").status)
    end)
end)`
	if err := os.WriteFile(filepath.Join(p.dir, "bad_spec.lua"), []byte(failing), 0o644); err != nil {
		t.Fatal(err)
	}
	clock := regexp.MustCompile(`in \d+\.\d\d s|0x[0-9a-f]+`)
	cmd := p.command("test")
	cmd.Dir = p.dir + "/example"
	out, err := cmd.CombinedOutput()
	if want := `spec/greeting_spec.lua
the greeting
  ✓ is for the world
  ✓ has the name in it
  ✓ is not for everybody
  ✓ is counted
a handler
  ✓ answers what it was sent
  ✓ logs what goes wrong

6 passed, 0 failed, 0 pending in 0.00 s
`; err != nil || clock.ReplaceAllString(string(out), "in 0.00 s") != want {
		t.Errorf("%v\n%s", err, out)
	}
	text, status := p.run("test", "bad_spec.lua")
	if want := `bad_spec.lua
outer
  inner
    ✓ has both
    ✗ fails
    ✗ breaks
    – waits (pending)
  ✓ asserts
  ✗ starts no bad server
  ✗ tells what the server logged

FAILED bad_spec.lua:9: outer › inner › fails
     expected 1
     got      2

FAILED bad_spec.lua:10: outer › inner › breaks
     bad_spec.lua:10: attempt to index local 'x' (a nil value)

FAILED bad_spec.lua:18: outer › starts no bad server
     bad_spec.lua:18: the server does not start: unknown directive "nonsense" in PREFIX/nginx.conf:7

FAILED bad_spec.lua:21: outer › tells what the server logged
     expected 200
     got      500
     the server logged:
       [error] lua entry thread aborted: runtime error: content_by_lua(nginx.conf:12):1: boom
       stack traceback:
       coroutine 0:
       	[C]: in function 'error'
       	content_by_lua(nginx.conf:12):1: in main chunk

2 passed, 4 failed, 1 pending in 0.00 s
`; status != 1 || clock.ReplaceAllString(text, "in 0.00 s") != want {
		t.Errorf("status %d\n%s", status, text)
	}
	p.expect("luahttpd: stat spec: no such file or directory\n", 1, "test")
}
