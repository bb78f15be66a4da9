package vm_test

// programs are what the machine's speed is measured on. Each gives one value, so that it can be compared too.
var programs = []struct{ name, src string }{
	{"fib", `local function fib(n) if n < 2 then return n end return fib(n-1)+fib(n-2) end return fib(20)`},
	{"arr", `local t = {} for i=1,10000 do t[i] = i*2 end local s = 0 for i=1,#t do s = s + t[i] % 7 end return s`},
	{"concat", `local t = {} for i=1,2000 do t[#t+1] = "item" .. i end return #table.concat(t, ",")`},
	{"gmatch", `local s = 0 for w in ("the quick brown fox jumps over the lazy dog "):rep(50):gmatch("%a+") do s = s + #w end return s`},
	{"template", `
local rows = {}
for i = 1, 50 do rows[i] = { id = i, name = "item " .. i, price = i * 1.25 } end
table.sort(rows, function(a, b) return a.price > b.price end)
local out = { "<table>" }
for _, r in ipairs(rows) do
    out[#out + 1] = string.format("<tr><td>%d</td><td>%s</td><td>%.2f</td></tr>", r.id, r.name:upper(), r.price)
end
out[#out + 1] = "</table>"
return table.concat(out, "\n")`},
	{"coro100", `local co = coroutine.create(function() while true do coroutine.yield() end end) for i=1,100 do coroutine.resume(co) end`},
	{"call100", `local function f() end for i=1,100 do f() end`},
	{"method100", `local C = {} C.__index = C function C:get() return self.x end local o = setmetatable({x=1}, C) local s = 0 for i=1,100 do s = s + o:get() end return s`},
	{"format100", `local s for i=1,100 do s = string.format("%d %s %.2f", i, "abc", i*1.5) end return s`},
	{"strkeys", `local t = {} local ks = {"alpha","beta","gamma","delta","eps","zeta","eta","theta"} for i=1,8 do t[ks[i]] = i end local s = 0 for j=1,20 do for i=1,8 do local k = ks[i] t[k] = t[k] + 1 s = s + t.alpha + t.theta end end return s`},
	{"closure100", `local s = 0 for i=1,100 do local f = function() return i end s = s + f() end return s`},
	{"pcall100", `local function f() return 1 end local s = 0 for i=1,100 do local ok, v = pcall(f) s = s + v end return s`},
	{"pairs", `local t = {a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8} local s = 0 for i=1,10 do for k,v in pairs(t) do s = s + v end end return s`},
	{"nbodyish", `local x,y,z,vx,vy,vz = 0.1,0.2,0.3,1.0,0.5,0.25 for i=1,1000 do local d = x*x+y*y+z*z local m = 1/(d*d+1) vx = vx - x*m vy = vy - y*m vz = vz - z*m x = x + vx*0.01 y = y + vy*0.01 z = z + vz*0.01 end return x`},
	{"floor100", `local f = math.floor local s = 0 for i=1,100 do s = s + f(i + 0.5) end return s`},
	{"global100", `local s = 0 for i=1,100 do s = s + math.floor(i + 0.5) end return s`},
	{"sort200", `local t = {} for i=1,200 do t[i] = (i*7919)%200 end table.sort(t, function(a,b) return a<b end) return t[1]`},
	{"objects100", `local t = {} for i=1,100 do t[i] = {a=i,b=i,c=i} end return #t`},
	{"gsub", `local s = ("name=value; other=thing "):rep(20) local r, n for i=1,5 do r, n = s:gsub("(%w+)=(%w+)", "%2=%1") end return #r + n`},
	{"jsonlike", `
local function enc(v)
  local t = type(v)
  if t == "table" then
    local out = {}
    if #v > 0 then
      for i = 1, #v do out[i] = enc(v[i]) end
      return "[" .. table.concat(out, ",") .. "]"
    end
    for _, k in ipairs({"id", "name", "tags", "price"}) do
      if v[k] ~= nil then out[#out + 1] = '"' .. k .. '":' .. enc(v[k]) end
    end
    return "{" .. table.concat(out, ",") .. "}"
  elseif t == "string" then return '"' .. v:gsub('[%c"\\]', "?") .. '"'
  else return tostring(v) end
end
local list = {}
for i = 1, 20 do list[i] = { id = i, name = "item" .. i, tags = { "a", "b" }, price = i * 1.5 } end
return #enc(list)`},
}
