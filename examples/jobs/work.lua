-- What a job does. An error is a reason to try again. This one stands for sending a mail, and fails as often as it is told to.
local failed = {}

return function(data)
    ngx.sleep(0.05)
    local n = failed[data.to] or 0
    if n < (data.fail or 0) then
        failed[data.to] = n + 1
        error("no mail to " .. data.to .. " today", 0)
    end
end
