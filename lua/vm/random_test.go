package vm_test

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// generator writes random programs that end: what they print is compared with C Lua. It keeps to what Lua 5.1 and LuaJIT
// agree on, and to values that print the same.
type generator struct {
	*rand.Rand
	b      strings.Builder
	vars   []string // locals in scope
	depth  int
	budget int
	loops  int
	vararg bool
	names  int
}

func (g *generator) pick(s ...string) string { return s[g.Intn(len(s))] }

func (g *generator) name() string {
	g.names++
	return fmt.Sprintf("v%d", g.names%30)
}

func (g *generator) variable() string {
	if len(g.vars) == 0 || g.Intn(10) == 0 {
		return g.pick("G1", "G2", "G3")
	}
	return g.vars[g.Intn(len(g.vars))]
}

func (g *generator) expr() string {
	g.depth++
	defer func() { g.depth-- }()
	g.budget--
	n := g.Intn(22)
	if g.depth > 5 || g.budget < 0 {
		n = g.Intn(8)
	}
	switch n {
	case 0:
		return g.pick("1", "2", "0", "-1", "7", "0.5", "100", "3.25")
	case 1:
		return g.pick(`"a"`, `"xyz"`, `""`, `"10"`, `"b c"`)
	case 2:
		return g.pick("true", "false", "nil")
	case 3, 4, 5, 6:
		return g.variable()
	case 7:
		if g.vararg {
			return g.pick("...", "(...)", "select('#', ...)")
		}
		return "12"
	case 8, 9:
		return g.expr() + g.pick(" + ", " - ", " * ", " % ", "/ ") + g.expr()
	case 10:
		return "(" + g.expr() + g.pick(" and ", " or ") + g.expr() + ")"
	case 11:
		return "(" + g.expr() + g.pick(" == ", " ~= ") + g.expr() + ")"
	case 12:
		if g.Intn(8) > 0 {
			return "(num(" + g.expr() + ")" + g.pick(" < ", " <= ", " > ", " >= ") + "num(" + g.expr() + "))"
		}
		return "(" + g.expr() + g.pick(" < ", " <= ", " > ", " >= ") + g.expr() + ")"
	case 13:
		return g.pick("not ", "-", "#") + "(" + g.expr() + ")"
	case 14:
		return g.expr() + " .. " + g.expr()
	case 15:
		return g.table()
	case 16:
		return "(" + g.expr() + ")[" + g.expr() + "]"
	case 17:
		return "(" + g.expr() + ")." + g.pick("a", "b", "c")
	case 18:
		return "(" + g.expr() + ")(" + g.list(3) + ")"
	case 19:
		return g.function()
	case 20:
		return g.pick("type", "tostring1", "num", "pick2", "id") + "(" + g.list(3) + ")"
	}
	return "pcall(" + g.expr() + ", " + g.expr() + ")"
}

func (g *generator) list(n int) string {
	var out []string
	for i := g.Intn(n + 1); i > 0; i-- {
		out = append(out, g.expr())
	}
	return strings.Join(out, ", ")
}

func (g *generator) list1(n int) string {
	if s := g.list(n - 1); s != "" {
		return s + ", " + g.expr()
	}
	return g.expr()
}

