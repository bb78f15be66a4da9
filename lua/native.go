package lua

import (
	"github.com/luahttpd/luahttpd/lua/cjson"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// nativeArea makes the modules available to require that OpenResty has in C
// and through FFI.
var nativeArea = area{open: func(e *engine, ngx *vm.Table) {
	cjson.Register(e.vm, e.null)
}}
