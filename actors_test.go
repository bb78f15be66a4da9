package luahttpd

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
)

// An actor of Go that scripts call, and one of Lua that Go calls.
func ExampleServer_RegisterActor() {
	dir, err := os.MkdirTemp("", "actors")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	err = os.WriteFile(filepath.Join(dir, "greeter.lua"), []byte(`
		local actor = require "actor"
		actor.on { call = {
			greet = function(name) return "hello, " .. actor.call("upper", "", name) end,
		} }`), 0o600)
	if err != nil {
		log.Fatal(err)
	}
	srv, err := Parse(strings.NewReader(`
		events {}
		http {
			actor greeter greeter.lua;
			server { listen 127.0.0.1:0; }
		}`), WithPrefix(dir), WithStderr(io.Discard))
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	ctx := context.Background()
	err = srv.RegisterActor(ctx, "upper", ActorHandlers{"": func(m *mailbox.Message) ([]any, error) {
		return []any{strings.ToUpper(m.Body.Values()[0].(string))}, nil
	}})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := srv.CallActor(ctx, "greeter", "greet", "world")
	fmt.Println(answer, err)
	_, err = srv.CallActor(ctx, "nobody", "greet")
	fmt.Println(err)
	// Output:
	// [hello, WORLD] <nil>
	// actor call nobody.greet: ENOACTOR: there is no actor of this name
}

// A client that goes away cancels what works for it, and what that has called.
func TestActorClientGone(t *testing.T) {
	s := actorServer(t, 2, `lua_shared_dict seen 1m; lua_check_client_abort on;`, map[string]string{
		"start": `
			actor.spawn(function()
				local actor = require "actor"
				local function untilCancelled(name)
					while not actor.cancelled() do ngx.sleep(0.002) end
					ngx.shared.seen:set(name, true)
				end
				actor.on { call = {
					request = function()
						local ok, err = actor.pcall("inner", "wait")
						ngx.shared.seen:set("nested", err.code)
						untilCancelled("web")
					end,
				} }
			end, { name = "web" })
			actor.spawn(function()
				local actor = require "actor"
				actor.on { call = { wait = function()
					ngx.shared.seen:set("began", true)
					while not actor.cancelled() do ngx.sleep(0.002) end
					ngx.sleep(0.05)
					ngx.shared.seen:set("inner", true)
				end } }
			end, { name = "inner", worker = 1 - ngx.worker.id() })`,
		"ask": `actor.call("web", "request")`,
		"seen": `for _, k in ipairs { "began", "web", "nested", "inner" } do
			ngx.print(tostring(ngx.shared.seen:get(k)), " ") end`,
	})
	fetch(t, s.Addr(), "/start")
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "GET /ask HTTP/1.1\r\nHost: x\r\n\r\n")
	eventually(t, s, "true nil nil nil ")
	c.Close()
	eventually(t, s, "true true ECANCELLED true ")
}

