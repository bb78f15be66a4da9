-- Tests of the application in conf/nginx.conf, through all phases, without a
-- port: each server runs in the process of luahttpd test.
describe("the greeting", function()
    local app
    before_each(function() app = server { conf = "conf/nginx.conf" } end)
    after_each(function() app:stop() end)

    it("is for the world", function()
        local res = app:get("/greet")
        assert.equal(200, res.status)
        assert.equal("hello, world\n", res.body)
    end)

    it("has the name in it", function()
        local res = app:get("/greet", { args = { name = "Ada" } })
        assert.equal("hello, Ada\n", res.body)
        assert.equal("Ada", res.headers["X-Greeted"])
    end)

    it("is not for everybody", function()
        assert.equal(403, app:get("/greet?name=root").status)
    end)

    it("is counted", function()
        app:get("/greet")
        app:get("/greet")
        assert.equal("2\n", app:get("/visits").body)
    end)
end)

-- A handler of its own, as scripts of its phases.
describe("a handler", function()
    it("answers what it was sent", function()
        local app = server {
            content = [[ ngx.req.read_body() ngx.print(ngx.req.get_method(), " ", ngx.req.get_body_data()) ]],
            header_filter = [[ ngx.header["X-Length"] = ngx.var.content_length ]],
        }
        local res = app:post("/", { body = "data", headers = { ["Content-Type"] = "text/plain" } })
        assert.same({ 200, "POST data", "4" }, { res.status, res.body, res.headers["x-length"] })
    end)

    it("logs what goes wrong", function()
        local app = server { content = [[ error("oops") ]] }
        assert.equal(500, app:get("/").status)
        assert.matches("oops", app:log())
    end)
end)
