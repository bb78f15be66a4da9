//go:build !race

package lua

import "testing"

// TestRunAllocations holds the way of a request through scripts to its budget.
func TestRunAllocations(t *testing.T) {
	for _, c := range []struct {
		name, directives string
		most             float64
	}{
		{"an empty script", `content_by_lua_block { }`, 0},
		{"say", `content_by_lua_block { ngx.say("hello, ", 1) }`, 0},
		{"three phases and a filter", `access_by_lua_block { local a = 1 } content_by_lua_block { ngx.print("x") }
			header_filter_by_lua_block { local a = 1 } log_by_lua_block { local a = 1 }`, 0},
		{"a variable", `content_by_lua_block { ngx.print(ngx.var.uri) }`, 1},
		{"a header", `content_by_lua_block { ngx.header.x_a = "b" ngx.print("x") }`, 1},
		{"fields both ways", `access_by_lua_block { ngx.req.set_header("X-User", "u1") } content_by_lua_block { ngx.header["X-By"] = "lua" ngx.print("x") }`, 0},
		{"a status and an exit", `content_by_lua_block { ngx.status = 201 ngx.print("x") ngx.exit(201) }`, 1},
	} {
		b := newBench(t, c.directives)
		b.on(func() {
			for range 20 {
				b.get()
			}
			if n := testing.AllocsPerRun(100, func() { b.r.Init(b.cfg, b.w, &b.client, &b.out); b.run() }); n > c.most {
				t.Errorf("%s: %v allocations, at most %v", c.name, n, c.most)
			}
		})
	}
}

var root = []byte("/")

func (b *bench) run() {
	b.out.body = b.out.body[:0]
	b.r.Server, b.r.Method, b.r.URI, b.r.Major, b.r.Minor = b.cfg.Servers[0], "GET", root, 1, 1
	b.r.Run()
}
