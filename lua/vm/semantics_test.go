package vm_test

const semantics = `
local function eq(a, b, m) if a ~= b then error((m or "") .. ": " .. tostring(a) .. " ~= " .. tostring(b)) end end
-- closures share and are fresh per iteration
local fs = {}
for i = 1, 3 do local j = i fs[i] = { function() j = j + 1 return j end, function() return j end } end
eq(fs[1][1](), 2) eq(fs[1][2](), 2) eq(fs[2][2](), 2) fs[2][1]() eq(fs[2][2](), 3)
-- metamethods, __index function, __add
local V = {} V.__index = V
V.__add = function(a, b) return setmetatable({ x = a.x + b.x }, V) end
local a, b = setmetatable({ x = 1 }, V), setmetatable({ x = 2 }, V)
eq((a + b).x, 3)
local p = setmetatable({}, { __index = function(t, k) return k .. "!" end })
eq(p.foo, "foo!") eq(p[1], "1!")
-- yield across pcall, metamethod, iterator
local co = coroutine.create(function(x)
  local ok, r = pcall(function() local y = coroutine.yield(x + 1) if y == 7 then error("boom", 0) end return y end)
  local q = setmetatable({}, { __index = function(t, k) return coroutine.yield(k) end, __add = function(a, b) return coroutine.yield("add") end })
  local z = q.key
  local w = q + 1
  local n = 0
  for v in function(s, c) local r = coroutine.yield("iter") return r end do n = n + v end
  return r, z, w, n
end)
local _, v = coroutine.resume(co, 1) eq(v, 2)
_, v = coroutine.resume(co, 7) eq(v, "key")
_, v = coroutine.resume(co, "Z") eq(v, "add")
_, v = coroutine.resume(co, "W") eq(v, "iter")
_, v = coroutine.resume(co, 5) eq(v, "iter")
_, v = coroutine.resume(co, 6) eq(v, "iter")
local ok, r, z, w, n = coroutine.resume(co, nil)
eq(r, "boom") eq(z, "Z") eq(w, "W") eq(n, 11) eq(coroutine.status(co), "dead")
eq(coroutine.resume(co), false)
-- varargs
local function va(a, ...) return select("#", ...), a, ... end
local c, x, y1, y2 = va(1, 2, 3) eq(c, 2) eq(x, 1) eq(y1, 2) eq(y2, 3)
local t = { va(1, 2, 3) } eq(#t, 4)
-- wrap, error across coroutine
local g = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end error("end", 0) end)
eq(g() + g() + g(), 6)
local ok, e = pcall(g) eq(ok, false) eq(e, "end")
-- nested pcall, sort error, deep recursion
eq(pcall(pcall, error, "x"), true)
local ok, e = pcall(table.sort, { 3, 2, 1 }, function() error("cmp", 0) end) eq(ok, false) eq(e, "cmp")
local function rec(n) if n == 0 then return 0 end return 1 + rec(n - 1) end
eq(rec(10000), 10000)
local ok = pcall(function() local function inf() return 1 + inf() end return inf() end) eq(ok, false)
-- tables
local t = {} for i = 10, 1, -1 do t[i] = i end eq(#t, 10) t[10] = nil eq(#t, 9)
local n = 0 for k, v in pairs({ 1, 2, x = 3, y = 4 }) do n = n + v end eq(n, 10)
local m = {} for i = 1, 100 do m["k" .. i] = i end local s = 0 for k, v in pairs(m) do s = s + v end eq(s, 5050)
eq(m["k" .. 50], 50)
local r = 1 while true do r = r * 2 if r > 100 then break end end eq(r, 128)
local x = nil or false eq(x, false) eq(1 and 2, 2) eq(not nil, true) eq(1 < 2 and "y" or "n", "y")
eq(-5 % 3, 1) eq(5.5 % 2, 1.5) eq(2 ^ 10, 1024)
repeat local q = 1 until q == 1
local n = 0 for i = 1, 3.7 do n = n + i end eq(n, 6)
n = 0 for i = 10, 1, -3 do n = n + i end eq(n, 22)
n = 0 for i = 3, 1 do n = n + 1 end eq(n, 0)
n = 0 for i = 1, 0/0 do n = n + 1 end eq(n, 0)
n = 0 for i = 1, "3" do n = n + i end eq(n, 6)
n = 0 for i = 0.5, 2 do n = n + i end eq(n, 2)
n = 0 for i = 1, 2, 0.5 do n = n + i end eq(n, 4.5)
n = 0 for i = -1, -3.5, -1 do n = n + i end eq(n, -6)
return "ok"
`