func (g *generator) table() string {
	var out []string
	for i := g.Intn(5); i > 0; i-- {
		switch g.Intn(4) {
		case 0:
			out = append(out, g.pick("a", "b", "c")+" = "+g.expr())
		case 1:
			out = append(out, "["+g.pick("1", "2", `"a"`, "3.5")+"] = "+g.expr())
		default:
			out = append(out, g.expr())
		}
	}
	if g.Intn(4) > 0 {
		return "T{" + strings.Join(out, ", ") + "}"
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func (g *generator) function() string {
	saved, loops, vararg := len(g.vars), g.loops, g.vararg
	g.loops = 0
	var params []string
	for i := g.Intn(3); i > 0; i-- {
		p := g.name()
		params = append(params, p)
	}
	g.vars = append(g.vars, params...)
	g.vararg = g.Intn(3) == 0
	if g.vararg {
		params = append(params, "...")
	}
	outer := g.b
	g.b = strings.Builder{}
	g.block(1 + g.Intn(3))
	fmt.Fprintf(&g.b, "return %s ", g.list(3))
	body := g.b.String()
	g.b = outer
	g.vars, g.loops, g.vararg = g.vars[:saved], loops, vararg
	return "(function(" + strings.Join(params, ", ") + ") " + body + "end)"
}

func (g *generator) block(n int) {
	saved := len(g.vars)
	g.depth++
	for ; n > 0; n-- {
		g.statement()
	}
	g.depth--
	g.vars = g.vars[:saved]
}

func (g *generator) statement() {
	g.budget--
	n := g.Intn(15)
	if g.depth > 4 || g.budget < 0 {
		n = g.Intn(6)
	}
	switch n {
	case 0, 1:
		v := g.name()
		fmt.Fprintf(&g.b, "local %s = %s ", v, g.expr())
		g.vars = append(g.vars, v)
	case 2:
		v, w := g.name(), g.name()
		fmt.Fprintf(&g.b, "local %s, %s = %s ", v, w, g.list1(3))
		g.vars = append(g.vars, v, w)
	case 3:
		fmt.Fprintf(&g.b, "%s = %s ", g.variable(), g.expr())
	case 4:
		fmt.Fprintf(&g.b, "%s, %s = %s ", g.variable(), g.variable(), g.list1(3))
	case 5:
		fmt.Fprintf(&g.b, "out(%s) ", g.list(3))
	case 6, 7:
		fmt.Fprintf(&g.b, "if %s then ", g.expr())
		g.block(1 + g.Intn(2))
		if g.Intn(2) == 0 {
			fmt.Fprintf(&g.b, "elseif %s then ", g.expr())
			g.block(1)
		}
		if g.Intn(2) == 0 {
			g.b.WriteString("else ")
			g.block(1 + g.Intn(2))
		}
		g.b.WriteString("end ")
	case 8:
		v := g.name()
		fmt.Fprintf(&g.b, "for %s = %s do ", v, g.pick("1, 3", "3, 1, -1", "0, 1, 0.5", "1, "+g.expr()+" and 2 or 1"))
		g.loopBody(v)
	case 9:
		v, w := g.name(), g.name()
		fmt.Fprintf(&g.b, "for %s, %s in ipairs(%s) do ", v, w, g.table())
		g.loopBody(v, w)
	case 10:
		v := g.name()
		fmt.Fprintf(&g.b, "local %s = 0 while %s < 3 and %s do %s = %s + 1 ", v, v, g.expr(), v, v)
		g.loopBody()
	case 11:
		v := g.name()
		fmt.Fprintf(&g.b, "local %s = 0 repeat %s = %s + 1 ", v, v, v)
		g.loops++
		g.block(1 + g.Intn(2))
		g.loops--
		fmt.Fprintf(&g.b, "until %s > 2 or %s ", v, g.expr())
	case 12:
		v := g.name()
		g.vars = append(g.vars, v)
		fmt.Fprintf(&g.b, "local function %s%s ", v, strings.TrimPrefix(strings.TrimSuffix(g.function(), ")"), "(function"))
	case 13:
		fmt.Fprintf(&g.b, "do local t = setmetatable(%s, MT) out(pcall(function() return %s end)) ", g.table(),
			g.pick("t + 1", "1 - t", "t .. 'x'", "'x' .. 1 .. t", "t.zz", "t == t", "-t", "t(4, 5)", "t < t"))
		g.b.WriteString("end ")
	case 14:
		if g.loops > 0 {
			fmt.Fprintf(&g.b, "if %s then break end ", g.expr())
		} else {
			saved := g.vararg
			g.vararg = false
			fmt.Fprintf(&g.b, "do local co = coroutine.wrap(function(p) for i = 1, 3 do p = coroutine.yield(p, %s) end return %s end) out(pcall(co, 1)) out(pcall(co, %s)) out(pcall(co)) end ",
				g.expr(), g.list(2), g.expr())
			g.vararg = saved
		}
	}
}

func (g *generator) loopBody(vars ...string) {
	saved := len(g.vars)
	g.vars = append(g.vars, vars...)
	g.loops++
	g.block(1 + g.Intn(3))
	g.loops--
	g.vars = g.vars[:saved]
	g.b.WriteString("end ")
}

const randomPrelude = `
local buf, n, over = {}, 0, false
local pcall0, find = pcall, string.find
local function checked(ok, e, ...)
  if not ok and type(e) == "string" and find(e, "overflow") then over = true end
  return ok, e, ...
end
function pcall(...) return checked(pcall0(...)) end
local function show(v, d)
  local t = type(v)
  if t == "table" then
    if d > 2 then return "{}" end
    return "{" .. show(rawget(v, 1), d + 1) .. "," .. show(rawget(v, 2), d + 1) .. "," .. show(rawget(v, "a"), d + 1) .. "," .. show(rawget(v, "b"), d + 1) .. "}"
  end
  if t == "function" then return t end
  if t == "number" then if v ~= v then return "nan" end if v == 0 then return "0" end end
  if t == "string" and (v:find("0x", 1, true) or v:find(":%d+:")) then return "string" end
  return (tostring(v):gsub("%-?nan", "nan"))
end
local function out(...)
  n = n + 1
  if n > 60 then error("too much") end
  for i = 1, select("#", ...) do buf[#buf + 1] = show((select(i, ...)), 0) end
  buf[#buf + 1] = ";"
end
local function tostring1(v) return show(v, 1) end
local function pick2(a, b, c) return b, c, a end
local function id(...) return ... end
local MT = {__add = function(a, b) return "add" end, __sub = function(a, b) return type(a) .. type(b) end, __concat = function(a, b) return "cat" end,
  __index = function(t, k) return k .. "!" end, __unm = function() return "unm" end, __call = function(self, x, y) return y, x end, __lt = function() return 1 end}
local calls = 0
local function num(v) return type(v) == "number" and v or 2 end
local function any(name) return function(a, b) return type(a) .. name .. type(b) end end
local ANY = {__add = any "+", __sub = any "-", __mul = any "*", __div = any "/", __mod = any "%", __unm = any "m", __concat = any ".",
  __index = function(t, k) if type(k) == "string" then return "i" .. k end end, __newindex = function() end, __call = function(self, ...)
    calls = calls + 1 if calls > 500 then error("calls") end return select("#", ...), ... end}
debug.setmetatable(nil, ANY) debug.setmetatable(true, ANY) debug.setmetatable(print, ANY) debug.setmetatable(1, ANY)
local SM = getmetatable("") for k, v in pairs(ANY) do if k ~= "__index" then SM[k] = v end end
local function T(t) return setmetatable(t, ANY) end
local function run(name, f)
  buf, n, calls, over = {}, 0, 0, false
  local res = {pcall(f, 1, "two", {3})}
  if over then io.write(name, " overflow\n") return end
  io.write(name, " ", tostring(res[1]), " ", table.concat(buf, " "), "\n")
end
`

// randomFile is a file that runs random programs, and the source of each of them.
func randomFile(seed int64, from, count int) (string, map[string]string) {
	var file strings.Builder
	file.WriteString(randomPrelude)
	sources := map[string]string{}
	for i := from; i < from+count; i++ {
		g := &generator{Rand: rand.New(rand.NewSource(seed*1000003 + int64(i))), budget: 120, vararg: true}
		g.block(3 + g.Intn(6))
		name := fmt.Sprintf("p%d", i)
		sources[name] = g.b.String()
		fmt.Fprintf(&file, "run(%q, assert(loadstring(%q))(out, tostring1, pick2, id, MT, num, T))\n", name,
			"local out, tostring1, pick2, id, MT, num, T = ... return function(...) "+g.b.String()+" end")
	}
	return file.String(), sources
}

// TestRandomPrograms runs random programs here and in C Lua.
func TestRandomPrograms(t *testing.T) {
	if _, err := exec.LookPath("lua5.1"); err != nil {
		t.Skip("lua5.1 is not installed")
	}
	seed, count := int64(1), 200
	if s := os.Getenv("RANDOM_PROGRAMS"); s != "" {
		fmt.Sscan(s, &seed, &count)
	}
	dir := t.TempDir()
	for n := 0; n < count; n += 100 {
		file, sources := randomFile(seed, n, 100)
		path := dir + "/random.lua"
		os.WriteFile(path, []byte(file), 0o644)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		want, err := exec.CommandContext(ctx, "lua5.1", path).CombinedOutput()
		late := ctx.Err() != nil
		cancel()
		if late { // one of them does not end
			continue
		}
		if err != nil {
			t.Fatalf("lua5.1: %s", want)
		}
		got := runCaptured(t, path)
		w, h := strings.Split(string(want), "\n"), strings.Split(got, "\n")
		for i := range w {
			if strings.HasSuffix(w[i], " overflow") { // the limits are not the same
				continue
			}
			if i >= len(h) || w[i] != h[i] {
				name, _, _ := strings.Cut(w[i], " ")
				line := ""
				if i < len(h) {
					line = h[i]
				}
				t.Errorf("program %s\n%s\ngives %.300s\nwant  %.300s", name, sources[name], line, w[i])
				break
			}
		}
	}
}
