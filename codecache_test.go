package luahttpd

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestCodeCacheStat: with lua_code_cache stat a changed script and a changed
// module are seen, with those that use the module; others keep their state.
func TestCodeCacheStat(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("base.lua", `return "base 1"`)
	write("user.lua", `local base = require "base" local n = 0 return function() n = n + 1 return base .. " " .. n end`)
	write("other.lua", `local n = 0 return function() n = n + 1 return n end`)
	write("handler.lua", `ngx.say("one ", require "user"(), " ", require "other"())`)
	ts := startServer(t, `worker_processes 1; error_log stderr warn; events {} http { lua_package_path "$prefix/?.lua"; lua_code_cache stat; server { listen 127.0.0.1:0;
		location /t { content_by_lua_file handler.lua; }
		location /kept { lua_code_cache on; content_by_lua_file handler.lua; }
	} }`, dir)
	ts.expected = []string{"handler.lua"}
	get := func(path string) string {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get("http://" + ts.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 200 {
			return resp.Status
		}
		return string(body)
	}
	until := func(path, want string) {
		t.Helper()
		got := ""
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if got = get(path); len(got) >= len(want) && got[:len(want)] == want {
				return
			}
		}
		t.Fatalf("%s is %q, want %q", path, got, want)
	}
	until("/t", "one base 1 1")
	until("/t", "one base 1 20 20")
	write("base.lua", `return "base two"`)
	until("/t", "one base two 1 ") // user has been loaded again
	write("handler.lua", `ngx.say("two ", require "other"() > 20)`)
	until("/t", "two true") // other has not
	until("/kept", "two")   // the same worker's scripts
	write("handler.lua", `ngx.say(`)
	until("/t", "500")
	if err := os.Remove(filepath.Join(dir, "handler.lua")); err != nil {
		t.Fatal(err)
	}
	until("/t", "404")
	write("handler.lua", `ngx.say("three")`)
	until("/t", "three")
}
