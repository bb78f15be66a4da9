local M = {}

function M.admit(name)
    if name == "root" then return ngx.exit(403) end
end

function M.greet(name)
    ngx.header["X-Greeted"] = name or "nobody"
    ngx.say("hello, ", name or "world")
end

function M.count() ngx.shared.visits:incr("n", 1, 0) end

return M
