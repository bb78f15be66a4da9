package luahttpd

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// actorServer serves one script under each name.
func actorServer(tb testing.TB, workers int, http string, scripts map[string]string) *Server {
	tb.Helper()
	locations := ""
	for name, text := range scripts {
		locations += "location /" + name + " { content_by_lua_block { local actor = require 'actor'\n" + text + "\n} }\n"
	}
	s, err := Parse(strings.NewReader(fmt.Sprintf("worker_processes %d; events {} error_log stderr; http { %s lua_max_execution_time 0; server { listen 127.0.0.1:0;\n%s } }",
		workers, http, locations)), WithStderr(io.Discard), WithPrefix(tb.TempDir()))
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkActorCall is a call of one script by another and its answer.
func BenchmarkActorCall(b *testing.B) {
	for _, where := range []string{"0", "1"} {
		for _, threads := range []string{"1", "100"} {
			b.Run(map[string]string{"0": "one worker", "1": "across workers"}[where]+"/"+threads, func(b *testing.B) {
				s := actorServer(b, 2, "", map[string]string{"t": `
					local n, threads = tonumber(ngx.var.arg_n), ` + threads + `
					local home = ngx.worker.id()
					local a = actor.spawn(function()
						require("actor").on { call = { add = function(k) return k + 1 end } }
					end, { worker = (home + ` + where + `) % 2 })
					local call = actor.call
					local function run() for i = 1, n / threads do call(a, "add", i) end end
					local all = {}
					for i = 1, threads do all[i] = ngx.thread.spawn(run) end
					for i = 1, threads do ngx.thread.wait(all[i]) end
					actor.kill(a)`})
				b.ResetTimer()
				fetch(b, s.Addr(), "/t?n="+strconv.Itoa(b.N+100))
			})
		}
	}
}

// BenchmarkActorIdle is the memory of actors of Lua that wait for messages.
func BenchmarkActorIdle(b *testing.B) {
	s := actorServer(b, 1, "", map[string]string{"spawn": `
		for i = 1, tonumber(ngx.var.arg_n) do
			actor.spawn(function()
				local actor = require "actor"
				local n = 0
				actor.on { call = { add = function(k) n = n + k return n end } }
			end)
		end`})
	fetch(b, s.Addr(), "/spawn?n=100")
	const n = 20000
	for b.Loop() {
		before := inUse()
		fetch(b, s.Addr(), fmt.Sprint("/spawn?n=", n))
		b.ReportMetric(float64(inUse()-before)/n, "B/actor")
	}
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
