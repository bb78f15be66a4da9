// Command embed is a Go program with luahttpd as its HTTP front: a module in
// Go beside handlers in Lua, Lua modules in Go, and the program's own logger.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/luahttpd/luahttpd"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/lua/gopher"
	"github.com/luahttpd/luahttpd/phases"
)

const config = `
error_log stderr warn;
events { }
http {
    server {
        listen 127.0.0.1:0;
        location = /hello { content_by_lua_block { ngx.say("hello from Lua") } }
        location = /count { counter; }
        location = /shop  { content_by_lua_block {
            local shop, owner = require "shop", require "owner"
            ngx.say(owner.Name, " asks ", shop.price("tea", 3))
        } }
    }
}
`

// counting is the configuration of the module below: it needs none.
type counting struct{}

// Counter answers with how often it was asked.
func Counter() phases.Module {
	n := 0
	return phases.Define(phases.Spec[counting]{
		Name: "counter",
		Directives: []phases.Directive[counting]{
			phases.Set("counter", conf.Location, conf.Exactly(0), func(_ *counting, b *phases.Block, s *conf.Stmt) error {
				return b.UseContent(s)
			}),
		},
		Content: func(r *phases.Request, _ *counting) phases.Result {
			n++ // one worker: no lock
			r.Out.ContentType = "text/plain"
			return r.SendBytes(fmt.Appendf(nil, "asked %d times\n", n))
		},
	})
}

// Shop is a module written for gopher-lua.
func Shop(l *lua.LState) int {
	prices := map[string]float64{"tea": 2.5}
	l.Push(l.SetFuncs(l.NewTable(), map[string]lua.LGFunction{
		"price": func(l *lua.LState) int {
			l.Push(lua.LNumber(prices[l.CheckString(1)] * float64(l.CheckNumber(2))))
			return 1
		},
	}))
	return 1
}

// Owner is a Go value that scripts read by gopher-luar's rules.
type Owner struct{ Name string }

func start() (*luahttpd.Server, error) {
	srv, err := luahttpd.Parse(strings.NewReader(config),
		luahttpd.WithLogger(slog.Default()),
		luahttpd.WithLuaModule("shop", gopher.Module(Shop)),
		luahttpd.WithLuaModule("owner", gopher.Value(&Owner{"Ann"})),
		luahttpd.WithModules(func(list []phases.Module) []phases.Module { return append(list, Counter()) }))
	if err != nil {
		return nil, err
	}
	return srv, srv.Start()
}

func main() {
	srv, err := start()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/hello and http://%s/count\n", srv.Addr(), srv.Addr())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}
