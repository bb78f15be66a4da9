package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/luahttpd/luahttpd"
)

// The sites that are compiled in: the one that shows what the server can do,
// and the configurations around a single Lua file.
//
//go:embed all:site
var site embed.FS

// firstPort is where the built-in site and single Lua files are served; when
// it is taken, the next free one of the following portTries.
const (
	firstPort = 8080
	portTries = 100
)

// actorFile is the name of a Lua file that is no handler of requests but an actor, which is started
// first and may answer them.
const actorFile = "main.lua"

// runScript is what stands on the command line without a flag: a Lua file to
// serve, or a word for what else to do with scripts.
func runScript(f *flags) int {
	switch f.args[0] {
	case "run":
		return runOnce(f.args[1:])
	case "test":
		return runTests(f.args[1:])
	}
	if len(f.args) > 1 || !strings.HasSuffix(f.args[0], ".lua") {
		return emerg(fmt.Errorf("invalid option: \"%s\"", f.args[0]))
	}
	file, err := filepath.Abs(f.args[0])
	if err == nil {
		_, err = os.Stat(file)
	}
	if err != nil {
		return emerg(err)
	}
	name, what := "site/app.conf", "serving "
	if filepath.Base(file) == actorFile {
		name, what = "site/main.conf", "running the actor "
	}
	config := strings.NewReplacer("@FILE@", quote(file), "@DIR@", quoteInside(filepath.Dir(file))).Replace(mustRead(name))
	return serveFrom(filepath.Dir(file), config, what+f.args[0])
}

func mustRead(name string) string {
	b, err := site.ReadFile(name)
	if err != nil {
		panic(err) // it is compiled in
	}
	return string(b)
}

// quote makes a path one argument of the configuration.
func quote(path string) string { return `"` + quoteInside(path) + `"` }

func quoteInside(path string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(path)
}

// serveSite serves the built-in site from a temporary prefix.
func serveSite() int {
	dir, err := os.MkdirTemp("", "luahttpd-")
	if err != nil {
		return emerg(err)
	}
	defer os.RemoveAll(dir)
	sub, err := fs.Sub(site, "site")
	if err == nil {
		err = os.CopyFS(dir, sub)
	}
	if err != nil {
		return emerg(err)
	}
	return serveFrom(dir, mustRead("site/conf/nginx.conf"), "no conf/nginx.conf here: serving the built-in site")
}

// serveFrom serves a configuration in the foreground on the first free port,
// which stands in it as @PORT@, and says on the terminal where.
func serveFrom(prefix, config, what string) int {
	signals := catchSignals()
	for port := firstPort; port < firstPort+portTries; port++ {
		text := strings.ReplaceAll(config, "@PORT@", fmt.Sprint(port))
		srv, err := luahttpd.Parse(strings.NewReader(text), luahttpd.WithPrefix(prefix))
		if err != nil {
			return emerg(err)
		}
		giveProcessors(srv.Config().Process.Workers)
		if err := srv.Start(); errors.Is(err, syscall.EADDRINUSE) {
			srv.Close()
			continue
		} else if err != nil {
			return emerg(err)
		}
		fmt.Printf("luahttpd %s: %s\n", luahttpd.Version, what)
		for _, a := range srv.Addrs() {
			fmt.Printf("listening on http://%s/\n", a)
		}
		fmt.Println("press Ctrl-C to stop")
		go handleSignals(srv, signals)
		if err := srv.Wait(); err != nil && !errors.Is(err, luahttpd.ErrClosed) {
			return emerg(err)
		}
		return 0
	}
	return emerg(fmt.Errorf("ports %d to %d are taken", firstPort, firstPort+portTries-1))
}
