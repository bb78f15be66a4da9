package vm_test

import "testing"

// TestYieldInCallbacks yields inside functions that Go calls: each program counts what it yields.
func TestYieldInCallbacks(t *testing.T) {
	const drive = `
local function drive(f, ...)
  local n, co = 0, coroutine.create(f)
  local function go(ok, ...)
    if coroutine.status(co) == "dead" then return ok, n, ... end
    n = n + 1
    return go(coroutine.resume(co, ...))
  end
  return go(coroutine.resume(co, ...))
end
local yield = coroutine.yield
`
	for _, c := range []struct{ name, src, want string }{
		{"require", `package.preload.m = function(name) return yield(name) .. yield('2') end
			local ok, n, v = drive(require, 'm') return ok, n, v, require('m')`, "true 2 m2 m2"},
		{"require fails", `package.preload.m = function() yield() error('no', 0) end
			local ok, n, e = drive(require, 'm')
			local again, _, e2 = drive(require, 'm') return ok, n, e, again, e2`, "false 1 no false loop or previous error loading module 'm'"},
		{"require of one that requires", `package.preload.a = function() return yield(1) + require('b') end package.preload.b = function() return yield(2) end
			return drive(require, 'a')`, "true 2 3"},
		{"require in pcall", `package.preload.m = function() yield() error('no', 0) end
			return drive(function() return pcall(require, 'm') end)`, "true 1 false no"},
		{"load", `local n = 0
			local ok, k, f = drive(load, function() n = n + 1 return yield(({'return ', '8'})[n]) end) return ok, k, f()`, "true 3 8"},
		{"gsub", `return drive(string.gsub, 'abc', '(.)', function(c) return yield(c) .. '-' end)`, "true 3 a-b-c- 3"},
		{"gsub fails", `return drive(string.gsub, 'abc', '(.)', function(c) yield() return {} end)`, "false 1 invalid replacement value (a table)"},
		{"gsub with a limit", `return drive(string.gsub, 'abc', '', function(c) return yield('-') end, 2)`, "true 2 -a-bc 2"},
		{"gsub of nothing", `return drive(string.gsub, 'abc', 'x', function(c) return yield('-') end)`, "true 0 abc 0"},
		{"sort", `local t = {5, 1, 4, 2, 3, 9, 7, 8, 6}
			local ok, n = drive(table.sort, t, function(a, b) yield() return a < b end) return ok, n > 8, table.concat(t)`, "true true 123456789"},
		{"sort by no order", `local t = {5, 1, 4, 2, 3, 9, 7, 8, 6}
			local ok, n, e = drive(table.sort, t, function(a, b) yield() return true end) return ok, e`, "false invalid order function for sorting"},
		{"pairs", `local t = setmetatable({}, {__pairs = function(t) yield() return yield(5), 6, 7, 8 end})
			return drive(pairs, t)`, "true 2 5 6 7"},
		{"gsub in gsub", `return drive(string.gsub, 'ab', '.', function(c) return (c:gsub('.', function(d) return yield(d) .. d end)) .. yield('+') end)`, "true 4 aa+bb+ 2"},
		{"traceback", `local s drive(string.gsub, 'a', '.', function(c) s = debug.traceback('x', 2) yield() end)
			return (s:gsub('0x%x+', 'P'))`, "x\nstack traceback:\n\t[C]: at P"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newVM()
			defer m.Close()
			if got := run(t, m, drive+c.src); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
