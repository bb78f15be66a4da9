package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
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

// runScript is what stands on the command line without a flag: a Lua file to
// serve, or "run" and a Lua file or a line of Lua.
func runScript(f *flags) int {
	if f.args[0] == "run" {
		return runOnce(f.args[1:])
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
	config := strings.NewReplacer("@FILE@", quote(file), "@DIR@", quoteInside(filepath.Dir(file))).Replace(mustRead("site/app.conf"))
	return serveFrom(filepath.Dir(file), config, "serving "+f.args[0])
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

// runOnce answers one request with a script and prints the answer: the script
// has the whole API of a request.
func runOnce(args []string) int {
	dir, err := os.MkdirTemp("", "luahttpd-")
	if err != nil {
		return emerg(err)
	}
	defer os.RemoveAll(dir)
	var file string
	switch {
	case len(args) == 2 && args[0] == "-e":
		file = filepath.Join(dir, "command-line.lua")
		err = os.WriteFile(file, []byte(args[1]), 0o600)
	case len(args) == 1:
		file, err = filepath.Abs(args[0])
		if err == nil {
			_, err = os.Stat(file)
		}
	default:
		err = errors.New("run takes a Lua file, or -e and a line of Lua")
	}
	if err != nil {
		return emerg(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "run.sock"))
	if err != nil {
		return emerg(err)
	}
	defer l.Close()
	wd, err := os.Getwd()
	if err != nil {
		return emerg(err)
	}
	config := strings.NewReplacer("@FILE@", quote(file), "@DIR@", quoteInside(wd), "@SOCKET@", quote("unix:"+filepath.Join(dir, "listen.sock"))).Replace(mustRead("site/run.conf"))
	srv, err := luahttpd.Parse(strings.NewReader(config), luahttpd.WithPrefix(wd))
	if err != nil {
		return emerg(err)
	}
	defer srv.Close()
	if err := srv.Attach(l); err != nil {
		return emerg(err)
	}
	if err := srv.Start(); err != nil {
		return emerg(err)
	}
	return printAnswer(l.Addr().String())
}

// printAnswer makes the request and copies the answer to the terminal as it
// comes. A status of 400 and more fails the command.
func printAnswer(socket string) int {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://localhost/")
	if err != nil {
		return emerg(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		fmt.Fprintln(os.Stderr, "luahttpd: the script ended with status", resp.Status)
		return 1
	}
	if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
		return emerg(err)
	}
	return 0
}