// eventually waits until /seen gives the text.
func eventually(t *testing.T, s *Server, want string) {
	t.Helper()
	got := ""
	for range 500 {
		if got = fetch(t, s.Addr(), "/seen"); got == want {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Errorf("%q, want %q", got, want)
}

// A reload ends the actors of the old configuration, but for those that survive; the end of the
// server ends all, the last one first.
func TestActorReload(t *testing.T) {
	dir := t.TempDir()
	script := `
		local actor = require "actor"
		local args, n = ..., 0
		actor.on {
			call = { inc = function() n = n + 1 return n end },
			exit = function(reason) ngx.log(ngx.NOTICE, "exit ", args.id, " ", reason) end,
		}`
	if err := os.WriteFile(filepath.Join(dir, "n.lua"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Parse(strings.NewReader(`worker_processes 2; events {} error_log error.log notice; http {
		actor short n.lua id=short;
		actor long n.lua id=long survive=on;
		actor each n.lua id=each workers=all;
		server { listen 127.0.0.1:0; location / { content_by_lua_block {
			local actor = require "actor"
			ngx.print(actor.call("short", "inc"), actor.call("long", "inc"), actor.call("each", "inc"))
		} } } }`), WithPrefix(dir), WithStderr(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	call := func(name string) any {
		v, err := s.CallActor(context.Background(), name, "inc")
		if err != nil {
			return err
		}
		return v[0]
	}
	if got := fmt.Sprint(call("short"), call("long"), call("each.0"), call("each.1")); got != "1 1 1 1" {
		t.Error(got)
	}
	if got := fetch(t, s.Addr(), "/"); got != "222" {
		t.Error(got)
	}
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(call("short"), call("long")); got != "1 3" {
		t.Error(got)
	}
	log := func() string {
		b, err := os.ReadFile(filepath.Join(dir, "error.log"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for range 500 {
		if strings.Contains(log(), "exit short reload") {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	if text := log(); !strings.Contains(text, "exit short reload") || strings.Contains(text, "exit long") {
		t.Error(text)
	}
	s.Shutdown(context.Background())
	var order []string
	for line := range strings.Lines(log()) {
		if _, rest, ok := strings.Cut(line, "exit "); ok && strings.Contains(rest, "shutdown") {
			order = append(order, strings.Fields(rest)[0])
		}
	}
	if got := strings.Join(order, " "); got != "each each short long" {
		t.Error(got)
	}
	if _, err := s.CallActor(context.Background(), "long", "inc"); err == nil {
		t.Error("it lives on")
	}
}

// A reload that fails loses nothing of what runs and leaves nothing of what it has started.
func TestActorReloadFails(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("n.lua", `local n = 0 require("actor").on { call = { inc = function() n = n + 1 return n end } }`)
	write("fail.lua", "")
	write("nginx.conf", `worker_processes 2; events {} error_log error.log notice; http {
		actor long n.lua survive=on;
		actor other n.lua survive=on;
		actor short n.lua;
		actor last fail.lua workers=all;
		server { listen 127.0.0.1:0; } }`)
	s, err := New(filepath.Join(dir, "nginx.conf"), WithStderr(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	call := func(name string) any {
		v, err := s.CallActor(context.Background(), name, "inc")
		if err != nil {
			return err
		}
		return v[0]
	}
	if got := fmt.Sprint(call("long"), call("other"), call("short")); got != "1 1 1" {
		t.Error(got)
	}
	before := len(s.Actors().Actors())
	for i, text := range []string{`error "no"`, `if ngx.worker.id() == 1 then error "no" end`} { // on the first worker, on the second
		write("fail.lua", text)
		if err := s.Reload(); err == nil {
			t.Error("the reload has not failed")
		}
		for range 1000 { // what was started ends
			if len(s.Actors().Actors()) == before {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
		if got := fmt.Sprint(call("long"), call("other"), call("short")); got != strings.Repeat(fmt.Sprint(i+2, " "), 2)+fmt.Sprint(i+2) {
			t.Error(got)
		}
		if all := s.Actors().Actors(); len(all) != before {
			t.Errorf("%d actors, %d before: %v", len(all), before, all)
		}
	}
	// One that has survived and is started again has its name for old requests too.
	write("fail.lua", "")
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(call("long"), call("other"), call("short")); got != "4 4 1" {
		t.Error(got)
	}
}

var soak = flag.Duration("soak", 500*time.Millisecond, "how long TestActorSoak runs")

// TestActorSoak starts, calls, kills and restarts actors of scripts at random, under requests that
// come and go. Afterwards nothing is left over.
func TestActorSoak(t *testing.T) {
	s := actorServer(t, 3, "", map[string]string{
		"go": `
			local n, sum = math.random(12), 0
			local name = "a" .. n
			local function program(args)
				local actor = require "actor"
				local cs = actor.queue()
				local function nested() return actor.call({ "a" .. math.random(12), timeout = 0.02 }, "quick") end
				actor.on {
					call = {
						quick = function(t) return t and t.x or 1 end,
						slow = function() ngx.sleep(math.random() * 0.005) return 1 end,
						nested = nested,
						queued = function() return cs(nested) end,
						later = function() local r = actor.defer() actor.fork(function() ngx.sleep(0.001) r(1) end) end,
						forget = function() end,
						fail = function() error "no" end,
						exit = function() actor.exit("gone") end,
					},
					exit = function() pcall(actor.send, "a1", "quick") end,
				}
			end
			local commands = { "quick", "quick", "slow", "nested", "queued", "later", "forget", "fail" }
			for i = 1, 20 do
				local ok, err = pcall(actor.unique, "a" .. math.random(12), program, { worker = math.random(3) - 1,
					restart = { max = 1000, within = 1 }, serial = math.random(4) == 1 })
				local to = { "a" .. math.random(12), timeout = 0.02 }
				local ok, v = actor.pcall(to, commands[math.random(#commands)], { x = { 1, 2 } })
				sum = sum + 1
				if math.random(30) == 1 then actor.pcall(to, "exit") end
				if math.random(60) == 1 then actor.kill("a" .. math.random(12), "killed") end
				for _, ok in actor.select({ { "a1", "slow" }, { "a2", "quick" } }, 0.02) do sum = sum + 1 end
			end
			ngx.print(sum)`,
	})
	fetch(t, s.Addr(), "/go")
	soakActors(t, s, *soak/10) // pools fill, the heap grows to its size
	before := leftOver(t, s)
	soakActors(t, s, *soak)
	after := leftOver(t, s)
	t.Logf("before %+v, after %+v, dead letters %+v, %+v", before, after, s.Actors().DeadLetters(), s.Actors().Counts())
	if after.descriptors > before.descriptors || after.goroutines > before.goroutines+soakGoroutines || after.heap > before.heap+soakHeap {
		t.Errorf("left over: %+v, %+v before", after, before)
	}
}

// What a soak may end with beyond what there was before it: coroutines at rest keep a goroutine each, up to 1024 of a
// worker; machines and threads at rest are in the heap.
const (
	soakGoroutines = 3 * 1024
	soakHeap       = 4 << 20
)

// soakActors has clients come and go for a while.
func soakActors(t *testing.T, s *Server, d time.Duration) {
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for time.Now().Before(end) {
				if i > 0 {
					if got := fetch(t, s.Addr(), "/go"); got != "60" {
						t.Errorf("%q", got)
						return
					}
					continue
				}
				c, err := net.Dial("tcp", s.Addr().String()) // one that does not wait
				if err != nil {
					t.Error(err)
					return
				}
				fmt.Fprint(c, "GET /go HTTP/1.1\r\nHost: x\r\n\r\n")
				c.SetReadDeadline(time.Now().Add(time.Millisecond))
				bufio.NewReader(c).ReadByte()
				c.Close()
			}
		})
	}
	wg.Wait()
}

type leftovers struct {
	descriptors, goroutines int
	heap                    int64
}

// leftOver ends all actors. It fails when a call is not answered, a message waits, or a coroutine or an actor stays.
func leftOver(t *testing.T, s *Server) leftovers {
	t.Helper()
	sys := s.Actors()
	look := func() (what string) {
		sys.Visit(context.Background(), func(w *actor.Worker) {
			for _, a := range sys.Actors() {
				if a.Worker() != w {
					continue
				}
				for _, f := range a.Flights() {
					what += fmt.Sprintf("call %+v ", f)
				}
				if st := a.Stat(); st.Mailbox+st.Running > 0 {
					what += fmt.Sprintf("%+v ", st)
				}
				if n := len(a.Behaviour().(mailbox.Inspector).Tasks()); n > 0 {
					what += fmt.Sprintf("%d tasks of %v ", n, a)
				}
			}
			if n := w.Coroutines(); n > 0 {
				what += strconv.Itoa(n) + " coroutines "
			}
		})
		return what
	}
	what := ""
	for range 1000 { // requests whose client has gone still end
		if what = look(); what == "" {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if what != "" {
		t.Error("left over while the actors live: ", what)
	}
	for _, a := range sys.Actors() {
		if !a.Front() {
			a.Kill("normal", nil)
		}
	}
	for range 1000 {
		if what = look(); what == "" && len(sys.Actors()) == len(sys.Workers()) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if what != "" || len(sys.Actors()) != len(sys.Workers()) {
		t.Errorf("left over: %s, actors %v", what, sys.Actors())
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return leftovers{len(open), runtime.NumGoroutine(), int64(m.HeapAlloc)}
}

// actor_call_timeout is for calls of Go, too.
func TestActorCallTimeout(t *testing.T) {
	dir := t.TempDir()
	script := `require("actor").on { call = { wait = function() ngx.sleep(10) return 1 end } }`
	if err := os.WriteFile(filepath.Join(dir, "slow.lua"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, `events {} http { actor_call_timeout 20ms; actor slow slow.lua; server { listen 127.0.0.1:0; } }`, dir)
	_, err := s.CallActor(context.Background(), "slow", "wait")
	if e, ok := err.(*mailbox.Error); !ok || e.Code != mailbox.ETIMEOUT || e.After > 5*time.Second {
		t.Error(err)
	}
	for _, a := range s.Actors().Actors() {
		if a.Name == "slow" {
			a.Kill("over", nil)
		}
	}
}
