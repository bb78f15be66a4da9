local cjson = require "cjson"

ngx.header.content_type = "application/json"
ngx.say(cjson.encode {
    method = ngx.req.get_method(),
    uri = ngx.var.uri,
    args = ngx.req.get_uri_args(),
    agent = ngx.req.get_headers()["user-agent"],
})
