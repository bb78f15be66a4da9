-- Renders html/page.html: {{name}} stands for a value, {{source:name}} for the
-- text of lua/name.lua or of a location of this configuration.
require("clock").note("content")

local prefix = ngx.config.prefix()

local function read(path)
    local f, err = io.open(prefix .. path)
    if not f then error(err) end
    local text = f:read("*a")
    f:close()
    return text
end

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }
local function escape(text) return (text:gsub("[&<>]", entities)) end

local function location(name)
    local conf = read("conf/nginx.conf")
    local from = assert(conf:find("        location " .. name, 1, true))
    local body = conf:sub(from):match("^(.-\n        }\n)")
    return (body:gsub("\n        ", "\n"):gsub("^        ", ""))
end

local workers = ngx.worker.count()
local values = {
    version = ngx.var.nginx_version,
    lua = _VERSION,
    workers = workers == 1 and "one worker" or workers .. " workers",
    pid = ngx.worker.pid(),
    id = ngx.var.request_id,
    address = ngx.var.server_addr .. ":" .. ngx.var.server_port,
    prefix = prefix,
}

local page = read("html/page.html"):gsub("{{([%w:/_.= ]+)}}", function(name)
    local kind, rest = name:match("^(%w+):(.*)$")
    if kind == "source" then return escape(read("lua/" .. rest .. ".lua")) end
    if kind == "location" then return escape(location(rest)) end
    return escape(tostring(values[name]))
end)
ngx.print(page)
