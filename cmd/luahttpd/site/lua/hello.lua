local name = ngx.var.arg_name or "world"

ngx.say("Hello, ", name, "!")
ngx.say("It is ", ngx.localtime(), ".")
ngx.say("I am worker ", ngx.worker.id(), ".")
