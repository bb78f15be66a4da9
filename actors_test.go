package luahttpd

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/luahttpd/luahttpd/actor/mailbox"
)

// An actor of Go that scripts call, and one of Lua that Go calls.
func ExampleServer_RegisterActor() {
	dir, err := os.MkdirTemp("", "actors")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	err = os.WriteFile(filepath.Join(dir, "greeter.lua"), []byte(`
		local actor = require "actor"
		actor.on { call = {
			greet = function(name) return "hello, " .. actor.call("upper", "", name) end,
		} }`), 0o600)
	if err != nil {
		log.Fatal(err)
	}
	srv, err := Parse(strings.NewReader(`
		events {}
		http {
			actor greeter greeter.lua;
			server { listen 127.0.0.1:0; }
		}`), WithPrefix(dir), WithStderr(io.Discard))
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	ctx := context.Background()
	err = srv.RegisterActor(ctx, "upper", ActorHandlers{"": func(m *mailbox.Message) ([]any, error) {
		return []any{strings.ToUpper(m.Body.Values()[0].(string))}, nil
	}})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := srv.CallActor(ctx, "greeter", "greet", "world")
	fmt.Println(answer, err)
	_, err = srv.CallActor(ctx, "nobody", "greet")
	fmt.Println(err)
	// Output:
	// [hello, WORLD] <nil>
	// actor call nobody.greet: ENOACTOR: there is no actor of this name
}
