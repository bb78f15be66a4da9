-- luahttpd run: what a script says goes to the terminal, and it ends the
-- process with its own status.
local host = ...
local stdout, stderr, null = io.stdout, io.stderr, ngx.null
local type, tostring, ipairs, select = type, tostring, ipairs, select

local function put(v)
    if type(v) == "table" and not (getmetatable(v) or {}).__tostring then
        for _, part in ipairs(v) do put(part) end
    else
        stdout:write(v == null and "null" or tostring(v))
    end
end

local function output(...)
    for i = 1, select("#", ...) do put((select(i, ...))) end
    return 1
end

function ngx.print(...) return output(...) end
function ngx.say(...) output(...) stdout:write("\n") return 1 end
function ngx.flush() stdout:flush() return 1 end
function ngx.eof() return 1 end

function print(...)
    for i = 1, select("#", ...) do
        stdout:write(i > 1 and "\t" or "", tostring((select(i, ...))))
    end
    stdout:write("\n")
end

local exit = ngx.exit
function os.exit(code)
    if code == nil or code == true then code = 0 elseif code == false then code = 1 end
    stdout:flush()
    host.exit(code)
    return exit(ngx.ERROR)
end
function ngx.exit(code)
    if ngx.get_phase() == "timer" then return exit(code) end
    code = tonumber(code) or error("bad argument #1 to 'exit' (number expected, got " .. type(code) .. ")", 2)
    return os.exit((code >= 200 and code < 300) and 0 or (code < 0 or code > 255) and 1 or code)
end

return function(name, text)
    local f, err
    if text then f, err = loadstring(text, name) else f, err = loadfile(name) end
    if not f then
        stderr:write("ERROR: ", tostring(err), "\n")
        return os.exit(1)
    end
    local ok = xpcall(f, function(e)
        stdout:flush()
        local trace = debug.traceback(type(e) == "string" and e or tostring(e), 2)
        local own = trace:find("\n%s*%[C%]: in function 'xpcall'\n%s*luahttpd/run%.lua:") -- what called the script
        stderr:write("ERROR: ", own and trace:sub(1, own - 1) or trace, "\n")
    end, unpack(arg))
    if not ok then return os.exit(1) end
end
