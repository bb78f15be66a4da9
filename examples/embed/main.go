// Command embed is a Go program with luahttpd as its HTTP front: a module in
// Go beside a handler in Lua, and the program's own logger.
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

	"github.com/luahttpd/luahttpd"
	"github.com/luahttpd/luahttpd/conf"
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

func start() (*luahttpd.Server, error) {
	srv, err := luahttpd.Parse(strings.NewReader(config),
		luahttpd.WithLogger(slog.Default()),
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
