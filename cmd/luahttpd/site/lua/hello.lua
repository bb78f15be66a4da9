local name = ngx.var.arg_name or "world"
ngx.say("Hello, ", name, "!")
ngx.say("It is ", ngx.localtime(), " and this is worker ", ngx.worker.id(), ".")
